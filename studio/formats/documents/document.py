"""A document as text: its parts in order, each with its place and its offset in the whole."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

PlaceKind: TypeAlias = Literal["page", "slide", "chapter", "section", "part", "time"]

MAX_CHARACTERS = 20_000_000
"""Of a whole document: about 10,000 pages."""
MAX_PARTS = 20_000
PART = 2_400
"""Characters of a part of a text that has no pages, about a page."""
MAX_TITLE = 120


class Part(Struct, frozen=True):
    """A page, slide, chapter, section or stretch of a document.

    `number` counts from 1. The text of a document is that of its parts with `JOINT` between them;
    `start` is the offset of this part in it.
    """

    number: int
    start: int
    text: str
    title: str = ""


JOINT = "\n\n"


class Document(Struct, frozen=True):
    """What was read of a file.

    `pages` counts those of the file, `unreadable` those of them without any text: pictures of
    pages. `is_cut` is set where the file has more text than is read.
    """

    name: str
    sha256: str
    place: PlaceKind
    parts: tuple[Part, ...]
    unreadable: int = 0
    is_cut: bool = False

    @property
    def length(self) -> int:
        """Characters of the text."""
        return self.parts[-1].start + len(self.parts[-1].text) if self.parts else 0


class RawPart(Struct, frozen=True):
    """A part as a reader returns it."""

    text: str
    title: str = ""


def stretches(text: str) -> list[RawPart]:
    """Divide a text without pages at ends of paragraphs, or of lines, or of sentences."""
    parts: list[RawPart] = []
    start = 0
    while start < len(text):
        end = _end_of_stretch(text, start)
        if piece := text[start:end].strip():
            parts.append(RawPart(piece))
        start = end
    return parts


def _end_of_stretch(text: str, start: int) -> int:
    limit = start + PART
    if limit >= len(text):
        return len(text)
    for mark in ("\n\n", "\n", "。", ". ", " "):
        at = text.rfind(mark, start + PART // 2, limit)
        if at >= 0:
            return at + len(mark)
    return limit
