"""Masks as files in the library, named by their hash."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from studio.formats.atomic_write import write_atomic
from studio.library.disk_problems import file_problem
from studio.library.folder.file_placing import (
    check_library_folder,
    check_writable,
    hash_file,
    sync_folder,
)
from studio.library.library_place import make_in_library

FOLDER = "masks"
_DOTS_PER_METRE = 3780


def save_mask(mask: QImage, library: Path) -> Path:
    """Save a mask as an 8-bit greyscale PNG in the library's folder; identical masks share a file.

    It is never deleted: requests refer to it by its path, and reproducing a job reads it again.
    Returns its path. Raises `ProblemError`.
    """
    data = _png(mask)
    digest = hashlib.sha256(data).hexdigest()
    check_library_folder(library)
    path = library / FOLDER / f"{digest[:16]}.png"
    with contextlib.suppress(OSError):
        if hash_file(path) == digest:
            return path
    make_in_library(library, path.parent)
    check_writable(path.parent)
    try:
        write_atomic(path, data)
    except OSError as error:
        raise file_problem(error, path.parent) from error
    sync_folder(path.parent)
    return path


def _png(mask: QImage) -> bytes:
    grey = mask.convertToFormat(QImage.Format.Format_Grayscale8)
    # The default is the screen's resolution, which would give the same mask different hashes.
    grey.setDotsPerMeterX(_DOTS_PER_METRE)
    grey.setDotsPerMeterY(_DOTS_PER_METRE)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not grey.save(buffer, "PNG"):  # type: ignore[call-overload]  # the stubs say bytes, it is text
        raise MemoryError
    return bytes(buffer.data().data())
