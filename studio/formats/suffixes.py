"""What files are by their names; what they hold is looked at when they are read."""

from __future__ import annotations

from pathlib import Path

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")

"""Pictures that can be read. The library's own are PNG, and what an export made of them."""
TEXTS = (".md",)
AUDIO = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a")
VIDEO = (".mp4", ".webm", ".mkv", ".mov")


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture; `._` are sidecar files of macOS."""
    return path.suffix.lower() in PICTURES and not path.name.startswith("._")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder and the folders below it, in order of name."""
    return sorted(file for file in folder.rglob("*") if is_picture(file) and file.is_file())
