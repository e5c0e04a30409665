"""Paragraphs with their speakers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

_SPEAKER = re.compile(r"^\s*([^\s:：。，,.!?！？][^:：。，,.!?！？\n]{0,39}?)\s*[:：]\s*(?=\S)")


class Paragraph(Struct, frozen=True):
    """A paragraph; `speaker` is the name before its colon, "" if there is none in the cast."""

    text: str
    speaker: str = ""


def paragraphs(text: str, cast: Mapping[str, str] = {}) -> Iterator[Paragraph]:
    """Yield the paragraphs of a plain text.

    A line that begins with a name of the cast and a colon starts a paragraph of that speaker,
    which lasts to the next empty line or speaker.
    """
    known = {name.casefold(): name for name in cast}
    lines: list[str] = []
    speaker = ""
    for line in (*text.split("\n"), ""):
        found = _SPEAKER.match(line) if known else None
        name = known.get(found[1].casefold(), "") if found is not None else ""
        if (name or not line.strip()) and lines:
            yield Paragraph(_joined(lines), speaker)
            lines, speaker = [], ""
        if found is not None and name:
            speaker, line = name, line[found.end() :]
        if line.strip():
            lines.append(line.strip())
        elif not lines:
            speaker = ""


def _joined(lines: list[str]) -> str:
    """Return the lines of a paragraph as one; Chinese is joined without a space."""
    whole = lines[0]
    for line in lines[1:]:
        gap = "" if whole[-1] >= "\u2e80" and line[0] >= "\u2e80" else " "
        whole += gap + line
    return whole
