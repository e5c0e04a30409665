"""The beginning of a long answer."""

from __future__ import annotations

FOLDED_CHARACTERS = 800
FOLDED_LINES = 14
_TOLERANCE = 1.25
"""A text that is only this much longer is not folded: the rest is no longer than the button."""


def folded(text: str) -> str:
    """Return the first lines of a text, or all of it if it is not much longer."""
    if len(text) <= FOLDED_CHARACTERS * _TOLERANCE and text.count("\n") <= (
        FOLDED_LINES * _TOLERANCE
    ):
        return text
    # Splitting all of a long text would take longer than showing its beginning.
    start = text[: FOLDED_CHARACTERS + 1]
    lines = start.split("\n")[:FOLDED_LINES]
    kept = "\n".join(lines)
    if len(kept) > FOLDED_CHARACTERS:
        kept = kept[:FOLDED_CHARACTERS]
        blank = max(kept.rfind(" "), kept.rfind("\n"))
        if blank > FOLDED_CHARACTERS // 2:
            kept = kept[:blank]
    return kept.rstrip()
