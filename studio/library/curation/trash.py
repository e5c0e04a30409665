"""Deleting with a way back: files move to `.trash` in the library, until the user empties it.

The mark is written before the file moves, so that a crash in between leaves a file in the trash
that is known to be there, or one in its place that a rebuild shows again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import numbered, relative_name
from studio.library.folder.file_placing import place_file, sync_folder
from studio.library.folder.marks_file import Marks, append_marks, marks_of, read_marks
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.assets import Assets
from studio.library.index.database import Database
from studio.library.records import Asset
from studio.protocol import problem

TRASH_FOLDER = ".trash"


class Trash:
    """The trash of the library in `root`. Its methods may be called from any thread."""

    def __init__(self, database: Database, assets: Assets, writer: AssetWriter, root: Path) -> None:
        self._database = database
        self._assets = assets
        self._writer = writer
        self._root = root

    def put(self, ids: Iterable[str]) -> list[str]:
        """Move results to the trash. Returns the ids of those that were there to be moved.

        Raises `ProblemError` where the disk refuses; those moved before stay moved.
        """
        known = read_marks(self._root)
        moved: list[str] = []
        for name in ids:
            asset = self._assets.get(name)
            if asset is None or self.holds(asset.path):
                continue
            now = time.time()
            old = known.get(name, marks_of(asset))
            append_marks(
                self._root, msgspec.structs.replace(old, trashed_at=now, origin=str(asset.path))
            )
            target = self._root / TRASH_FOLDER / f"{name}{asset.path.suffix}"
            if asset.path.exists():
                self._move(asset.path, target)
            self._writer.relocate(name, target, now)
            moved.append(name)
        return moved

    def restore(self, ids: Iterable[str]) -> list[Asset]:
        """Bring results back to where they were, under a numbered name if that is taken.

        Raises `ProblemError` where a file is not in the trash any more, or the disk refuses.
        """
        known = read_marks(self._root)
        restored: list[Asset] = []
        for name in ids:
            asset = self._assets.get(name)
            if asset is None or not self.holds(asset.path):
                continue
            mark = known.get(name, marks_of(asset))
            if not asset.path.is_file():
                raise problem(
                    "bad_input",
                    "{name} is no longer in the trash. Another program has deleted it.",
                    name=asset.path.name,
                )
            wanted = Path(mark.origin) if mark.origin else self._place_of(asset)
            final = place_file(asset.path, wanted) if self._is_ours(wanted) else None
            if final is None:
                final = self._free(wanted)
                self._move(asset.path, final)
            self._writer.relocate(name, final, None)
            append_marks(self._root, msgspec.structs.replace(mark, trashed_at=None, origin=""))
            found = self._assets.get(name)
            assert found is not None
            restored.append(found)
        return restored

    def list(self) -> list[Asset]:
        """Return what is in the trash, last deleted first."""
        return self._assets.trashed()

    def empty(self) -> int:
        """Delete everything in the trash for good. Returns how many results that were."""
        held = self._assets.trashed()
        for asset in held:
            try:
                asset.path.unlink(missing_ok=True)
            except OSError as error:
                raise file_problem(error, asset.path.parent) from error
            append_marks(self._root, Marks(asset.id))
        with self._database.write() as db:
            self._writer.forget(db, [asset.id for asset in held])
        return len(held)

    def holds(self, path: Path) -> bool:
        """Tell whether a path lies in the trash."""
        return path.parent == self._root / TRASH_FOLDER

    def _is_ours(self, path: Path) -> bool:
        return path.is_relative_to(self._root)

    def _place_of(self, asset: Asset) -> Path:
        recipe = asset.recipe
        try:
            when = datetime.fromisoformat(recipe.created)
        except ValueError:
            when = datetime.now().astimezone()
        suffix = asset.path.suffix
        return self._root / relative_name(recipe.request, recipe.seed, when, suffix)

    @staticmethod
    def _free(wanted: Path) -> Path:
        return next(p for n in range(1, 10_000) if not (p := numbered(wanted, n)).exists())

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
            sync_folder(target.parent)
        except OSError as error:
            raise file_problem(error, target.parent) from error
