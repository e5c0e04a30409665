"""Text files that begin with a block of front matter, which is YAML and JSON at once.

Format: https://jekyllrb.com/docs/front-matter/. Values are written as JSON, one a line.
"""

from __future__ import annotations

import re
from typing import BinaryIO

import msgspec

from studio.formats.embedded import AIGC, RECIPE, Content, Embedded

_MAX_FRONT = 16 * 1024 * 1024
_MAX_TEXT_FILE = 64 * 1024 * 1024
# Legal in JSON as they are, but not in YAML. They can only stand inside a string here.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def recognises(head: bytes) -> bool:
    """Tell from its first bytes whether a file begins with front matter."""
    return head.startswith((b"---\n", b"---\r\n"))


def read(file: BinaryIO) -> Embedded:
    """Return the recipe and the label in the block; the rest of it is for people."""
    return _front(file)[0]


def content(file: BinaryIO) -> Content:
    """Return the text after the block; all of the file where the block has no recipe."""
    embedded, offset = _front(file)
    file.seek(offset if embedded.recipe else 0)
    return Content(text=file.read(_MAX_TEXT_FILE).decode("utf-8", "replace"))


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Write the block, and below it the source, which is a plain text in UTF-8."""
    text = source.read().decode("utf-8", "replace")
    target.write(_block(embedded).encode())
    target.write(text.encode())
    return Content(text=text)


def yaml_safe(text: str) -> str:
    """Return JSON with the characters escaped that YAML cannot hold, nor XML."""
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _block(embedded: Embedded) -> str:
    """Return the block up to and with the empty line below it."""
    lines = ["---"]
    for name, value in embedded.facts.items():
        lines.append(f"{name}: {yaml_safe(msgspec.json.encode(value).decode())}")
    if embedded.label:
        lines.append(f"{AIGC}: {yaml_safe(embedded.label)}")
    lines.append(f"{RECIPE}: {yaml_safe(embedded.recipe)}")
    return "\n".join([*lines, "---", "", ""])


def _front(file: BinaryIO) -> tuple[Embedded, int]:
    """Return what the block carries and where the text begins."""
    found = {RECIPE: "", AIGC: ""}
    file.readline(8)
    while file.tell() < _MAX_FRONT and (raw := file.readline(_MAX_FRONT)):
        line = raw.rstrip(b"\r\n")
        if line == b"---":
            offset = file.tell()
            is_empty = not file.readline(3).strip(b"\r\n")
            embedded = Embedded(recipe=found[RECIPE], label=found[AIGC])
            return embedded, file.tell() if is_empty else offset
        keyword, mark, value = line.partition(b": ")
        if mark and (name := keyword.decode("utf-8", "replace")) in found:
            found[name] = value.decode("utf-8", "replace")
    return Embedded(), 0
