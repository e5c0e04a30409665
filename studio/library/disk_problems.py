"""File system errors as problems for the user."""

from __future__ import annotations

import errno
from pathlib import Path

from studio.formats.untrusted_files import is_folder
from studio.protocol import Problem, ProblemError, Sentence

DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MISSING_ERRNOS = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ESTALE)


def disk_full(folder: Path, detail: str) -> Problem:
    """Return the problem of a full disk."""
    return Problem(
        "disk_full",
        Sentence(
            "The disk with {path} is full. Free some space, then start the job again. Finished "
            "results are kept.",
            {"path": str(folder)},
        ),
        detail,
    )


def missing(folder: Path, detail: str) -> Problem:
    """Return the problem of a folder that has disappeared: it was moved, or a disk unplugged."""
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
    """Return the problem of a folder that cannot be written to."""
    return Problem(
        "bad_input",
        Sentence(
            "{path} cannot be written to. Choose another folder, or change its permissions.",
            {"path": str(folder)},
        ),
        detail,
    )


def in_use(folder: Path, detail: str) -> Problem:
    """Return the problem of a library that another program keeps locked."""
    return Problem(
        "bad_input",
        Sentence(
            "The library in {path} is in use by another program. Try again in a moment.",
            {"path": str(folder)},
        ),
        detail,
    )


def disconnected(folder: Path, detail: str) -> Problem:
    """Return the problem of a library whose disk reports errors."""
    return Problem(
        "bad_input",
        Sentence(
            "The library in {path} can no longer be read or written. Check that the disk is "
            "still connected.",
            {"path": str(folder)},
        ),
        detail,
    )


def may_be_unrecorded(problem: Problem) -> bool:
    """Return whether a job that failed so may have a result that the index could not take."""
    nowhere = Path()
    causes = (disk_full, missing, cannot_write, in_use, disconnected)
    templates = {cause(nowhere, "").message.template for cause in causes}
    return problem.kind == "disk_full" or problem.message.template in templates


def is_unwritable(problem: Problem, folder: Path) -> bool:
    """Return whether a problem says that nothing can be written in `folder` at the moment."""
    return problem in (disk_full(folder, problem.detail), cannot_write(folder, problem.detail))


def read_only_notice(cause: Problem, folder: Path) -> Problem:
    """Return the notice that the library in `folder` is open for reading only."""
    if cause.kind == "disk_full":
        message = Sentence(
            "The disk with {path} is full, so the library is open for reading only. Nothing new "
            "can be saved in it. Free some space, then start Prompt Studio again.",
            {"path": str(folder)},
        )
    else:
        message = Sentence(
            "{path} cannot be written to, so the library is open for reading only. Nothing new "
            "can be saved in it. Change its permissions or choose another folder, then start "
            "Prompt Studio again.",
            {"path": str(folder)},
        )
    return Problem(cause.kind, message, cause.detail)


def file_problem(error: OSError, folder: Path) -> ProblemError:
    """Return the `ProblemError` for a file system error in `folder`."""
    if error.errno in DISK_ERRNOS:
        return ProblemError(disk_full(folder, str(error)))
    if error.errno in MISSING_ERRNOS and not is_folder(folder):
        return ProblemError(missing(folder, str(error)))
    return ProblemError(cannot_write(folder, str(error)))
