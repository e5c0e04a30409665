"""Vorbis comments, the metadata of FLAC and Ogg. Format: https://xiph.org/vorbis/doc/v-comment.html"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

_LENGTH = struct.Struct("<I")
_NAME = re.compile("[ -<>-}]+")
_MAX = 10_000
"""Comments of a file."""


def parse(data: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the vendor string and the comments; what is damaged is left out."""
    found: dict[str, str] = {}
    vendor, at = _text(data, 0)
    if at + 4 > len(data):
        return vendor, found
    (count,) = _LENGTH.unpack_from(data, at)
    at += 4
    for _ in range(min(count, _MAX)):
        if at + 4 > len(data):
            break
        line, at = _text(data, at)
        name, separator, text = line.decode("utf-8", "replace").partition("=")
        if separator:
            found.setdefault(name.upper(), text)
    return vendor, found


def build(vendor: bytes, comments: Mapping[str, str]) -> bytes:
    """Return the comments as bytes. Names that the format cannot store are left out."""
    lines = [
        f"{name}={text}".encode("utf-8", "replace")
        for name, text in comments.items()
        if _NAME.fullmatch(name)
    ]
    parts = [vendor, *lines]
    packed = [_LENGTH.pack(len(part)) + part for part in parts]
    return packed[0] + _LENGTH.pack(len(lines)) + b"".join(packed[1:])


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 4 > len(data):
        return b"", len(data)
    (length,) = _LENGTH.unpack_from(data, at)
    return data[at + 4 : at + 4 + length], at + 4 + length
