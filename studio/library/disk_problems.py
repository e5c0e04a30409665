"""What the file system says about a folder, as problems for a person."""

from __future__ import annotations

import errno
from pathlib import Path

from studio.protocol import Problem, ProblemError, Sentence

DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
GONE_ERRNOS = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ESTALE)


def disk_full(folder: Path, detail: str) -> Problem:
    """The problem of a full disk."""
    return Problem(
        "disk_full",
        Sentence(
            "The disk with {path} is full. Free some space, then start the job again. Finished "
            "results are kept.",
            {"path": str(folder)},
        ),
        detail,
    )


def gone(folder: Path, detail: str) -> Problem:
    """The problem of a folder that was there before: a disk was unplugged, or it was moved."""
    return Problem(
        "bad_input",
        Sentence(
            "{path} is no longer there. Reconnect its disk or restore the folder, then start the "
            "job again. Finished results are kept.",
            {"path": str(folder)},
        ),
        detail,
    )


def cannot_write(folder: Path, detail: str) -> Problem:
    """The problem of a folder that nothing can be written into."""
    return Problem(
        "bad_input",
        Sentence(
            "{path} cannot be written to. Choose another folder, or change its permissions.",
            {"path": str(folder)},
        ),
        detail,
    )


def file_problem(error: OSError, folder: Path) -> ProblemError:
    """Return the `ProblemError` for what the file system said about `folder`."""
    if error.errno in DISK_ERRNOS:
        return ProblemError(disk_full(folder, str(error)))
    if error.errno in GONE_ERRNOS and not folder.is_dir():
        return ProblemError(gone(folder, str(error)))
    return ProblemError(cannot_write(folder, str(error)))
