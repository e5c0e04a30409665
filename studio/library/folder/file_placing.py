"""Files put in their place: never overwriting, and never leaving a half."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from pathlib import Path

from studio.library.disk_problems import cannot_write, file_problem
from studio.library.folder.file_names import numbered
from studio.protocol import ProblemError, problem

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def make_folder(folder: Path) -> None:
    """Make sure that `folder` exists and can be written into. Raises `ProblemError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Where the system can, such a file has no name that a crash could leave behind.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise problem(
            "bad_input",
            "{path} is a file, so nothing can be saved in it. Choose a folder.",
            str(error),
            path=folder,
        ) from error
    except OSError as error:
        raise file_problem(error, folder) from error


def check_library_folder(folder: Path) -> None:
    """Make sure that a library folder of the user's choice is there. Raises `ProblemError`.

    It is not made anew: its disk may be unplugged, and an empty library in its place would look
    like a loss, and hide what is made there when the disk is back.
    """
    if not folder.is_dir():
        raise problem(
            "bad_input",
            "The library folder {path} does not exist. Connect its disk, or choose another folder "
            "in the settings.",
            path=folder,
        )


def sync_folder(folder: Path) -> None:
    """Have the system put the folder's list of names on the disk, where that can be asked."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def place_file(temporary: Path, wanted: Path) -> Path:
    """Give the finished, synced file `temporary` its final name, without ever overwriting.

    Both must lie on one file system. Takes `wanted`, or the first numbered name that is free.
    Returns the final path. Raises `ProblemError`.
    """
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 10_000):
            final = numbered(wanted, attempt)
            try:
                _rename_to_free_name(temporary, final)
            except FileExistsError:
                continue
            sync_folder(final.parent)
            return final
    except OSError as error:
        raise file_problem(error, wanted.parent) from error
    raise ProblemError(cannot_write(wanted.parent, f"no free name for {wanted.name}"))


def _rename_to_free_name(temporary: Path, final: Path) -> None:
    if os.name == "nt":
        temporary.rename(final)  # Windows refuses to overwrite
        return
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here (FAT, some network drives): hold the name, then replace the holder.
        os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        temporary.replace(final)
        return
    temporary.unlink()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file as hex. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_input(path: Path) -> None:
    """Make sure that an input file is there and can be read. Raises `ProblemError`."""
    if path.is_dir():
        raise problem("bad_input", "{path} is a folder, but a file is needed.", path=path)
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise problem(
            "bad_input",
            "The file {path} does not exist. It may have been moved, renamed or deleted.",
            str(error),
            path=path,
        ) from error
    except OSError as error:
        raise problem(
            "bad_input",
            "The file {path} cannot be read. Check its permissions.",
            str(error),
            path=path,
        ) from error
    if empty:
        raise problem("bad_input", "The file {path} is empty.", path=path)
