"""Divide a document into passages, which are what is found and shown to a model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.formats.documents.document import Document, Part
from studio.kinds.sources import Passage

LENGTH = 1_200
"""Characters of a passage at most, a third of it where they are Chinese."""
_CJK_LENGTH = 450
_OVERLAP = 0.15
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ENDS = ("\n\n", "。", "！", "？", ". ", "! ", "? ", ".\n", "\n", "；", "; ", "，", ", ", " ")


def passages_of(document: Document) -> Iterator[Passage]:
    """Return the passages of a document in order; each lies within one part."""
    for part in document.parts:
        yield from _passages(part)


def _passages(part: Part) -> Iterator[Passage]:
    text = part.text
    length = _length(text)
    start = 0
    while start < len(text):
        end = _end(text, start, length)
        piece = text[start:end].strip()
        if piece:
            at = part.start + start + text[start:end].index(piece[0])
            yield Passage(part.number, at, at + len(piece), piece, part.title)
        if end >= len(text):
            return
        start = _next_start(text, start, end, length)


def _length(text: str) -> int:
    sample = text[:4_000]
    share = len(_CJK.findall(sample)) / max(1, len(sample))
    return round(LENGTH + (_CJK_LENGTH - LENGTH) * min(1.0, 1.5 * share))


def _end(text: str, start: int, length: int) -> int:
    if start + length * 1.2 >= len(text):
        return len(text)
    for mark in _ENDS:
        at = text.rfind(mark, start + length // 2, start + length)
        if at >= 0:
            return at + len(mark)
    return start + length


def _next_start(text: str, start: int, end: int, length: int) -> int:
    """Return where the next passage begins: with the last sentence of this one."""
    least = max(start + 1, end - round(length * _OVERLAP))
    for mark in ("。", ". ", "\n"):
        at = text.find(mark, least, end - len(mark))
        if at >= 0:
            return at + len(mark)
    return end
