"""Long texts where there is little room."""

from __future__ import annotations


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters, with an ellipsis where it was cut."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
