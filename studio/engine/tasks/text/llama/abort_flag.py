"""Stops a running calculation of llama.cpp when a job is cancelled.

The library asks a callback before every operation of the graph, hundreds of times for a token. A
callback in Python would cost more than the operation, so the callback is the function `strlen` of
the C library: an empty text means "go on" (0), any other "stop". A thread writes the text.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable, Iterator

_POLL_SECONDS = 0.05

_libc = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
IS_SET = ctypes.cast(_libc.strlen, ctypes.c_void_p)
"""The callback, to be given the address of a flag."""


@contextlib.contextmanager
def abort_flag(check: Callable[[], None]) -> Iterator[int]:
    """Yield the address of a flag that is set once `check` raises. Call `check` afterwards."""
    # Of its own for each use, since the thread may still write to it afterwards.
    flag = ctypes.create_string_buffer(2)
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(_POLL_SECONDS):
            try:
                check()
            except Exception:  # raised again by the caller's own check
                flag[0] = b"x"
                return

    threading.Thread(target=poll, name="abort-flag", daemon=True).start()
    try:
        yield ctypes.addressof(flag)
    finally:
        ended.set()
