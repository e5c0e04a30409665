"""Open a file or folder in the system's application for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from studio.ui.style.theme import Severity
from studio.ui.style.translations import tr


def open_path(path: Path, tell: Callable[[str, Severity], object]) -> None:
    """Open a file or folder; `tell(text, severity)` says where it is if no program opens it."""
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
        tell(tr("No program was found that opens {path}.").format(path=path), "warning")
