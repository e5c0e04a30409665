"""Read the directory of a zip file and one of its members, with bounded memory.

`zipfile` allocates as much as the file says. Format: PKWARE's APPNOTE.TXT, 4.3 and 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from msgspec import Struct

_MAX_DIRECTORY = 8 * 2**20
"""Bytes. Models with 10,000 tensors have less than 1 MB."""

_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1


class ZipError(ValueError):
    """The file is damaged, or uses a feature that PyTorch does not use."""


class Member(Struct, frozen=True):
    """A file in the archive; sizes and offset in bytes."""

    flags: int
    method: int
    stored: int
    size: int
    offset: int


def read_directory(file: BinaryIO) -> dict[str, Member]:
    """Return the members by name. Raises `ZipError` or `OSError`."""
    length, offset = _directory_place(file)
    if length > _MAX_DIRECTORY:
        raise ZipError("the directory of the archive is too large")
    file.seek(offset)
    data = file.read(length)
    members: dict[str, Member] = {}
    at = 0
    try:
        while at < length:
            fields = _ENTRY.unpack_from(data, at)
            if fields[0] != b"PK\1\2":
                raise ZipError("an entry of the directory is damaged")
            name_bytes, extra_bytes, comment_bytes = fields[10:13]
            start = at + _ENTRY.size
            name = data[start : start + name_bytes].decode("utf-8")
            extra = data[start + name_bytes : start + name_bytes + extra_bytes]
            size, stored, place = _large_values(extra, fields[9], fields[8], fields[16])
            members[name] = Member(fields[3], fields[4], stored, size, place)
            at = start + name_bytes + extra_bytes + comment_bytes
    except (struct.error, UnicodeDecodeError) as error:
        raise ZipError(f"the directory of the archive is damaged: {error}") from error
    return members


def read_member(file: BinaryIO, member: Member, max_bytes: int) -> bytes:
    """Return a member's content. Raises `ZipError` if it is damaged or too large, `OSError`."""
    if member.flags & _ENCRYPTED or member.method not in (_STORED, _DEFLATED):
        raise ZipError(f"compression method {member.method} is not supported")
    if member.stored > max_bytes or member.size > max_bytes:
        raise ZipError(f"a table of {member.size} bytes is too large")
    file.seek(member.offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        raise ZipError("a member of the archive is damaged")
    name_bytes, extra_bytes = _LOCAL.unpack(head)[-2:]
    file.seek(name_bytes + extra_bytes, 1)
    data = file.read(member.stored)
    if member.method == _DEFLATED:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = stream.decompress(data, member.size + 1)
        except zlib.error as error:
            raise ZipError(str(error)) from error
    if len(data) != member.size:
        raise ZipError("a member of the archive has another size than the directory says")
    return data


def data_offset(file: BinaryIO, member: Member) -> int:
    """Return where the content of a stored member begins in the file.

    Raises `ZipError` if it is compressed, encrypted or damaged, `OSError`.
    """
    if member.flags & _ENCRYPTED or member.method != _STORED or member.stored != member.size:
        raise ZipError(f"compression method {member.method} is not supported here")
    file.seek(member.offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        raise ZipError("a member of the archive is damaged")
    name_bytes, extra_bytes = _LOCAL.unpack(head)[-2:]
    start = member.offset + _LOCAL.size + name_bytes + extra_bytes
    if start + member.size > file.seek(0, 2):
        raise ZipError("a member of the archive lies beyond its end")
    return int(start)


def _directory_place(file: BinaryIO) -> tuple[int, int]:
    """Return length and offset of the directory, which the record at the end of the file names."""
    size = file.seek(0, 2)
    tail_bytes = min(size, _END.size + 65_535)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise ZipError("the archive has no directory")
    length, offset = _END.unpack_from(tail, at)[5:7]
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size :].startswith(b"PK\6\7"):
        _, _, end64, _ = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
        if end64 > size:
            raise ZipError("the archive's directory lies beyond its end")
        file.seek(end64)
        record = file.read(_END64.size)
        if len(record) < _END64.size or not record.startswith(b"PK\6\6"):
            raise ZipError("the archive has no directory")
        length, offset = _END64.unpack(record)[8:10]
    if offset + length > size:
        raise ZipError("the archive's directory lies beyond its end")
    return length, offset


def _large_values(extra: bytes, *values: int) -> tuple[int, ...]:
    """Return the values, with those of 0xFFFFFFFF read from the zip64 extra field."""
    if 0xFFFFFFFF not in values:
        return values
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            large = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            return tuple(next(large, v) if v == 0xFFFFFFFF else v for v in values)
        at += 4 + length
    return values
