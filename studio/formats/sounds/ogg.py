"""Metadata of Opus and Vorbis in Ogg, in the comment packet.

Format: https://www.rfc-editor.org/rfc/rfc3533 and rfc7845. Files of one stream are written only.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from msgspec import Struct

from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.sounds import vorbis_comment
from studio.formats.sounds.comments import MAX_COMMENTS, embedded_of, with_embedded

_HEAD = struct.Struct("<4sBBqIIIB")
_TAGS = b"OpusTags"
_OPUS_RATE = 48_000
_MAX_PAGE = 27 + 255 + 255 * 255
_MOST_SEGMENTS = 255
_CONTINUED = 1
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(Struct, frozen=True):
    flags: int
    granule: int
    stream: int
    lacing: bytes
    data: bytes


def recognises(head: bytes) -> bool:
    """Return whether a file is an Ogg."""
    return head[:4] == b"OggS"


def read(file: BinaryIO) -> Embedded:
    """Return the metadata in the comments of an Opus file."""
    tags, _ = _tags(_pages(file))
    return embedded_of(vorbis_comment.parse(tags[len(_TAGS) :])[1]) if tags else Embedded()


def content(file: BinaryIO) -> Content:
    """Return the duration of an Opus file, None if it is damaged or of another codec."""
    start = file.tell()
    first = next(_pages(file), None)
    if first is None or first.data[:8] != b"OpusHead" or len(first.data) < 12:
        return Content()
    skipped = int.from_bytes(first.data[10:12], "little")
    end = file.seek(0, io.SEEK_END)
    file.seek(max(start, end - 2 * _MAX_PAGE))
    tail = file.read()
    at = tail.rfind(b"OggS")
    while at >= 0:
        if len(tail) >= at + _HEAD.size:
            granule = _HEAD.unpack_from(tail, at)[3]
            if granule > skipped:
                return Content(duration=(granule - skipped) / _OPUS_RATE)
        at = tail.rfind(b"OggS", 0, at)
    return Content()


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy an Opus file with the metadata in it. Raises `ValueError` if it is damaged."""
    start = source.tell()
    pages = _pages(source)
    head = next(pages, None)
    if head is None or head.data[:8] != b"OpusHead":
        raise ValueError("not an Opus file")
    old, is_alone = _tags(pages)
    if not old or not is_alone:
        raise ValueError("no comments where they belong")
    vendor, comments = vorbis_comment.parse(old[len(_TAGS) :])
    new = _TAGS + vorbis_comment.build(vendor, with_embedded(comments, embedded))
    target.write(_packed(head, 0))
    number = 1
    for page in _split(new, head.stream):
        target.write(_packed(page, number))
        number += 1
    for page in pages:
        target.write(_packed(page, number))
        number += 1
    source.seek(start)
    return content(source)


def sound(file: BinaryIO) -> Iterator[bytes]:
    """Yield the encoded sound in blocks, without the comments."""
    pages = _pages(file)
    head = next(pages, None)
    if head is not None:
        yield head.data
        _tags(pages)
    for page in pages:
        yield page.data


def _pages(file: BinaryIO) -> Iterator[_Page]:
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size or head[:4] != b"OggS":
            return
        _, _, flags, granule, stream, _, _, segments = _HEAD.unpack(head)
        lacing = file.read(segments)
        size = sum(lacing)
        data = file.read(size)
        if len(lacing) < segments or len(data) < size:
            return
        yield _Page(flags, granule, stream, lacing, data)


def _tags(pages: Iterator[_Page]) -> tuple[bytes, bool]:
    """Return the comment packet, and whether its last page holds nothing else."""
    found = b""
    for page in pages:
        if not found and page.data[:8] == b"OpusHead":
            continue
        if not found and not page.data.startswith(_TAGS):
            return b"", False
        end = next((at for at, length in enumerate(page.lacing) if length < 255), None)
        if end is None:
            found += page.data
        else:
            return found + page.data[: sum(page.lacing[: end + 1])], end + 1 == len(page.lacing)
        if len(found) > MAX_COMMENTS:
            break
    return b"", False


def _split(packet: bytes, stream: int) -> Iterator[_Page]:
    """Yield the pages of a packet that has pages of its own."""
    lacing = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    for at in range(0, len(lacing), _MOST_SEGMENTS):
        part = lacing[at : at + _MOST_SEGMENTS]
        begin = at * 255
        is_last = at + _MOST_SEGMENTS >= len(lacing)
        flags = _CONTINUED if at else 0
        data = packet[begin : begin + sum(part)]
        # No packet ends on a page with the granule -1.
        yield _Page(flags, 0 if is_last else -1, stream, part, data)


def _packed(page: _Page, number: int) -> bytes:
    head = _HEAD.pack(
        b"OggS", 0, page.flags, page.granule, page.stream, number, 0, len(page.lacing)
    )
    whole = head + page.lacing + page.data
    return whole[:22] + struct.pack("<I", _checksum(whole)) + whole[26:]


def _checksum(data: bytes) -> int:
    """Return Ogg's CRC-32: that of zlib with all bits reversed, from 0 and without inversion."""
    value = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)
