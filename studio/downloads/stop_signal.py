"""Stop a download from another thread, also one that waits for a server that sends nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse


class StopSignal:
    """Once set, running and later reads of responses in `reading` end."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._reading: set[HTTPResponse] = set()

    def set(self) -> None:
        """Stop. May be called from any thread."""
        self._event.set()
        with self._lock:
            for response in self._reading:
                _shut_down(response)

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, at most so long. Returns whether it is set."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def reading(self, response: HTTPResponse) -> Iterator[None]:
        """Let `set` end reads of `response` for the duration of a block."""
        with self._lock:
            self._reading.add(response)
        try:
            yield
        finally:
            with self._lock:
                self._reading.discard(response)


def _shut_down(response: HTTPResponse) -> None:
    with contextlib.suppress(OSError, ValueError):
        connection = socket.socket(fileno=response.fileno())
        try:
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            connection.detach()
