"""Restart the app with its original command line."""

from __future__ import annotations

import sys

from PySide6.QtCore import QProcess


def start_new_process() -> bool:
    """Start a new process with the same command line; return whether it started.

    Call this only after everything is saved and the library is closed.
    """
    is_packed = getattr(sys, "frozen", False)
    arguments = sys.argv[1:] if is_packed else sys.orig_argv[1:]
    started = QProcess.startDetached(sys.executable, arguments)
    # Some PySide6 versions also return the id of the new process.
    return bool(started[0]) if isinstance(started, tuple) else bool(started)
