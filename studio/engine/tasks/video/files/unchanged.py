"""Tell whether a file was changed or replaced while a job reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from studio.protocol import problem


def watch(path: Path) -> Callable[[], None]:
    """Return what raises `ProblemError` once the file is another one than now.

    Raises:
        OSError: the file is not there.
    """
    before = _identity(path)

    def check() -> None:
        try:
            is_same = _identity(path) == before
        except OSError:
            is_same = False
        if not is_same:
            raise problem(
                "bad_input",
                "{name} was changed or replaced while it was read. Run the job again.",
                name=path.name,
            )

    return check


def _identity(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
