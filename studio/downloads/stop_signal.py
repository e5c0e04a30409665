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
        self._connections: set[socket.socket] = set()

    def set(self) -> None:
        """Stop. May be called from any thread."""
        self._event.set()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, at most so long. Returns whether it is set."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def reading(self, response: HTTPResponse) -> Iterator[None]:
        """Let `set` end reads of `response` for the duration of a block."""
        if response.isclosed():  # it has no content
            yield
            return
        # A duplicate, since the response closes its own at the end, and the number is used again.
        connection = socket.fromfd(response.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()
