"""Text, Markdown and subtitles as parts."""

from __future__ import annotations

import re

from studio.formats.documents.document import MAX_TITLE, PART, RawPart, stretches
from studio.formats.text_encoding import decode

_HEADING = re.compile(r"#{1,6}[ \t]+(\S.{0,500})")
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
_FRONT_MATTER = re.compile(r"\A---\n.{0,20000}?\n---\n", re.DOTALL)
_TIMES = re.compile(r"(\d{1,3}:\d\d:\d\d)[,.]\d{1,3} *--> *\d")
_TAGS = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")


class NotTextError(ValueError):
    """The bytes are no text in any encoding that is known."""


def decoded(data: bytes) -> str:
    """Return the text of a file with plain line ends. Raises `NotTextError`."""
    found = decode(data)
    if found is None:
        raise NotTextError
    return found.text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def text_parts(data: bytes) -> list[RawPart]:
    """Return the parts of a plain text; form feeds divide pages."""
    text = decoded(data)
    pages = text.split("\f")
    if len(pages) > 1:
        return [RawPart(page.strip()) for page in pages]
    return stretches(text)


def markdown_parts(data: bytes) -> list[RawPart]:
    """Return the sections of a Markdown text: what stands below each heading, in stretches."""
    text = _FRONT_MATTER.sub("", decoded(data), count=1)
    parts: list[RawPart] = []
    title, lines, fence = "", list[str](), ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark is not None and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        heading = None if fence else _HEADING.fullmatch(line.rstrip())
        if heading is not None:
            parts += titled("\n".join(lines), title)
            title, lines = heading[1].strip("# ")[:MAX_TITLE], []
        lines.append(line)
    return parts + titled("\n".join(lines), title)


def titled(text: str, title: str) -> list[RawPart]:
    """Return the stretches of a section under its title."""
    if len(text) <= 2 * PART:
        return [RawPart(text.strip(), title)] if text.strip() else []
    return [RawPart(part.text, title) for part in stretches(text)]


def subtitle_parts(data: bytes) -> list[RawPart]:
    """Return what is said in SRT or WebVTT; the title of a part is the time of its first line."""
    parts: list[RawPart] = []
    time, lines, length = "", list[str](), 0
    waiting = ""
    for line in decoded(data).split("\n"):
        found = _TIMES.search(line[:200])
        if found is not None:
            if length > PART:
                parts.append(RawPart("\n".join(lines), time))
                time, lines, length = "", [], 0
            time = time or found[1]
            waiting = ""
            continue
        text = _TAGS.sub("", line).strip()
        if waiting:
            lines.append(waiting)
            waiting = ""
        # The number of a line stands alone before its time.
        if text.isdecimal() and len(text) < 7:
            waiting = text
        elif text and text != "WEBVTT":
            lines.append(text)
            length += len(text)
    if lines:
        parts.append(RawPart("\n".join(lines), time))
    return parts
