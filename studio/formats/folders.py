"""Folders below one that must exist.

A folder that the user chose for results, models or the library may lie on a disk that is
unplugged, or be renamed, while the app works. It is made where it is chosen, and nowhere else: what
is written to a new one in its place would be hidden as soon as the disk is back.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Self

import filelock


def make_below(root: Path, folder: Path, *, private: bool = False) -> None:
    """Create `folder` and those between it and `root`, which is not created.

    With `private`, new folders are for the user alone. Raises `OSError`.
    """
    places = [folder, *folder.parents]
    for place in reversed(places[: places.index(root)]):
        place.mkdir(mode=0o700 if private else 0o777, exist_ok=True)


class FileLock(filelock.FileLock):
    """A file lock whose folder must exist; that of the library would create it."""

    def acquire(
        self,
        timeout: float | None = None,
        poll_interval: float | None = None,
        **options: object,
    ) -> filelock.AcquireReturnProxy[Self]:
        """Acquire the lock. Raises `OSError`, `filelock.Timeout` among them."""
        folder = Path(self.lock_file).parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
        return super().acquire(timeout, poll_interval, **options)  # type: ignore[arg-type]
