"""Masks as files of the library, named by what is in them."""

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
    hash_file,
    make_folder,
    sync_folder,
)

FOLDER = "masks"
_DOTS_PER_METRE = 3780


def save_mask(mask: QImage, library: Path) -> Path:
    """Write a mask as an 8-bit grey PNG into the library's folder; the same mask only once.

    Jobs name it by its path, and read it again when they are reproduced, so it is never removed.
    Returns its path. Raises `ProblemError`.
    """
    data = _png(mask)
    digest = hashlib.sha256(data).hexdigest()
    check_library_folder(library)
    path = library / FOLDER / f"{digest[:16]}.png"
    with contextlib.suppress(OSError):
        if hash_file(path) == digest:
            return path
    make_folder(path.parent)
    try:
        write_atomic(path, data)
    except OSError as error:
        raise file_problem(error, path.parent) from error
    sync_folder(path.parent)
    return path


def _png(mask: QImage) -> bytes:
    grey = mask.convertToFormat(QImage.Format.Format_Grayscale8)
    # It is the screen's otherwise, and would make two files of one mask.
    grey.setDotsPerMeterX(_DOTS_PER_METRE)
    grey.setDotsPerMeterY(_DOTS_PER_METRE)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not grey.save(buffer, "PNG"):  # type: ignore[call-overload]  # the stubs say bytes, it is text
        raise MemoryError
    return bytes(buffer.data().data())
