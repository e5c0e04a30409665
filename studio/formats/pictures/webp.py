"""Read size and XMP from WebP chunks, with bounded reads and without decoding.

Format: https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from studio.formats.pictures import xmp
from studio.formats.pictures.embedded import Content, Embedded

MAX_XMP = 16 * 1024 * 1024
_MAX_EXIF = 16 * 1024 * 1024
_MAX_CHUNKS = 10_000


class WebpError(ValueError):
    """The file is not a WebP, or is damaged."""


def recognises(head: bytes) -> bool:
    """Return whether a file is a WebP."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def read(file: BinaryIO) -> Embedded:
    """Return the XMP packet, with the recipe and label that it contains."""
    try:
        return xmp.embedded_in([read_packet(file)])
    except WebpError:
        return Embedded()


def content(file: BinaryIO) -> Content:
    """Return width and height, None if the file is damaged."""
    try:
        width, height = size(file)
    except WebpError:
        return Content()
    return Content(width, height)


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a WebP with recipe and XMP in the place of its own XMP, which it must have.

    Raises `WebpError`.
    """
    width, height = size(source)
    source.seek(0)
    packet = xmp.packet_of(embedded).encode()
    start = target.tell()
    target.write(b"RIFF\0\0\0\0WEBP")
    is_extended = False
    for kind, length in _chunks(source):
        if kind == b"XMP ":
            continue
        is_extended |= kind == b"VP8X"
        target.write(struct.pack("<4sI", kind, length))
        _copy(source, target, length + length % 2)
    if not is_extended:
        raise WebpError("no place for metadata")
    target.write(struct.pack("<4sI", b"XMP ", len(packet)) + packet + bytes(len(packet) % 2))
    end = target.tell()
    target.seek(start + 4)
    target.write(struct.pack("<I", end - start - 8))
    target.seek(end)
    return Content(width, height)


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count:
        part = source.read(min(count, 1 << 20))
        if not part:
            raise WebpError("a chunk is cut off")
        target.write(part)
        count -= len(part)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of each chunk, with the file positioned at the chunk's data.

    The caller may move the file position. Raises `WebpError`.
    """
    if not recognises(file.read(12)):
        raise WebpError("not a WebP file")
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        kind, length = struct.unpack("<4sI", head)
        start = file.tell()
        yield kind, length
        file.seek(start + length + length % 2)
    raise WebpError("too many chunks")


def size(file: BinaryIO) -> tuple[int, int]:
    """Return width and height in pixels. Raises `WebpError`."""
    for kind, _ in _chunks(file):
        head = file.read(10)
        if kind == b"VP8X" and len(head) == 10:
            return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:], "little")
        if kind == b"VP8L" and head[:1] == b"\x2f" and len(head) >= 5:
            bits = int.from_bytes(head[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        if kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) == 10:
            width, height = struct.unpack("<HH", head[6:])
            return width & 0x3FFF, height & 0x3FFF
        break
    raise WebpError("no size in the first chunk")


def read_packet(file: BinaryIO) -> str:
    """Return the XMP packet, "" if there is none or it is overlong.

    Raises `WebpError` if the file is not a WebP.
    """
    for kind, length in _chunks(file):
        if kind == b"XMP " and length <= MAX_XMP:
            return file.read(length).decode("utf-8", "replace")
    return ""


def read_exif(file: BinaryIO) -> bytes:
    """Return the EXIF block, empty if there is none or it is overlong."""
    try:
        for kind, length in _chunks(file):
            if kind == b"EXIF" and length <= _MAX_EXIF:
                return file.read(length)
    except WebpError:
        pass
    return b""
