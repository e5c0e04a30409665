"""How long documents are, in words."""

from __future__ import annotations

from studio.ui.style.translations import tr


def length_text(place: str, parts: int) -> str:
    """Return how many pages, slides or parts a document has, "" where it has only one."""
    if parts < 2:
        return ""
    count = f"{parts:,}"
    if place == "page":
        return tr("{count} pages").format(count=count)
    if place == "slide":
        return tr("{count} slides").format(count=count)
    return tr("{count} parts").format(count=count)
