"""Starting the app again, as it was started."""

from __future__ import annotations

import sys

from PySide6.QtCore import QProcess


def start_again() -> bool:
    """Start another process by the same command; returns whether that worked.

    To be called once everything is saved and the library is closed.
    """
    is_packed = getattr(sys, "frozen", False)
    arguments = sys.argv[1:] if is_packed else sys.orig_argv[1:]
    started = QProcess.startDetached(sys.executable, arguments)
    # Some versions also return the new process's id.
    return bool(started[0]) if isinstance(started, tuple) else bool(started)
