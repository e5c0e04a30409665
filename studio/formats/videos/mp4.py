"""Metadata of MP4 and QuickTime files, as XMP in a box of its own behind all others.

Format: https://www.iso.org/standard/83102.html (ISO/IEC 14496-12); the box of XMP packets is in
https://github.com/adobe/XMP-Toolkit-SDK/tree/main/docs (part 3). Nothing in front of the box moves,
so the places of the samples that the file names stay right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from studio.formats.pictures import xmp
from studio.formats.pictures.embedded import Content, Embedded

MAX_XMP = 16 * 1024 * 1024
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MAX_BOXES = 100_000
_BLOCK = 1 << 20


def recognises(head: bytes) -> bool:
    """Return whether a file is an MP4 or a QuickTime film."""
    return head[4:8] in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip")


def read(file: BinaryIO) -> Embedded:
    """Return the XMP packet, with the recipe and label that it contains."""
    for kind, length in _boxes(file, file.tell(), None):
        if kind == b"uuid" and 16 <= length <= MAX_XMP and file.read(16) == _XMP:
            return xmp.embedded_in([file.read(length - 16).decode("utf-8", "replace")])
    return Embedded()


def content(file: BinaryIO) -> Content:
    """Return the size of the picture and the duration, None where the file does not say them."""
    for kind, length in _boxes(file, file.tell(), None):
        if kind == b"moov":
            return _of_film(file, file.tell(), length)
    return Content()


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a file with recipe and XMP behind it. Raises `ValueError` if it is damaged."""
    start = source.tell()
    found = content(source)
    source.seek(start)
    packet = xmp.packet_of(embedded).encode()
    has_film = False
    for kind, length, head in _with_heads(source, start):
        at = source.tell()
        if kind == b"uuid" and source.read(16) == _XMP:
            continue
        source.seek(at)
        has_film |= kind == b"moov"
        target.write(head)
        _copy(source, target, length)
    if not has_film:
        raise ValueError("not a whole film")
    target.write(struct.pack(">I4s", len(packet) + 24, b"uuid") + _XMP + packet)
    return found


def sound(file: BinaryIO) -> Iterator[bytes]:
    """Yield the encoded pictures and sound in blocks."""
    for kind, length in _boxes(file, file.tell(), None):
        if kind == b"mdat":
            while length and (part := file.read(min(length, _BLOCK))):
                length -= len(part)
                yield part


def _of_film(file: BinaryIO, start: int, length: int) -> Content:
    duration: float | None = None
    width = height = None
    for kind, size in _boxes(file, start, start + length):
        inside = file.tell()
        if kind == b"mvhd":
            duration = _duration(file.read(min(size, 120)))
        elif kind == b"trak":
            for part, part_size in _boxes(file, inside, inside + size):
                if part == b"tkhd" and not width:
                    head = file.read(min(part_size, 120))
                    if len(head) >= 84:
                        width, height = (number >> 16 for number in struct.unpack(">II", head[-8:]))
    return Content(width or None, height or None, duration)


def _duration(head: bytes) -> float | None:
    if len(head) >= 32 and head[0] == 1:
        scale, ticks = struct.unpack(">IQ", head[20:32])
    elif len(head) >= 20:
        scale, ticks = struct.unpack(">II", head[12:20])
    else:
        return None
    return ticks / scale if scale and ticks < 2**62 else None


def _boxes(file: BinaryIO, start: int, end: int | None) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of the content of each box, with the file at the content."""
    for kind, length, _ in _with_heads(file, start, end):
        yield kind, length


def _with_heads(
    file: BinaryIO, start: int, end: int | None = None
) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield type, length of the content, and head of each box. The caller may move the file."""
    if end is None:
        end = file.seek(0, 2)
    at = start
    for _ in range(_MAX_BOXES):
        if end - at < 8:
            return
        file.seek(at)
        head = file.read(8)
        size, kind = struct.unpack(">I4s", head)
        if size == 1:
            long = file.read(8)
            size = int.from_bytes(long)
            head += long
        elif size == 0:  # to the end of the file
            size = end - at
            head = struct.pack(">I4sQ", 1, kind, size + 8)
            file.seek(at + 8)
            yield kind, size - 8, head
            return
        if size < len(head) or at + size > end:
            return
        yield kind, size - len(head), head
        at += size


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count:
        part = source.read(min(count, _BLOCK))
        if not part:
            raise ValueError("a box is cut off")
        target.write(part)
        count -= len(part)
