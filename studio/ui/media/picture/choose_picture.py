"""The dialogs that ask for pictures."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog, QWidget

from studio.formats.suffixes import PICTURES
from studio.ui.style.translations import tr


def choose_picture(parent: QWidget, title: str, folder: str = "") -> str:
    """Ask for a picture; returns its path, or an empty string."""
    path, _ = QFileDialog.getOpenFileName(parent, title, folder, _filter())
    return path


def choose_pictures(parent: QWidget, title: str) -> list[str]:
    """Ask for pictures; returns their paths."""
    paths, _ = QFileDialog.getOpenFileNames(parent, title, "", _filter())
    return paths


def _filter() -> str:
    return f"{tr('Pictures')} ({' '.join(f'*{suffix}' for suffix in PICTURES)})"
