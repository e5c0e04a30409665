"""The SHA-256 of a file while it is written, computed in a thread of its own."""

from __future__ import annotations

import hashlib
import queue
import threading
from pathlib import Path

_BLOCK = 1 << 20
_BLOCKS_WAITING = 16


class StreamHash:
    """Hashes blocks in the order given. If `existing` is a file, its first `length` bytes first.

    Hashing in the thread that receives would slow down a fast download by a third.
    """

    def __init__(self, existing: Path | None = None, length: int = 0) -> None:
        self.position = length
        """Bytes given so far."""
        self._digest = hashlib.sha256()
        self._blocks: queue.Queue[bytes | None] = queue.Queue(_BLOCKS_WAITING)
        self._error: OSError | None = None
        self._thread = threading.Thread(
            target=self._run, args=(existing, length), name="download-hash", daemon=True
        )
        self._thread.start()

    def update(self, block: bytes) -> None:
        """Add a block."""
        self._blocks.put(block)
        self.position += len(block)

    def finish(self) -> str:
        """Return the hash in hex and end the thread. Raises `OSError` for `existing`."""
        self.close()
        if self._error is not None:
            raise self._error
        return self._digest.hexdigest()

    def close(self) -> None:
        """End the thread."""
        self._blocks.put(None)
        self._thread.join()

    def _run(self, existing: Path | None, length: int) -> None:
        try:
            if existing is not None:
                self._read(existing, length)
        except OSError as error:
            self._error = error
        while (block := self._blocks.get()) is not None:
            self._digest.update(block)

    def _read(self, existing: Path, length: int) -> None:
        with existing.open("rb") as file:
            while length and (block := file.read(min(_BLOCK, length))):
                self._digest.update(block)
                length -= len(block)
        if length:
            raise OSError(f"{existing.name} is shorter than expected")
