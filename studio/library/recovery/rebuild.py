"""Rebuild the index from the files, e.g. after a crash or after files were moved manually.

Each result contains its recipe, from which the asset's id is derived, so that stars, tags and
parents still refer to the right assets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from studio.formats import suffixes
from studio.formats.recipe_files import read_content
from studio.library.curation.trash import TRASH_FOLDER
from studio.library.folder.file_placing import hash_file
from studio.library.folder.marks_file import read_marks
from studio.library.folder.stored_paths import StoredPaths, leads_inside
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.assets import Assets
from studio.library.index.database import Database
from studio.library.queue.stored_job import destination, rows_left
from studio.library.recipes import metadata
from studio.library.records import Job
from studio.protocol import Recipe

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EXTENSIONS = {*suffixes.TEXTS, *suffixes.PICTURES, *suffixes.AUDIO, *suffixes.VIDEO}
_BATCH = 500
_MTIME_TOLERANCE = 3.0
"""Seconds. FAT stores modification times with a resolution of two seconds."""


def has_results(root: Path) -> bool:
    """Return whether a folder contains the date folders of a library."""
    try:
        with os.scandir(root) as entries:
            return any(_DATE.fullmatch(entry.name) for entry in entries if entry.is_dir())
    except OSError:
        return False


def read_finished_file(path: Path) -> FinishedFile | None:
    """Read a result file for indexing. Returns None if it has no recipe or cannot be read."""
    try:
        recipe = metadata.read_recipe(path)
        if recipe is None:
            return None
        content = read_content(path)
        return FinishedFile(
            path=path,
            recipe=recipe,
            size=path.stat().st_size,
            sha256=hash_file(path),
            text=content.text,
            width=content.width,
            height=content.height,
            duration=content.duration,
        )
    except OSError:
        return None


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, originals first: the first file of a recipe gets its id."""
    converted: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith(".") or n == TRASH_FOLDER)
        for path in (Path(parent, name) for name in sorted(names)):
            if path.is_symlink() and not leads_inside(folder, path):
                continue
            # Possibly an export, with the recipe of another file.
            if path.suffix.lower() in suffixes.CONVERTED_PICTURES:
                converted.append(path)
            elif path.suffix.lower() in _EXTENSIONS:
                yield path
    yield from converted


def rebuild(database: Database, assets: Assets, writer: AssetWriter, root: Path) -> int:
    """Index all files below `root`, delete assets without a file, and restore the marks.

    Jobs are not changed. Returns the number of assets.
    """
    known = writer.paths()
    stored_paths = StoredPaths(root)
    missing = [n for stored, n in known.items() if not stored_paths.shown(stored).is_file()]
    with database.write() as db:
        writer.delete(db, missing)
    batch: list[FinishedFile] = []
    for path in _walk(root):
        if writer.stored_path(path) in known:
            continue
        file = read_finished_file(path)
        if file is not None:
            batch.append(file)
        if len(batch) >= _BATCH:
            _insert(database, writer, batch)
            batch.clear()
    _insert(database, writer, batch)
    with database.write() as db:
        for mark in read_marks(root).values():
            writer.set_marks(db, mark)
    for mark in read_marks(root).values():
        asset = assets.get(mark.asset) if mark.trashed_at is not None else None
        if asset is not None and asset.path.parent.name == TRASH_FOLDER:
            writer.set_location(asset.id, asset.path, mark.trashed_at)
    return assets.count()


def _insert(database: Database, writer: AssetWriter, batch: list[FinishedFile]) -> None:
    with database.write() as db:
        for file in batch:
            writer.insert_into(db, file)


def index_unrecorded(
    database: Database, writer: AssetWriter, root: Path, jobs: Sequence[Job]
) -> None:
    """Index result files of these jobs that a crash or disk error kept out of the index."""
    unfinished = {job.id: job for job in jobs if job.started and rows_left(job)}
    since: dict[Path, datetime] = {}
    allowed = StoredPaths(root)
    for job in unfinished.values():
        started = datetime.fromisoformat(job.started)
        folder = destination(job, root)
        if not allowed.is_allowed(folder):
            continue
        since[folder] = min(started, since.get(folder, started))
    known = writer.paths() if since else {}
    for folder, earliest in since.items():
        for path in _candidates(folder, root, earliest):
            if writer.stored_path(path) in known:
                continue
            file = read_finished_file(path)
            if file is not None and _is_missing(file.recipe, unfinished.get(file.recipe.job)):
                _insert(database, writer, [file])


def _is_missing(recipe: Recipe, job: Job | None) -> bool:
    """Return whether a recipe belongs to a row of the job that has no asset."""
    if job is None or recipe.row in job.done_rows:
        return False
    return 0 <= recipe.row < job.request.count


def _candidates(destination: Path, root: Path, since: datetime) -> Iterator[Path]:
    folders = [destination]
    if destination == root:
        # One day of tolerance for date folders created before midnight.
        first = f"{since - timedelta(days=1):%Y-%m-%d}"
        folders = [
            folder
            for folder in root.iterdir()
            if _DATE.fullmatch(folder.name) and folder.name >= first and leads_inside(root, folder)
        ]
    for folder in folders:
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = Path(entry.path)
            if path.suffix.lower() not in _EXTENSIONS or not entry.is_file():
                continue
            if entry.is_symlink() and not leads_inside(destination, path):
                continue
            if entry.stat().st_mtime >= since.timestamp() - _MTIME_TOLERANCE:
                yield path
