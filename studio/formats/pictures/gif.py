"""Size and XMP of GIF files, without decoding them.

Format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt; XMP is an application extension, see
https://github.com/adobe/XMP-Toolkit-SDK/tree/main/docs (part 3).
"""

from __future__ import annotations

import shutil
import struct
from typing import BinaryIO

from studio.formats.pictures import xmp
from studio.formats.pictures.embedded import Content, Embedded

MAX_XMP = 16 * 1024 * 1024
_SIGNATURES = (b"GIF87a", b"GIF89a")
_XMP = b"\x21\xff\x0bXMP DataXMP"
_TRAILER = bytes([1, *range(255, -1, -1), 0])
"""Ends the packet for readers that take it for blocks with their lengths."""
_MAX_BLOCKS = 1_000_000
_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B


def recognises(head: bytes) -> bool:
    """Return whether a file is a GIF."""
    return head[:6] in _SIGNATURES


def read(file: BinaryIO) -> Embedded:
    """Return the XMP packet, with the recipe and label that it contains."""
    try:
        start, end = _packet_place(file)
    except (ValueError, struct.error, IndexError):
        return Embedded()
    file.seek(start)
    return xmp.embedded_in([file.read(end - start).decode("utf-8", "replace")])


def content(file: BinaryIO) -> Content:
    """Return width and height, None if the file is damaged."""
    head = file.read(10)
    if not recognises(head) or len(head) < 10:
        return Content()
    return Content(*struct.unpack("<HH", head[6:]))


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a GIF without XMP of its own, with recipe and XMP behind its header.

    Raises `ValueError` if it is damaged.
    """
    found = content(source)
    if found.width is None:
        raise ValueError("not a GIF")
    source.seek(0)
    head = source.read(13)
    if len(head) < 13:
        raise ValueError("the header is cut off")
    target.write(head + source.read(_colours(head[10])))
    packet = xmp.packet_of(embedded).encode()
    target.write(_XMP + packet + _TRAILER)
    shutil.copyfileobj(source, target)
    return found


def _colours(flags: int) -> int:
    """Return the bytes of a table of colours."""
    return 3 << (1 + (flags & 7)) if flags & 0x80 else 0


def _packet_place(file: BinaryIO) -> tuple[int, int]:
    """Return where the XMP packet begins and ends. Raises `ValueError` if there is none."""
    head = file.read(13)
    if not recognises(head):
        raise ValueError("not a GIF")
    file.seek(_colours(head[10]), 1)
    for _ in range(_MAX_BLOCKS):
        kind = file.read(1)[0]
        if kind == _EXTENSION:
            at = file.tell() - 1
            file.seek(at)
            if file.read(len(_XMP)) == _XMP:
                start = file.tell()
                data = file.read(MAX_XMP + len(_TRAILER))
                length = data.find(_TRAILER)
                if length < 0:
                    raise ValueError("the packet has no end")
                return start, start + length
            file.seek(at + 2)
            _skip_blocks(file)
        elif kind == _IMAGE:
            flags = file.read(9)[8]
            file.seek(_colours(flags) + 1, 1)
            _skip_blocks(file)
        else:
            break
    raise ValueError("no packet")


def _skip_blocks(file: BinaryIO) -> None:
    for _ in range(_MAX_BLOCKS):
        length = file.read(1)[0]
        if not length:
            return
        file.seek(length, 1)
    raise ValueError("too many blocks")
