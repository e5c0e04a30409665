"""What must be true of a library at every moment, whatever was killed: index and files agree."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from studio.formats import suffixes
from studio.library.curation.changes import TRASH_FOLDER
from studio.library.folder.marks_file import read_marks
from studio.library.index.database import FILE_NAME
from studio.library.queue.journal import read_journal
from studio.library.recipes.metadata import read_recipe
from studio.library.records import Asset
from studio.library.store import Library

_RESULTS = {*suffixes.TEXTS, *suffixes.PICTURES}
_WORK = ".tmp"


def contradictions(root: Path) -> list[str]:
    """Open the library in `root` as the next start does, and return what is wrong with it.

    Each is said as "what: which". The library is closed again. Nothing is mended but by the
    opening itself.
    """
    found = [f"half a result: {name}" for name in _half_written(root)]
    library = Library.open(root)
    try:
        if library.notice is not None and "was missing or incomplete" not in str(
            library.notice.message
        ):
            found.append(f"notice: {library.notice.message}")
        assets = [*library.assets.recent(limit=1_000_000), *library.trash.list()]
        found += _files(root, assets)
        found += _marks(root, assets)
        found += _jobs(library, assets)
    finally:
        library.close()
    found += _index(root, assets)
    found += _journal(root)
    found += [
        f"left in the work folder: {path.relative_to(root)}"
        for path in root.rglob(f"{_WORK}/**/*")
        if path.is_file()
    ]
    left = [path for path in root.rglob("*.tmp") if path.is_file() and _WORK not in path.parts]
    return found + [f"left beside its file: {path.relative_to(root)}" for path in left]


def _results(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        below = path.relative_to(root).parts
        if path.suffix in _RESULTS and path.is_file() and _WORK not in below:
            yield path


def _half_written(root: Path) -> Iterator[str]:
    """Yield the results by their final name that are not whole."""
    for path in _results(root):
        try:
            if read_recipe(path) is None:
                yield f"{path.relative_to(root)} without a recipe"
            if path.suffix not in suffixes.TEXTS:
                with Image.open(path) as picture:
                    picture.load()
        except (OSError, SyntaxError) as error:
            yield f"{path.relative_to(root)}: {error}"


def _files(root: Path, assets: list[Asset]) -> Iterator[str]:
    indexed = Counter(asset.path for asset in assets)
    for path, times in indexed.items():
        if times > 1:
            yield f"indexed twice: {path.relative_to(root)}"
        if not path.is_file():
            yield f"indexed and not there: {path.relative_to(root)}"
    for path in _results(root):
        if path not in indexed:
            yield f"there and not indexed: {path.relative_to(root)}"
    for asset in assets:
        if asset.path.is_file() and read_recipe(asset.path) != asset.recipe:
            yield f"another recipe than in the file: {asset.id}"


def _marks(root: Path, assets: list[Asset]) -> Iterator[str]:
    held = read_marks(root)
    for asset in assets:
        mark = held.get(asset.id)
        is_trashed = asset.path.parent == root / TRASH_FOLDER
        said = (
            mark is not None and mark.starred,
            set(mark.tags) if mark is not None else set(),
            set(mark.collections) if mark is not None else set(),
        )
        if said != (asset.starred, set(asset.tags), set(asset.collections)):
            yield f"marks file and index differ: {asset.id}"
        if is_trashed != (mark is not None and mark.trashed_at is not None):
            yield f"trash and marks file differ: {asset.id}"
    known = {asset.id for asset in assets}
    for name, mark in held.items():
        if name not in known and (mark.starred or mark.tags or mark.collections):
            yield f"marks of nothing: {name}"


def _jobs(library: Library, assets: list[Asset]) -> Iterator[str]:
    rows = Counter((asset.job, asset.row) for asset in assets)
    for (name, row), times in rows.items():
        if times > 1:
            yield f"made twice: row {row} of {name}"
    for job in library.queue.list(limit=1_000_000):
        if job.status == "running":
            yield f"runs without a process: {job.id}"
        made = {row for owner, row in rows if owner == job.id}
        # A row whose result was deleted for good stays noted: it is not made again.
        if not made <= set(job.done_rows):
            yield f"a result that its job does not know: {job.id}"
        if job.status == "done" and len(job.done_rows) < job.request.count:
            yield f"done without its results: {job.id}"


def _journal(root: Path) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        rows = db.execute(
            "SELECT id, request, status, position FROM jobs "
            "WHERE status IN ('queued', 'running', 'interrupted')"
        ).fetchall()
    kept = read_journal(root).waiting
    said = {(name, *map(job.get, ("request", "status", "position"))) for name, job in kept.items()}
    for name, *_ in said ^ set(rows):
        yield f"the queue's journal and index differ: {name}"


def _index(root: Path, assets: list[Asset]) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        (said,) = db.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            yield f"SQLite: {said}"
        (broken,) = db.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()
        if broken:
            yield f"rows that point nowhere: {broken}"
        marked = {
            row[0]
            for row in db.execute("SELECT id FROM assets WHERE trashed_at IS NOT NULL").fetchall()
        }
        inside = {asset.id for asset in assets if asset.path.parent == root / TRASH_FOLDER}
        if marked != inside:
            yield f"trash and index differ: {sorted(marked ^ inside)}"
        words = {row[0] for row in db.execute("SELECT rowid FROM words").fetchall()}
        if words != {asset.number for asset in assets}:
            yield f"words of the search: {len(words)} of {len(assets)} results"
