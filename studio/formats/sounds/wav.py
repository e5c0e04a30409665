"""Metadata of WAV files, in an `id3 ` chunk, as ffmpeg, foobar2000 and others read and write it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.sounds import id3
from studio.formats.sounds.comments import MAX_COMMENTS, embedded_of, with_embedded

_TAGS = (b"id3 ", b"ID3 ")
_MAX_CHUNKS = 10_000
_BLOCK = 1 << 20
_MAX_SIZE = 2**32 - 1
_HEAD = struct.Struct("<4sI")


def recognises(head: bytes) -> bool:
    """Return whether a file is a WAV."""
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def read(file: BinaryIO) -> Embedded:
    """Return the metadata in the tag of the file."""
    return embedded_of(_comments(file))


def content(file: BinaryIO) -> Content:
    """Return the duration, None if the file is damaged."""
    rate = 0
    for kind, length in _chunks(file):
        if kind == b"fmt ":
            head = file.read(12)
            rate = int.from_bytes(head[8:12], "little")
        elif kind == b"data":
            return Content(duration=length / rate) if rate else Content()
    return Content()


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a WAV with the metadata behind its samples. Raises `ValueError` if it is damaged."""
    start = source.tell()
    comments = with_embedded(_comments(source), embedded)
    source.seek(start)
    if not recognises(source.read(12)):
        raise ValueError("not a WAV file")
    source.seek(start)
    target.write(b"RIFF\0\0\0\0WAVE")
    has_samples = False
    for kind, length in _chunks(source):
        if kind in _TAGS:
            continue
        has_samples |= kind == b"data"
        target.write(_HEAD.pack(kind, length))
        _copy(source, target, length)
        target.write(b"\0" * (length % 2))
    if not has_samples:
        raise ValueError("a WAV file without samples")
    tag = id3.tag(comments)
    target.write(_HEAD.pack(_TAGS[0], len(tag)) + tag + b"\0" * (len(tag) % 2))
    size = target.tell() - 8
    if size > _MAX_SIZE:
        raise ValueError("too large for a WAV file")
    target.seek(4)
    target.write(struct.pack("<I", size))
    target.seek(0, io.SEEK_END)
    source.seek(start)
    return content(source)


def sound(file: BinaryIO) -> Iterator[bytes]:
    """Yield the samples in blocks."""
    for kind, length in _chunks(file):
        while kind == b"data" and length:
            part = file.read(min(length, _BLOCK))
            length -= len(part)
            yield part
            if not part:
                return


def _comments(file: BinaryIO) -> dict[str, str]:
    for kind, length in _chunks(file):
        if kind in _TAGS and length <= MAX_COMMENTS:
            return id3.read(io.BytesIO(file.read(length)))
    return {}


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of each whole chunk, with the file positioned at its data."""
    at = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(at)
    if not recognises(file.read(12)):
        return
    at += 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        kind, length = _HEAD.unpack(head)
        at += _HEAD.size
        if at + length > end:
            return
        yield kind, length
        at += length + length % 2


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length:
        part = source.read(min(length, 1 << 20))
        if not part:
            raise ValueError("the file ends early")
        target.write(part)
        length -= len(part)
