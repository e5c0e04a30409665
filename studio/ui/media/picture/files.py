"""The pictures of a drop, and what a dialog that asks for pictures shows."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData

from studio.formats.suffixes import PICTURES, is_picture

PICTURE_FILTER = " ".join(f"*{suffix}" for suffix in PICTURES)


def dropped_paths(data: QMimeData) -> list[Path]:
    """Return the local files and folders of a drop."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def dropped_pictures(data: QMimeData) -> list[Path]:
    """Return the pictures of a drop; folders are left out."""
    return [path for path in dropped_paths(data) if is_picture(path)]
