"""Files of results under names that say their state of review, for programs that take files."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import time
from pathlib import Path

from studio.formats.folders import make_below
from studio.library.folder.file_names import numbered, portable_name
from studio.library.review import marked_name

MAX_COPIED = 32 * 2**20
"""Bytes of files that are copied where the disk has no links, while a person waits."""
_FOLDER = "outgoing"
_KEPT_SECONDS = 2 * 24 * 3600.0
"""A program may read what was dropped or pasted much later."""


class MarkedLinks:
    """The files lie in a folder of the cache, as links where that is possible."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._own: Path | None = None
        self._room = MAX_COPIED

    def file(self, path: Path, state: str) -> Path | None:
        """Return a result under its marked name, None if that would take too long.

        Raises `OSError`.
        """
        wanted = self._folder() / marked_name(portable_name(path.name), state)
        for number in itertools.count(1):
            target = numbered(wanted, number)
            try:
                os.link(path.resolve() if path.is_symlink() else path, target)
            except FileExistsError:
                continue
            except OSError:  # another disk, or one without links
                if not target.exists():
                    return target if self._is_copied(path, target) else None
            else:
                return target
        raise AssertionError("unreachable")

    def _is_copied(self, path: Path, target: Path) -> bool:
        size = path.stat().st_size
        if size > self._room:
            return False
        self._room -= size
        shutil.copyfile(path, target)
        return True

    def sweep(self) -> None:
        """Remove the files of earlier days."""
        with contextlib.suppress(OSError):
            for folder in (self._cache / _FOLDER).iterdir():
                is_old = time.time() - folder.stat().st_mtime > _KEPT_SECONDS
                if is_old and folder != self._own and not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        if self._own is None:
            above = self._cache / _FOLDER
            make_below(self._cache, above, private=True)
            self._own = Path(tempfile.mkdtemp(dir=above))
        return self._own
