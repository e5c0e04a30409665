"""Text files with front matter, whose values are written as JSON, which is also valid YAML.

Format: https://jekyllrb.com/docs/front-matter/
"""

from __future__ import annotations

import re
from typing import BinaryIO

import msgspec

from studio.formats.pictures.embedded import AIGC, RECIPE, Content, Embedded
from studio.formats.sounds.comments import LYRICS, PEAKS

_MAX_FRONT = 16 * 1024 * 1024
_MAX_LINES = 10_000
_MAX_TEXT_FILE = 64 * 1024 * 1024
_KEPT = (LYRICS, PEAKS)
"""Of the recording that a text was heard in."""
# Valid in JSON strings, but not in YAML.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def recognises(head: bytes) -> bool:
    """Return whether a file starts with front matter."""
    return head.startswith((b"---\n", b"---\r\n"))


def read(file: BinaryIO) -> Embedded:
    """Return the recipe, the label and the times of the words; other lines are not parsed."""
    return _parse(file)[0]


def content(file: BinaryIO) -> Content:
    """Return the text after the front matter, or the whole file if it is somebody else's."""
    embedded, offset = _parse(file)
    file.seek(offset if embedded.recipe or embedded.texts else 0)
    return Content(text=file.read(_MAX_TEXT_FILE).decode("utf-8", "replace"))


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Write the front matter, followed by `source`, which is plain text in UTF-8."""
    text = source.read().decode("utf-8", "replace")
    target.write(_format(embedded).encode())
    target.write(text.encode())
    return Content(text=text)


def yaml_safe(text: str) -> str:
    """Return JSON text with the characters escaped that YAML and XML do not allow."""
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _format(embedded: Embedded) -> str:
    """Return the front matter, including the empty line after it."""
    lines = ["---"]
    texts = {name: embedded.texts[name] for name in _KEPT if embedded.texts.get(name)}
    for name, value in {**embedded.facts, **texts}.items():
        lines.append(f"{name}: {yaml_safe(msgspec.json.encode(value).decode())}")
    if embedded.label:
        lines.append(f"{AIGC}: {yaml_safe(embedded.label)}")
    if embedded.recipe:
        lines.append(f"{RECIPE}: {yaml_safe(embedded.recipe)}")
    return "\n".join([*lines, "---", "", ""])


def _parse(file: BinaryIO) -> tuple[Embedded, int]:
    """Return the metadata in the front matter, and the offset of the text."""
    values = dict.fromkeys((RECIPE, AIGC, *_KEPT), "")
    file.readline(8)
    for _ in range(_MAX_LINES):
        raw = file.readline(_MAX_FRONT - file.tell()) if file.tell() < _MAX_FRONT else b""
        if not raw:
            break
        line = raw.rstrip(b"\r\n")
        if line == b"---":
            offset = file.tell()
            is_empty = not file.readline(3).strip(b"\r\n")
            texts = {name: text for name in _KEPT if (text := _decoded(values[name]))}
            embedded = Embedded(recipe=values[RECIPE], label=values[AIGC], texts=texts)
            return embedded, file.tell() if is_empty else offset
        keyword, separator, value = line.partition(b": ")
        if separator and (name := keyword.decode("utf-8", "replace")) in values:
            values[name] = value.decode("utf-8", "replace")
    return Embedded(), 0


def _decoded(value: str) -> str:
    try:
        return msgspec.json.decode(value, type=str) if value else ""
    except msgspec.DecodeError:
        return ""
