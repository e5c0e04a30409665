"""Files of results under names that say their state of review, for programs that take files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from studio.formats.folders import make_below
from studio.library.folder.file_names import portable_name
from studio.library.review import marked_name

MAX_COPIED = 32 * 2**20
"""Bytes of a file that is copied where the disk has no links, while a person waits."""
_FOLDER = "outgoing"
_KEPT_SECONDS = 2 * 24 * 3600.0
"""A program may read what was dropped or pasted much later."""


class MarkedLinks:
    """The files lie in a folder of the cache, as links where that is possible."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._own: Path | None = None
        self._count = 0

    def file(self, path: Path, state: str) -> Path | None:
        """Return a result under its marked name, None if that would take too long.

        Raises `OSError`.
        """
        self._count += 1
        folder = self._folder() / str(self._count)
        folder.mkdir()
        target = folder / marked_name(portable_name(path.name), state)
        source = path.resolve(strict=True)
        try:
            os.link(source, target)
        except OSError:  # another disk, or one without links
            if source.stat().st_size > MAX_COPIED:
                return None
            shutil.copyfile(source, target)
        return target

    def sweep(self) -> None:
        """Remove the files of earlier days."""
        with contextlib.suppress(OSError):
            for folder in (self._cache / _FOLDER).iterdir():
                is_old = time.time() - folder.stat().st_mtime > _KEPT_SECONDS
                if is_old and folder != self._own and not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        if self._own is None or not self._own.is_dir():
            above = self._cache / _FOLDER
            make_below(self._cache, above, private=True)
            self._own = Path(tempfile.mkdtemp(dir=above))
        return self._own
