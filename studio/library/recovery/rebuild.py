"""From the files to the index: after a crash, after files were moved by hand, after all is lost.

Every finished file carries its recipe, and the id of an asset follows from it, so stars, tags
and lineage fit again afterwards.
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
# Coarse clocks of file systems (FAT: two seconds), and a folder named on the day before.
_SLACK = 3.0


def has_results(root: Path) -> bool:
    """Tell whether a folder looks as if a library had been here."""
    try:
        with os.scandir(root) as entries:
            return any(_DATE.fullmatch(entry.name) for entry in entries if entry.is_dir())
    except OSError:
        return False


def find(path: Path) -> FinishedFile | None:
    """Return a finished file as it is to be indexed, or None when it is none of ours."""
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
    """Yield the files below a folder: originals first, since the first one of a recipe is it."""
    converted: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith(".") or n == TRASH_FOLDER)
        for path in (Path(parent, name) for name in sorted(names)):
            # An export made it of a result, so it has the recipe of another file.
            if path.suffix.lower() in suffixes.CONVERTED_PICTURES:
                converted.append(path)
            elif path.suffix.lower() in _EXTENSIONS:
                yield path
    yield from converted


def rebuild(database: Database, assets: Assets, writer: AssetWriter, root: Path) -> int:
    """Index every file below `root`, forget assets whose file is gone, put the marks back.

    Jobs are left as they are. Returns the number of assets.
    """
    known = writer.paths()
    gone = [name for stored, name in known.items() if not (root / stored).is_file()]
    with database.write() as db:
        writer.forget(db, gone)
    batch: list[FinishedFile] = []
    for path in _walk(root):
        if writer.stored_path(path) in known:
            continue
        found = find(path)
        if found is not None:
            batch.append(found)
        if len(batch) >= _BATCH:
            _insert(database, writer, batch)
            batch.clear()
    _insert(database, writer, batch)
    with database.write() as db:
        for mark in read_marks(root).values():
            writer.mark(db, mark)
    for mark in read_marks(root).values():
        held = assets.get(mark.asset) if mark.trashed_at is not None else None
        if held is not None and held.path.parent.name == TRASH_FOLDER:
            writer.relocate(held.id, held.path, mark.trashed_at)
    return assets.count()


def _insert(database: Database, writer: AssetWriter, batch: list[FinishedFile]) -> None:
    with database.write() as db:
        for found in batch:
            writer.insert_into(db, found)


def adopt(database: Database, writer: AssetWriter, root: Path, jobs: Sequence[Job]) -> None:
    """Index files of these jobs that got their final name just before a crash."""
    unfinished = {job.id: job for job in jobs if job.started and rows_left(job)}
    since: dict[Path, datetime] = {}
    for job in unfinished.values():
        started = datetime.fromisoformat(job.started)
        place = destination(job, root)
        since[place] = min(started, since.get(place, started))
    known = writer.paths() if since else {}
    for place, first in since.items():
        for path in _candidates(place, root, first):
            if writer.stored_path(path) in known:
                continue
            found = find(path)
            if found is not None and _is_missing(found.recipe, unfinished.get(found.recipe.job)):
                _insert(database, writer, [found])


def _is_missing(recipe: Recipe, job: Job | None) -> bool:
    """Tell whether a recipe is that of a row that its job has no asset of."""
    if job is None or recipe.row in job.done_rows:
        return False
    return 0 <= recipe.row < job.request.count


def _candidates(place: Path, root: Path, since: datetime) -> Iterator[Path]:
    folders = [place]
    if place == root:
        first = f"{since - timedelta(days=1):%Y-%m-%d}"
        folders = [
            folder
            for folder in root.iterdir()
            if _DATE.fullmatch(folder.name) and folder.name >= first
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
            if entry.stat().st_mtime >= since.timestamp() - _SLACK:
                yield path
