"""Colours of icons, without what reads and writes their drawings: every start needs them."""

from __future__ import annotations

import re
from functools import cache

CURRENT_COLOUR = "currentColor"
"""The colour of the text around an icon in a page; black in a file of its own."""


def is_colour(text: str) -> bool:
    """Return whether a text is a colour that an icon may have: `currentColor` or `#rrggbb`."""
    return _pattern().fullmatch(text) is not None


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(r"currentColor|#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
