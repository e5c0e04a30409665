"""Watches which files of a folder are opened, by whatever code; Linux only."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_inotify = pytest.mark.skipif(sys.platform != "linux", reason="watches files with inotify")

_OPENED = 0x20
_HEADER = struct.Struct("iIII")


@contextmanager
def opened_files(folder: Path) -> Iterator[list[str]]:
    """Yield a list that has the names of the opened files after the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert watcher >= 0
    names: list[str] = []
    try:
        assert libc.inotify_add_watch(watcher, os.fsencode(folder), _OPENED) >= 0
        yield names
        try:
            events = os.read(watcher, 1 << 16)
        except BlockingIOError:
            events = b""
        while events:
            _watch, _mask, _cookie, length = _HEADER.unpack_from(events)
            end = _HEADER.size + length
            names.append(os.fsdecode(events[_HEADER.size : end].rstrip(b"\0")))
            events = events[end:]
    finally:
        os.close(watcher)
