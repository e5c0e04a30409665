"""Safe file operations: move without overwriting, create and check folders, hash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from pathlib import Path

from studio.formats.atomic_write import make_private_folder
from studio.formats.untrusted_files import is_folder, open_regular
from studio.library.disk_problems import cannot_write, file_problem
from studio.library.folder.file_names import numbered
from studio.protocol import ProblemError, problem

_LINKS_UNSUPPORTED = (
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EXDEV,
)


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Create a folder that the user chose, and check that it is writable. Raises `ProblemError`.

    With `private`, a new folder is for the user alone.
    """
    try:
        if private:
            make_private_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise problem(
            "bad_input",
            "{path} is a file, so nothing can be saved in it. Choose a folder.",
            str(error),
            path=folder,
        ) from error
    except OSError as error:
        raise file_problem(error, folder) from error
    except ValueError as error:  # a null character
        raise ProblemError(cannot_write(folder, str(error))) from error
    check_writable(folder)


def check_writable(folder: Path) -> None:
    """Check that a folder can be written to. Raises `ProblemError`."""
    try:
        # An anonymous file where supported: a crash leaves nothing behind.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise file_problem(error, folder) from error


def check_library_folder(folder: Path) -> None:
    """Check that the library folder chosen by the user exists. Raises `ProblemError`.

    A missing folder is not created, because its disk may be unplugged: an empty library would
    look like data loss, and its contents would be hidden once the disk is mounted again.
    """
    if not is_folder(folder):
        raise library_missing(folder)


def library_missing(folder: Path) -> ProblemError:
    """Return the error for a library whose folder is not there, or the empty mount point is."""
    return problem(
        "bad_input",
        "The library folder {path} does not exist. Connect its disk, or choose another folder "
        "in the settings.",
        path=folder,
    )


def sync_folder(folder: Path) -> None:
    """Sync the folder's directory entries to disk, if the system supports that."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def place_file(temporary: Path, wanted: Path) -> Path:
    """Move the finished, synced file `temporary` to `wanted` without overwriting a file.

    Both must be on the same file system. The folder of `wanted` is created, not those above it. If
    `wanted` exists, the first unused numbered name is taken. Returns the final path. Raises
    `ProblemError`.
    """
    try:
        temporary.lstat()  # first: if its disk was unplugged, no folder is made in its place
        wanted.parent.mkdir(exist_ok=True)
        for attempt in range(1, 10_000):
            final = numbered(wanted, attempt)
            try:
                _rename_exclusively(temporary, final)
            except FileExistsError:
                continue
            sync_folder(final.parent)
            return final
    except OSError as error:
        raise file_problem(error, wanted.parent) from error
    raise ProblemError(cannot_write(wanted.parent, f"no unused name for {wanted.name}"))


def _rename_exclusively(temporary: Path, final: Path) -> None:
    """Rename a file. Raises `FileExistsError` if `final` exists."""
    if os.name == "nt":
        temporary.rename(final)  # does not overwrite on Windows
        return
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _LINKS_UNSUPPORTED:
            raise
        # FAT and some network drives: reserve the name with an empty file, then replace that.
        os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        temporary.replace(final)
        return
    temporary.unlink()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file as hex. Raises `OSError`."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_input(path: Path) -> None:
    """Check that an input file exists, is readable and is not empty. Raises `ProblemError`."""
    if is_folder(path):
        raise problem("bad_input", "{path} is a folder, but a file is needed.", path=path)
    try:
        with open_regular(path) as file:
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
