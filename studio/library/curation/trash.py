"""The trash: deleted files move to `.trash` in the library until the user empties it.

The mark is written before the file is moved. After a crash in between, the file is either marked
and in the trash, or still in its place, where a rebuild finds it.
"""

from __future__ import annotations

import os
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
from studio.library.folder.stored_paths import StoredPaths, safe_name
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
        self._paths = StoredPaths(root)

    def put(self, ids: Iterable[str]) -> list[str]:
        """Move assets to the trash. Returns the ids of those that were moved.

        Raises `ProblemError` on disk errors; assets already moved stay in the trash.
        """
        marks = read_marks(self._root)
        moved: list[str] = []
        for id in ids:
            asset = self._assets.get(id)
            if asset is None or self.contains(asset.path):
                continue
            now = time.time()
            old = marks.get(id, marks_of(asset))
            append_marks(
                self._root,
                msgspec.structs.replace(
                    old, trashed_at=now, origin=self._writer.stored_path(asset.path)
                ),
            )
            target = self._root / TRASH_FOLDER / f"{safe_name(id)}{asset.path.suffix}"
            entry = self._assets.entry(id)
            if entry is not None and os.path.lexists(entry):
                self._move(entry, target)
            self._writer.set_location(id, target, now)
            moved.append(id)
        return moved

    def restore(self, ids: Iterable[str]) -> list[Asset]:
        """Move assets back to their original paths, numbering the name if it is taken.

        Raises `ProblemError` if a file is no longer in the trash, and on disk errors.
        """
        marks = read_marks(self._root)
        restored: list[Asset] = []
        for id in ids:
            asset = self._assets.get(id)
            if asset is None or not self.contains(asset.path):
                continue
            mark = marks.get(id, marks_of(asset))
            if not asset.path.is_file():
                raise problem(
                    "bad_input",
                    "{name} is no longer in the trash. Another program has deleted it.",
                    name=asset.path.name,
                )
            wanted = self._paths.writable(mark.origin) or self._default_path(asset)
            if wanted.is_relative_to(self._root):
                final = place_file(asset.path, wanted)
            else:
                # It may be on another file system.
                final = self._unused_name(wanted)
                self._move(asset.path, final)
            self._writer.set_location(id, final, None)
            append_marks(self._root, msgspec.structs.replace(mark, trashed_at=None, origin=""))
            current = self._assets.get(id)
            assert current is not None
            restored.append(current)
        return restored

    def list(self) -> list[Asset]:
        """Return the assets in the trash, last deleted first."""
        return self._assets.trashed()

    def empty(self) -> int:
        """Delete all assets in the trash permanently. Returns how many."""
        trashed = self._assets.trashed()
        for asset in trashed:
            try:
                entry = self._assets.entry(asset.id)
                if entry is not None and self.contains(entry):
                    entry.unlink(missing_ok=True)
            except OSError as error:
                raise file_problem(error, asset.path.parent) from error
            append_marks(self._root, Marks(asset.id))
        with self._database.write() as db:
            self._writer.delete(db, [asset.id for asset in trashed])
        return len(trashed)

    def contains(self, path: Path) -> bool:
        """Return whether a path is in the trash."""
        return path.parent == self._root / TRASH_FOLDER

    def _default_path(self, asset: Asset) -> Path:
        recipe = asset.recipe
        try:
            when = datetime.fromisoformat(recipe.created)
        except ValueError:
            when = datetime.now().astimezone()
        suffix = asset.path.suffix
        return self._root / relative_name(recipe.request, recipe.seed, when, suffix)

    @staticmethod
    def _unused_name(wanted: Path) -> Path:
        return next(p for n in range(1, 10_000) if not (p := numbered(wanted, n)).exists())

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
            sync_folder(target.parent)
        except OSError as error:
            raise file_problem(error, target.parent) from error
