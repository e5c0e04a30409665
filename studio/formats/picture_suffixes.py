"""Which files are pictures, by their names; what they hold is looked at when they are read."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture; `._` are sidecar files of macOS."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder and the folders below it, in order of name."""
    return sorted(file for file in folder.rglob("*") if is_picture(file) and file.is_file())
