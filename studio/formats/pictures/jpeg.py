"""Read size and XMP from JPEG segments, with bounded reads, and insert metadata segments.

XMP that does not fit into one segment is continued in further ones ("extended XMP").
Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B), and part 3 of the XMP
specification, section 1.1.3.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
from collections.abc import Iterator
from typing import BinaryIO

from studio.formats.pictures import xmp
from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.pictures.exif import PREFIX as _EXIF

SIGNATURE = b"\xff\xd8\xff"
MAX_SEGMENT = 65_533
"""Maximum bytes of a segment's content."""
MAX_XMP = 16 * 1024 * 1024
_MAX_SEGMENTS = 5_000
_MAX_FILL = 1_000
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENDED_HEAD = len(_EXTENDED) + 32 + 8
_NOTE = "xmpNote:HasExtendedXMP"
_NOTE_NAMESPACE = "http://ns.adobe.com/xmp/note/"
_APP0, _APP1, _START_OF_SCAN, _END = 0xE0, 0xE1, 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


class JpegError(ValueError):
    """The file is not a JPEG, or is truncated."""


def recognises(head: bytes) -> bool:
    """Return whether a file is a JPEG."""
    return head.startswith(SIGNATURE)


def read(file: BinaryIO) -> Embedded:
    """Return the XMP packet, with the recipe and label that it contains."""
    try:
        return xmp.embedded_in(read_packets(file))
    except JpegError:
        return Embedded()


def content(file: BinaryIO) -> Content:
    """Return width and height, None if the file is damaged."""
    try:
        width, height = size(file)
    except JpegError:
        return Content()
    return Content(width, height)


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a JPEG with its EXIF, and with recipe and XMP in the place of its own XMP.

    Raises `JpegError`.
    """
    width, height = size(source)
    source.seek(0)
    exif = read_exif(source)
    source.seek(0)
    kept: list[bytes] = []
    for marker, length in _segments(source):
        body = source.read(length)
        if len(body) < length:
            raise JpegError("a segment is cut off")
        if marker != _APP1:
            kept.append(b"\xff" + bytes([marker]) + struct.pack(">H", length + 2) + body)
    pixels = source.tell() - 2
    packet, extended = xmp.packet_of(embedded), ""
    if not fits(packet):
        # The main packet keeps what other programs read, if it leaves room for the reference.
        extended = packet
        first = embedded.packet
        if embedded.label:
            first = xmp.with_value(first, xmp.AIGC, xmp.AIGC_NAMESPACE, embedded.label)
        packet = with_extension_note(first, extended)
        if not (fits(packet) and has_extension_note(packet, extended)):
            packet = with_extension_note("", extended)
    head = SIGNATURE[:2] + b"".join(kept)
    target.write(with_metadata(head, exif, packet, extended))
    source.seek(pixels)
    shutil.copyfileobj(source, target, 1 << 20)
    return Content(width, height)


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield marker and length of each segment before the pixels, positioned at its data.

    The caller may move the file position. Raises `JpegError`.
    """
    if file.read(2) != SIGNATURE[:2]:
        raise JpegError("not a JPEG file")
    for _ in range(_MAX_SEGMENTS):
        head = file.read(2)
        if head == b"\xff\xff":
            head = _after_fill_bytes(file)
        if len(head) < 2 or head[0] != 0xFF:
            raise JpegError("no segment where one should begin")
        marker = head[1]
        if marker in (_START_OF_SCAN, _END):
            return
        if marker in _WITHOUT_LENGTH:
            continue
        size_bytes = file.read(2)
        if len(size_bytes) < 2 or (length := struct.unpack(">H", size_bytes)[0] - 2) < 0:
            raise JpegError("a segment without its length")
        start = file.tell()
        yield marker, length
        file.seek(start + length)
    raise JpegError("too many segments")


def _after_fill_bytes(file: BinaryIO) -> bytes:
    """Return the two bytes of the next marker after two fill bytes."""
    for _ in range(_MAX_FILL):
        byte = file.read(1)
        if byte != b"\xff":
            return b"\xff" + byte
    raise JpegError("too many fill bytes")


def size(file: BinaryIO) -> tuple[int, int]:
    """Return width and height in pixels. Raises `JpegError`."""
    for marker, length in _segments(file):
        if marker in _FRAMES and length >= 5:
            sides = file.read(5)
            if len(sides) < 5:
                raise JpegError("the file ends in its frame header")
            height, width = struct.unpack(">xHH", sides)
            return width, height
    raise JpegError("no frame before the pixels")


def read_packets(file: BinaryIO) -> list[str]:
    """Return the XMP packet and, if there is one, its extended packet.

    Damaged and overlong packets are left out. Raises `JpegError` if the file is not a JPEG.
    """
    packet = ""
    parts: dict[bytes, dict[int, bytes]] = {}
    extended_bytes = 0
    try:
        for marker, length in _segments(file):
            if marker != _APP1:
                continue
            body = file.read(length)
            if body.startswith(_XMP) and not packet:
                packet = body[len(_XMP) :].decode("utf-8", "replace")
            elif body.startswith(_EXTENDED) and extended_bytes + length <= MAX_XMP:
                extended_bytes += length
                name = body[len(_EXTENDED) : len(_EXTENDED) + 32]
                offset = int.from_bytes(body[_EXTENDED_HEAD - 4 : _EXTENDED_HEAD], "big")
                parts.setdefault(name, {})[offset] = body[_EXTENDED_HEAD:]
    except JpegError:
        if file.seek(0) or file.read(2) != SIGNATURE[:2]:
            raise
    # Editors may leave stale extended packets behind: use the one that the packet refers to.
    extended = parts.get(xmp.value_of(packet, _NOTE).encode())
    if not extended:
        return [packet] if packet else []
    joined = b"".join(part for _, part in sorted(extended.items()))
    return [packet, joined.decode("utf-8", "replace")]


def read_exif(file: BinaryIO) -> bytes:
    """Return the EXIF block without its prefix, empty if there is none."""
    try:
        for marker, length in _segments(file):
            if marker == _APP1 and (body := file.read(length)).startswith(_EXIF):
                return body.removeprefix(_EXIF)
    except JpegError:
        pass
    return b""


def with_metadata(picture: bytes, exif: bytes, packet: str, extended: str) -> bytes:
    """Return the JPEG with EXIF (starting at the TIFF header) and XMP packets inserted.

    Empty blocks are omitted. `packet` must fit into a segment (`fits`) and, if there is an
    `extended` packet, refer to it (`with_extension_note`). Raises `JpegError`.
    """
    added = [_segment(_EXIF, exif)] if exif else []
    if packet:
        added.append(_segment(_XMP, packet.encode()))
    added += _extended_segments(extended.encode()) if extended else []
    if not picture.startswith(SIGNATURE):
        raise JpegError("not a JPEG file")
    place = 2
    if picture[3] == _APP0:
        place = 4 + struct.unpack(">H", picture[4:6])[0]
    return b"".join([picture[:place], *added, picture[place:]])


def fits(packet: str) -> bool:
    """Return whether an XMP packet fits into one segment."""
    return len(_XMP) + len(packet.encode()) <= MAX_SEGMENT


def exif_fits(exif: bytes) -> bool:
    """Return whether EXIF fits into its segment; there can be only one."""
    return len(_EXIF) + len(exif) <= MAX_SEGMENT


def with_extension_note(packet: str, extended: str) -> str:
    """Return the packet with a reference to its extended packet."""
    return xmp.with_value(packet, _NOTE, _NOTE_NAMESPACE, _name(extended.encode()))


def has_extension_note(packet: str, extended: str) -> bool:
    """Return whether a packet refers to this extended packet."""
    return xmp.value_of(packet, _NOTE) == _name(extended.encode())


def _name(extended: bytes) -> str:
    return hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()


def _extended_segments(data: bytes) -> list[bytes]:
    step = MAX_SEGMENT - _EXTENDED_HEAD
    head = _EXTENDED + _name(data).encode()
    return [
        _segment(head + struct.pack(">II", len(data), at), data[at : at + step])
        for at in range(0, len(data), step)
    ]


def _segment(head: bytes, body: bytes) -> bytes:
    length = len(head) + len(body)
    if length > MAX_SEGMENT:
        raise JpegError("too long for a segment")
    return b"\xff\xe1" + struct.pack(">H", length + 2) + head + body
