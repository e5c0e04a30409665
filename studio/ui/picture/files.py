"""Which files are pictures, by their names; what they hold is looked at when they are read."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")

PICTURE_FILTER = " ".join(f"*{suffix}" for suffix in SUFFIXES)


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._")


def dropped_paths(data: QMimeData) -> list[Path]:
    """Return the local files and folders of a drop."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def dropped_pictures(data: QMimeData) -> list[Path]:
    """Return the pictures of a drop; folders are left out."""
    return [path for path in dropped_paths(data) if is_picture(path)]
