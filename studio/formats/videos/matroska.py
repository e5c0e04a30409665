"""Metadata of Matroska and WebM files, as a tag at the end of the file.

Format: https://www.rfc-editor.org/rfc/rfc9559 and rfc8794.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from studio.formats.pictures import xmp
from studio.formats.pictures.embedded import Content, Embedded

MAX_XMP = 16 * 1024 * 1024
_NAME = b"XMP"
_EBML, _SEGMENT, _TAGS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1254C367, 0x1F43B675
_INFO, _SCALE, _DURATION = 0x1549A966, 0x2AD7B1, 0x4489
_TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = 0x1654AE6B, 0xAE, 0xE0, 0xB0, 0xBA
_TAG, _TARGETS, _SIMPLE, _TAG_NAME, _TAG_TEXT = 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_MAX_ELEMENTS = 100_000
_MAX_HEAD = 1_000_000
_BLOCK = 1 << 20
_UNKNOWN = -1


def recognises(head: bytes) -> bool:
    """Return whether a file is a Matroska or WebM."""
    return head[:4] == _EBML.to_bytes(4)


def read(file: BinaryIO) -> Embedded:
    """Return the XMP packet, with the recipe and label that it contains."""
    packets = [
        packet
        for ident, at, size in _of_segment(file)
        if ident == _TAGS and 0 < size <= MAX_XMP and (packet := _packet(_data(file, at, size)))
    ]
    return xmp.embedded_in(packets[-1:])


def content(file: BinaryIO) -> Content:
    """Return the size of the picture and the duration, None where the file does not say them."""
    duration: float | None = None
    width = height = None
    for ident, at, size in _of_segment(file):
        if ident == _CLUSTER:
            break
        if ident == _INFO and 0 < size <= _MAX_HEAD:
            duration = _duration(_data(file, at, size))
        elif ident == _TRACKS and 0 < size <= _MAX_HEAD:
            data = _data(file, at, size)
            for track in _inside(data, _TRACK):
                for video in _inside(track, _VIDEO):
                    width = width or _number(video, _WIDTH)
                    height = height or _number(video, _HEIGHT)
    return Content(width or None, height or None, duration)


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a file with recipe and XMP in a tag behind it. Raises `ValueError` if it is damaged."""
    found = content(source)
    source.seek(0)
    segment = next(
        (each for each in _elements(source, 0, None, 10) if each[0] == _SEGMENT),
        None,
    )
    if segment is None:
        raise ValueError("no segment")
    _, start, size = segment
    length = source.seek(0, 2)
    end = length if size == _UNKNOWN else start + size
    if end > length:
        raise ValueError("the segment is cut off")
    tags = _tags(xmp.packet_of(embedded))
    source.seek(0)
    head = source.read(start)
    # The size of the segment in 8 bytes, whatever it had: places are counted from behind it.
    at_size = head.rfind(_SEGMENT.to_bytes(4)) + 4
    target.write(head[:at_size] + _size(end - start + len(tags), 8))
    _copy(source, target, end - start)
    target.write(tags)
    return found


def sound(file: BinaryIO) -> Iterator[bytes]:
    """Yield the encoded pictures and sound in blocks."""
    for ident, at, size in _of_segment(file):
        if ident == _CLUSTER and size != _UNKNOWN:
            file.seek(at)
            while size and (part := file.read(min(size, _BLOCK))):
                size -= len(part)
                yield part


def _tags(packet: str) -> bytes:
    simple = _element(_TAG_NAME, _NAME) + _element(_TAG_TEXT, packet.encode())
    return _element(_TAGS, _element(_TAG, _element(_TARGETS, b"") + _element(_SIMPLE, simple)))


def _packet(data: bytes) -> str:
    for tag in _inside(data, _TAG):
        for simple in _inside(tag, _SIMPLE):
            if next(_inside(simple, _TAG_NAME), b"") == _NAME:
                return next(_inside(simple, _TAG_TEXT), b"").decode("utf-8", "replace")
    return ""


def _duration(data: bytes) -> float | None:
    scale = _number(data, _SCALE) or 1_000_000
    ticks = next(_inside(data, _DURATION), b"")
    if len(ticks) not in (4, 8):
        return None
    (value,) = struct.unpack(">f" if len(ticks) == 4 else ">d", ticks)
    seconds = float(value) * scale / 1e9
    return seconds if 0 <= seconds < 1e9 else None


def _number(data: bytes, wanted: int) -> int:
    return int.from_bytes(next(_inside(data, wanted), b"")[:8])


def _of_segment(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield id, place and size of the elements of the segment."""
    for ident, at, size in _elements(file, file.tell(), None, 10):
        if ident == _SEGMENT:
            end = None if size == _UNKNOWN else at + size
            yield from _elements(file, at, end, _MAX_ELEMENTS)
            return


def _elements(
    file: BinaryIO, start: int, end: int | None, most: int
) -> Iterator[tuple[int, int, int]]:
    """Yield id, place of the content, and size of each element; a size may be unknown.

    An element that reaches beyond the end is the last one.
    """
    length = file.seek(0, 2)
    end = length if end is None else min(end, length)
    at = start
    for _ in range(most):
        if end - at < 2:
            return
        file.seek(at)
        head = file.read(12)
        ident, used = _variable(head, keeps_marker=True)
        size, more = _variable(head[used:])
        if not used or not more:
            return
        inside = at + used + more
        yield ident, inside, size
        if size == _UNKNOWN:
            return
        at = inside + size


def _inside(data: bytes, wanted: int) -> Iterator[bytes]:
    """Yield the contents of the elements with an id in an element."""
    at = 0
    while at + 2 <= len(data):
        ident, used = _variable(data[at : at + 8], keeps_marker=True)
        size, more = _variable(data[at + used : at + used + 8])
        if not used or not more or size == _UNKNOWN:
            return
        at += used + more
        if ident == wanted:
            yield data[at : at + size]
        at += size


def _data(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _variable(data: bytes, *, keeps_marker: bool = False) -> tuple[int, int]:
    """Return a number of variable length and its length, which is 0 if there is none."""
    if not data or not data[0]:
        return 0, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return 0, 0
    value = int.from_bytes(data[:length])
    if keeps_marker:
        return value, length
    largest = (1 << 7 * length) - 1
    value &= largest
    return (_UNKNOWN if value == largest else value), length


def _size(value: int, length: int = 0) -> bytes:
    length = length or next(n for n in range(1, 9) if value < (1 << 7 * n) - 1)
    return (value | 1 << 7 * length).to_bytes(length)


def _element(ident: int, data: bytes) -> bytes:
    name = ident.to_bytes((ident.bit_length() + 7) // 8)
    return name + _size(len(data)) + data


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count:
        part = source.read(min(count, _BLOCK))
        if not part:
            raise ValueError("the file is cut off")
        target.write(part)
        count -= len(part)
