"""Metadata of MP3 files, in an ID3v2 tag before the sound."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from typing import BinaryIO

from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.sounds import id3
from studio.formats.sounds.comments import embedded_of, with_embedded

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""MPEG version → sample rates."""
_KILOBITS = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SEARCHED = 4096
"""Bytes after the tag in which the first frame is looked for."""


def recognises(head: bytes) -> bool:
    """Return whether a file is an MP3: a tag, or the header of a frame of layer III."""
    return head[:3] == b"ID3" or _rate(head[:4]) > 0


def read(file: BinaryIO) -> Embedded:
    """Return the metadata in the tag of the file."""
    return embedded_of(id3.read(file))


def content(file: BinaryIO) -> Content:
    """Return the duration, from the count of frames or else the bit rate; None if unknown."""
    start = file.tell()
    sound = start + id3.tag_size(file.read(10))
    end = file.seek(0, io.SEEK_END)
    file.seek(sound)
    data = file.read(_SEARCHED)
    found = data.find(b"\xff")
    while found >= 0:
        head = data[found : found + 4]
        if rate := _rate(head):
            seconds = _seconds(data[found:], rate, end - sound - found)
            return Content(duration=seconds) if seconds else Content()
        found = data.find(b"\xff", found + 1)
    return Content()


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy an MP3 with a new tag. Raises `ValueError` if it has no sound."""
    start = source.tell()
    comments = with_embedded(id3.read(source), embedded)
    source.seek(start)
    found = content(source)
    if found.duration is None:
        raise ValueError("an MP3 file without sound")
    source.seek(start)
    sound = start + id3.tag_size(source.read(10))
    target.write(id3.tag(comments))
    source.seek(sound)
    shutil.copyfileobj(source, target, 1 << 20)
    return found


def sound(file: BinaryIO) -> Iterator[bytes]:
    """Yield the encoded sound in blocks."""
    start = file.tell()
    file.seek(start + id3.tag_size(file.read(10)))
    while part := file.read(1 << 20):
        yield part


def _rate(head: bytes) -> int:
    """Return the sample rate in the header of a frame of layer III, 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate = head[1] >> 3 & 3, head[2] >> 2 & 3
    if version not in _RATES or rate == 3 or head[2] >> 4 in (0, 15):
        return 0
    return _RATES[version][rate]


def _seconds(frame: bytes, rate: int, size: int) -> float:
    version = frame[1] >> 3 & 3
    samples = 1152 if version == 3 else 576
    for mark in (b"Xing", b"Info"):
        at = frame[:64].find(mark)
        if at >= 0 and len(frame) >= at + 12 and frame[at + 7] & 1:
            return int.from_bytes(frame[at + 8 : at + 12]) * samples / rate
    kilobits = _KILOBITS[3 if version == 3 else 2][(frame[2] >> 4) - 1]
    return size * 8 / (1000 * kilobits)
