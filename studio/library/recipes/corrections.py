"""Corrected words of sounds and transcripts, in files of their own beside the results.

A result is never changed. Its correction is enhanced LRC and lies in a folder of the library, named
after the job and the row of the result.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.formats.sounds.lyrics import TimedLine, from_lrc, to_lrc
from studio.formats.untrusted_files import is_folder, read_start
from studio.library.disk_problems import file_problem
from studio.library.folder.stored_paths import leads_inside, safe_name
from studio.library.library_place import make_in_library

FOLDER = "corrections"
_MOST_BYTES = 64 * 2**20


def correction_of(root: Path, job: str, row: int) -> tuple[TimedLine, ...]:
    """Return the corrected lines of a result, none if it was not corrected."""
    file = _file(root, job, row)
    if not leads_inside(root, file):
        return ()
    try:
        return from_lrc(read_start(file, _MOST_BYTES).decode("utf-8", "replace"))
    except OSError:
        return ()


def keep_correction(root: Path, job: str, row: int, lines: Sequence[TimedLine]) -> None:
    """Keep the corrected lines of a result, or none. Raises `ProblemError`."""
    file = _file(root, job, row)
    if not lines:
        if leads_inside(root, file):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        return
    make_in_library(root, file.parent)
    try:
        if not (is_folder(file.parent) and leads_inside(root, file)):
            raise OSError("a link out of the library")
        write_atomic(file, to_lrc(lines).encode())
    except OSError as error:
        raise file_problem(error, file.parent) from error


def _file(root: Path, job: str, row: int) -> Path:
    return root / FOLDER / f"{safe_name(job)}-{row}.lrc"
