"""One window for each home: a lock held by the system while the window is open."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PySide6.QtCore import QLockFile

from studio.formats.atomic_write import make_private_folder

_LOCK_FILE = "window.lock"


class WindowLock:
    """The lock of the window of one home. It is free again when its process dies."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = QLockFile(str(home / _LOCK_FILE))
        # However long the window has been open, only the end of its process frees the lock.
        self._lock.setStaleLockTime(0)

    @property
    def server_name(self) -> str:
        """The name under which the window of this home is reached."""
        # Not at the top: it loads OpenSSL, which takes 3 ms before the first paint.
        import hashlib

        home = self._home
        with contextlib.suppress(OSError):
            home = home.resolve()
        return f"prompt-studio-{hashlib.sha256(bytes(home)).hexdigest()[:24]}"

    def acquire(self) -> bool:
        """Return False if another window is open. A lock that cannot be made does not count."""
        with contextlib.suppress(OSError):
            make_private_folder(self._home)
        if self._lock.tryLock(0):
            return True
        if self._lock.error() != QLockFile.LockError.LockFailedError:
            return True
        # Left behind under another host name, which may be new at each start. The system knows
        # whether a process holds it.
        return self._lock.removeStaleLockFile() and self._lock.tryLock(0)

    @property
    def is_held(self) -> bool:
        """Whether this process has the lock."""
        return self._lock.isLocked()

    def release(self) -> None:
        """Let another window open."""
        self._lock.unlock()
