"""What must be true of a library at every moment, whatever was killed.

Most of it is what `studio library check` finds. The rest may be wrong in a user's library, such as
a copy of a result, but not in these.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from studio.formats import suffixes
from studio.library.folder.marks_file import read_marks
from studio.library.index.database import FILE_NAME
from studio.library.recipes.metadata import read_recipe
from studio.library.records import Asset
from studio.library.store import Library

_RESULTS = {*suffixes.TEXTS, *suffixes.PICTURES}
_WORK = ".tmp"
_EXPECTED_NOTICES = "was missing or incomplete", "was an older copy"


def contradictions(root: Path) -> list[str]:
    """Open the library in `root` as the next start does, and return what is wrong with it.

    Each is said as "what: which". The library is closed again. Nothing is mended but by the
    opening itself.
    """
    found = [f"half a result: {name}" for name in _half_written(root)]
    library = Library.open(root)
    try:
        said = str(library.notice.message) if library.notice is not None else ""
        if said and not any(part in said for part in _EXPECTED_NOTICES):
            found.append(f"notice: {said}")
        found += [f"{one.kind}: {one.message}" for one in library.check(work_in_progress=False)]
        assets = [*library.assets.recent(limit=1_000_000), *library.trash.list()]
        found += _marks(root, assets)
        found += _jobs(library, assets)
    finally:
        library.close()
    found += _index(root)
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


def _marks(root: Path, assets: list[Asset]) -> Iterator[str]:
    known = {asset.id for asset in assets}
    for name, mark in read_marks(root).items():
        if name not in known and (mark.starred or mark.tags or mark.collections):
            yield f"marks of nothing: {name}"


def _jobs(library: Library, assets: list[Asset]) -> Iterator[str]:
    rows = Counter((asset.job, asset.row) for asset in assets)
    for (name, row), times in rows.items():
        if times > 1:
            yield f"made twice: row {row} of {name}"
    for job in library.queue.list("running"):
        yield f"runs without a process: {job.id}"


def _index(root: Path) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db:
        (broken,) = db.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()
        if broken:
            yield f"rows that point nowhere: {broken}"
