"""Zip archives that may be anyone's, opened only if what they unpack to is within limits."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

MAX_ENTRIES = 20_000
MAX_RATIO = 100
"""Documents are packed to a twentieth at most; bombs to a thousandth and less."""
_ALWAYS_ALLOWED = 48 * 2**20
_END = b"PK\x05\x06"
_END_SIZE = 22
_LONGEST_COMMENT = 2**16


class TooLargeArchiveError(ValueError):
    """What an archive unpacks to is too large for its size, or its entries are too many."""


def open_archive(file: BinaryIO, most: int) -> ZipFile:
    """Open a zip archive whose entries together are at most `most` bytes.

    `zipfile` reads no more of an entry than the archive says. Raises `TooLargeArchiveError`,
    `BadZipFile`, and whatever `zipfile` raises at damaged files.
    """
    size = file.seek(0, os.SEEK_END)
    # Read before zipfile does, which makes an object for each entry.
    if _entry_count(file, size) > MAX_ENTRIES:
        raise TooLargeArchiveError("too many entries")
    file.seek(0)
    archive = ZipFile(file)
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > most or unpacked > max(_ALWAYS_ALLOWED, MAX_RATIO * size):
        raise TooLargeArchiveError("unpacks to too much")
    if len(entries) > MAX_ENTRIES:
        raise TooLargeArchiveError("too many entries")
    return archive


def _entry_count(file: BinaryIO, size: int) -> int:
    file.seek(max(0, size - _LONGEST_COMMENT - _END_SIZE))
    end = file.read()
    at = end.rfind(_END)
    if at < 0 or at + _END_SIZE > len(end):
        raise BadZipFile("no end of the directory")
    return int(struct.unpack_from("<H", end, at + 10)[0])
