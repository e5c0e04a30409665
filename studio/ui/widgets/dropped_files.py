"""Files that are dragged and dropped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDropEvent

from studio.formats.suffixes import is_picture

_ORIGINALS = "application/x-prompt-studio-files"


def set_originals(data: QMimeData, paths: Sequence[Path]) -> None:
    """Say which files a drag is of, where other programs get copies with other names."""
    data.setData(_ORIGINALS, msgspec.json.encode([str(path) for path in paths]))


def dropped_paths(data: QMimeData) -> list[Path]:
    """Return the local files and folders of a drop."""
    if data.hasFormat(_ORIGINALS):
        with contextlib.suppress(msgspec.DecodeError):
            own = msgspec.json.decode(data.data(_ORIGINALS).data(), type=list[str])
            return [Path(path) for path in own]
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def dropped_pictures(data: QMimeData) -> list[Path]:
    """Return the pictures of a drop; folders are left out."""
    return [path for path in dropped_paths(data) if is_picture(path)]


def accepted_paths(
    event: QDropEvent, select: Callable[[QMimeData], list[Path]] = dropped_pictures
) -> list[Path]:
    """Return the files of a drag or drop that `select` keeps; accept the event if there are any."""
    paths = select(event.mimeData())
    if paths:
        event.acceptProposedAction()
    return paths
