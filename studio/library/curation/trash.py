"""The trash: deleted files move to `.trash` in the library until the user empties it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from studio.formats.untrusted_files import is_file
from studio.library.curation.changes import TRASH_FOLDER, Changes, Step
from studio.library.folder.file_names import numbered, relative_name
from studio.library.folder.file_placing import hash_file
from studio.library.folder.marks_file import Marks, marks_of, read_marks
from studio.library.folder.stored_paths import StoredPaths, safe_name
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.assets import Assets
from studio.library.records import Asset
from studio.protocol import problem


class Trash:
    """The trash of the library in `root`. Its methods may be called from any thread."""

    def __init__(self, assets: Assets, writer: AssetWriter, changes: Changes, root: Path) -> None:
        self._assets = assets
        self._writer = writer
        self._changes = changes
        self._root = root
        self._paths = StoredPaths(root)

    def put(self, ids: Iterable[str]) -> list[str]:
        """Move assets to the trash. Returns the ids of those that were moved.

        Raises `ProblemError` on disk errors; assets already moved stay in the trash.
        """
        with self._changes.locked():
            stored = read_marks(self._root)
            now = time.time()
            steps: list[Step] = []
            for id in dict.fromkeys(ids):
                asset = self._assets.get(id)
                if asset is None or self.contains(asset.path):
                    continue
                marks = stored.get(id, marks_of(asset))
                origin = self._writer.stored_path(asset.path)
                marks = replace(marks, trashed_at=now, origin=origin)
                target = self._root / TRASH_FOLDER / f"{safe_name(id)}{asset.path.suffix}"
                steps.append(self._moving(marks, self._assets.entry(id), target))
            self._changes.run(steps)
        return [step.marks.asset for step in steps]

    def restore(self, ids: Iterable[str]) -> list[Asset]:
        """Move assets back to their original paths, numbering the name if it is taken.

        Raises `ProblemError` if a file is no longer in the trash, and on disk errors.
        """
        with self._changes.locked():
            stored = read_marks(self._root)
            taken: set[Path] = set()
            steps: list[Step] = []
            for id in dict.fromkeys(ids):
                asset = self._assets.get(id)
                if asset is None or not self.contains(asset.path):
                    continue
                marks = stored.get(id, marks_of(asset))
                wanted = self._paths.writable(marks.origin) or self._default_path(asset)
                restored = replace(marks, trashed_at=None, origin="")
                if not is_file(asset.path) and _is_file_of(asset, wanted):
                    # Its folder was not there when it was deleted, so it was never moved.
                    steps.append(self._moving(restored, None, wanted))
                    continue
                if not is_file(asset.path):
                    raise problem(
                        "bad_input",
                        "{name} is no longer in the trash. Another program has deleted it.",
                        name=asset.path.name,
                    )
                target = self._unused_name(wanted, taken)
                taken.add(target)
                steps.append(self._moving(restored, asset.path, target))
            self._changes.run(steps)
        found = (self._assets.get(step.marks.asset) for step in steps)
        return [asset for asset in found if asset is not None]

    def list(self) -> list[Asset]:
        """Return the assets in the trash, last deleted first."""
        return self._assets.trashed()

    def empty(self) -> int:
        """Delete all assets in the trash permanently. Returns how many."""
        with self._changes.locked():
            steps: list[Step] = []
            for asset in self._assets.trashed():
                entry = self._assets.entry(asset.id)
                is_in_trash = entry is not None and self.contains(entry)
                source = self._writer.stored_path(entry) if entry and is_in_trash else ""
                steps.append(Step(Marks(asset.id), source, is_deleted=True))
            self._changes.run(steps)
        return len(steps)

    def contains(self, path: Path) -> bool:
        """Return whether a path is in the trash."""
        return path.parent == self._root / TRASH_FOLDER

    def _moving(self, marks: Marks, source: Path | None, target: Path) -> Step:
        stored = self._writer.stored_path(source) if source is not None else ""
        return Step(marks, stored, self._writer.stored_path(target))

    def _default_path(self, asset: Asset) -> Path:
        recipe = asset.recipe
        try:
            when = datetime.fromisoformat(recipe.created)
        except ValueError:
            when = datetime.now().astimezone()
        suffix = asset.path.suffix
        return self._root / relative_name(recipe.request, recipe.seed, when, suffix)

    def _unused_name(self, wanted: Path, taken: set[Path]) -> Path:
        """Return a name that no file has, and no result whose file is gone."""
        return next(
            path
            for attempt in range(1, 10_000)
            if not os.path.lexists(path := numbered(wanted, attempt))
            and path not in taken
            and not self._writer.is_indexed(path)
        )


def _is_file_of(asset: Asset, path: Path) -> bool:
    try:
        return bool(asset.sha256) and hash_file(path) == asset.sha256
    except OSError:
        return False
