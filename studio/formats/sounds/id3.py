"""Read and write ID3v2 tags, with bounded reads. Format: https://id3.org/id3v2.4.0-structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from studio.formats.sounds.comments import LYRICS, MAX_COMMENTS, PACKET, TITLE

_HEAD = 10
_OWN = 0x40 | 0x80
"""Flags of tags that are not read: an extended header, unsynchronisation."""
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_MAX_FRAMES = 10_000


def tag_size(head: bytes) -> int:
    """Return the bytes of the tag that begins with these ten bytes, 0 if none does."""
    if len(head) < _HEAD or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    footer = _HEAD if head[3] == 4 and head[5] & 0x10 else 0
    return _HEAD + _synchsafe(head[6:10]) + footer


def read(file: BinaryIO) -> dict[str, str]:
    """Return the comments in the tag at the position of the file, nothing if there is none."""
    head = file.read(_HEAD)
    size = tag_size(head)
    if not size or size > MAX_COMMENTS or head[3] not in (3, 4) or head[5] & _OWN:
        return {}
    found: dict[str, str] = {}
    for name, data in _frames(file.read(size - _HEAD), version=head[3]):
        key, text = _comment(name, data)
        if key:
            found.setdefault(key, text)
    return found


def tag(comments: Mapping[str, str]) -> bytes:
    """Return a tag with the comments in it. Raises `ValueError` if it would be too large."""
    frames = b"".join(_frame(name, text) for name, text in comments.items())
    if len(frames) > MAX_COMMENTS:
        raise ValueError("the metadata is too large for a tag")
    return b"ID3\x04\x00\x00" + _to_synchsafe(len(frames)) + frames


def _frames(data: bytes, version: int) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MAX_FRAMES):
        head = data[at : at + _HEAD]
        if len(head) < _HEAD or not head[:4].isalnum():
            return
        size = _synchsafe(head[4:8]) if version == 4 else int.from_bytes(head[4:8])
        if not head[9]:  # compressed, encrypted or grouped otherwise
            yield head[:4], data[at + _HEAD : at + _HEAD + size]
        at += _HEAD + size


def _comment(frame: bytes, data: bytes) -> tuple[str, str]:
    """Return name and text of a comment, "" for frames that are none."""
    if frame == b"PRIV":
        owner, _, rest = data.partition(b"\0")
        return (PACKET, rest.decode("utf-8", "replace")) if owner == b"XMP" else ("", "")
    if frame not in (b"TXXX", b"TIT2", b"USLT") or not data or data[0] not in _ENCODINGS:
        return "", ""
    text = data[4 if frame == b"USLT" else 1 :].decode(_ENCODINGS[data[0]], "replace")
    if frame == b"TIT2":
        return TITLE, text.rstrip("\0")
    name, _, value = text.partition("\0")
    name = LYRICS if frame == b"USLT" else name.lstrip("\ufeff").upper()
    return name, value.lstrip("\ufeff").rstrip("\0")


def _frame(name: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    match name:
        case "TITLE":
            frame, data = b"TIT2", b"\x03" + data
        case "LYRICS":
            frame, data = b"USLT", b"\x03und\0" + data
        case "XMP":
            frame, data = b"PRIV", b"XMP\0" + data
        case _:
            frame, data = b"TXXX", b"\x03" + name.encode() + b"\0" + data
    return frame + _to_synchsafe(len(data)) + b"\0\0" + data


def _synchsafe(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _to_synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
