"""Truncation of long texts."""

from __future__ import annotations


def shortened(text: str, longest: int) -> str:
    """Truncate a text to at most `longest` characters, including the ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
