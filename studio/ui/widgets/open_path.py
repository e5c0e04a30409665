"""Open a file or folder in the system's application for it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def open_path(path: Path) -> None:
    """Open a file or folder that exists on this machine."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
