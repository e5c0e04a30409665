"""File dialogs for pictures."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog, QWidget

from studio.formats.suffixes import PICTURES
from studio.ui.style.translations import tr


def choose_picture(parent: QWidget, title: str, folder: str = "") -> str:
    """Ask for a picture; return its path, or an empty string if cancelled."""
    path, _ = QFileDialog.getOpenFileName(parent, title, folder, _filter())
    return path


def choose_pictures(parent: QWidget, title: str) -> list[str]:
    """Ask for pictures; return their paths, none if cancelled."""
    paths, _ = QFileDialog.getOpenFileNames(parent, title, "", _filter())
    return paths


def _filter() -> str:
    return f"{tr('Pictures')} ({' '.join(f'*{suffix}' for suffix in PICTURES)})"
