"""Read the recipe in SVG files that were written here; other SVG files are not interpreted."""

from __future__ import annotations

from typing import BinaryIO

from studio.formats.icons.drawing import LONGEST_DOCUMENT, read_document
from studio.formats.pictures.embedded import SVG, Content, Embedded


def recognises(head: bytes) -> bool:
    """Return whether a file may be an SVG file that was written here."""
    return head.startswith(b"<svg xmlns=")


def read(file: BinaryIO) -> Embedded:
    """Return the recipe and the drawing, nothing of a file that is not from here."""
    text = file.read(LONGEST_DOCUMENT + 1).decode("utf-8", "replace")
    found = read_document(text)
    if found is None:
        return Embedded()
    drawing, recipe = found
    return Embedded(recipe=recipe, texts={SVG: drawing.document()})


def content(_file: BinaryIO) -> Content:
    """Return nothing: a drawing has no size in pixels."""
    return Content()
