"""Metadata of FLAC files, in a Vorbis comment. Format: https://www.rfc-editor.org/rfc/rfc9639."""

from __future__ import annotations

import io
import shutil
from collections.abc import Collection, Iterator
from typing import BinaryIO

from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.sounds import vorbis_comment
from studio.formats.sounds.comments import embedded_of, with_embedded

_STREAMINFO, _PADDING, _COMMENT = 0, 1, 4
_MAX_BLOCK = 2**24 - 1
_MAX_BLOCKS = 1000


def recognises(head: bytes) -> bool:
    """Return whether a file is a FLAC."""
    return head[:4] == b"fLaC"


def read(file: BinaryIO) -> Embedded:
    """Return the metadata in the comments of the file."""
    for kind, data in _blocks(file, (_COMMENT,)):
        if kind == _COMMENT:
            return embedded_of(vorbis_comment.parse(data)[1])
    return Embedded()


def content(file: BinaryIO) -> Content:
    """Return the duration, None if the file is damaged."""
    for kind, data in _blocks(file, (_STREAMINFO,)):
        if kind == _STREAMINFO and len(data) >= 18:
            bits = int.from_bytes(data[10:18])
            rate, samples = bits >> 44, bits & (1 << 36) - 1
            return Content(duration=samples / rate) if rate and samples else Content()
    return Content()


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a FLAC with the metadata in it. Raises `ValueError` if it is damaged."""
    start = source.tell()
    blocks = list(_blocks(source))
    sound = source.tell()
    if not blocks or blocks[0][0] != _STREAMINFO or not source.read(1):
        raise ValueError("not a whole FLAC file")
    old = next((data for kind, data in blocks if kind == _COMMENT), b"")
    vendor, comments = vorbis_comment.parse(old)
    new = vorbis_comment.build(vendor, with_embedded(comments, embedded))
    if len(new) > _MAX_BLOCK:
        raise ValueError("the metadata is too large for FLAC")
    kept = [block for block in blocks[1:] if block[0] not in (_COMMENT, _PADDING)]
    written = [blocks[0], (_COMMENT, new), *kept]
    target.write(b"fLaC")
    for number, (kind, data) in enumerate(written, 1):
        last = 0x80 if number == len(written) else 0
        target.write(bytes([last | kind]) + len(data).to_bytes(3) + data)
    source.seek(sound)
    shutil.copyfileobj(source, target, 1 << 20)
    source.seek(start)
    return content(source)


def sound(file: BinaryIO) -> Iterator[bytes]:
    """Yield the encoded sound in blocks."""
    for _ in _blocks(file, ()):
        pass
    while part := file.read(1 << 20):
        yield part


def _blocks(file: BinaryIO, wanted: Collection[int] = range(128)) -> Iterator[tuple[int, bytes]]:
    """Yield the type of each metadata block, and the data of the `wanted` types.

    The file is then at the sound.
    """
    if not recognises(file.read(4)):
        return
    for _ in range(_MAX_BLOCKS):
        head = file.read(4)
        if len(head) < 4:
            return
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:])
        if kind in wanted:
            yield kind, file.read(length)
        else:
            file.seek(length, io.SEEK_CUR)
            yield kind, b""
        if head[0] & 0x80:
            return
