"""Find contradictions between the index, the files, the marks, the trash and the queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.untrusted_files import printable
from studio.library.curation.changes import TRASH_FOLDER
from studio.library.folder.marks_file import Marks, read_marks
from studio.library.folder.stored_paths import StoredPaths
from studio.library.index.asset_writer import AssetWriter, FinishedFile, asset_id
from studio.library.index.assets import Assets
from studio.library.index.database import DamagedDatabaseError, Database
from studio.library.index.index_marks import all_marks_in_index
from studio.library.queue.journal import WAITING, read_journal
from studio.library.recovery.result_files import (
    UnreadFile,
    outside_results,
    read_result,
    result_files,
)
from studio.library.review import Review
from studio.protocol import Sentence, sentence


class Contradiction(Struct, frozen=True):
    """Something that cannot be true at once. `kind` is a short name for scripts.

    `subject` is the path of the file, or the id of the result or job.
    """

    kind: str
    subject: str
    message: Sentence
    is_mended_by_rebuild: bool = True


def find_contradictions(
    database: Database, root: Path, work_in_progress: bool = True
) -> list[Contradiction]:
    """Return what is wrong with the library in `root`. Nothing is changed.

    With `work_in_progress`, other processes may use the library: what they are about to finish is
    not reported. Raises `ProblemError`.
    """
    found = list(_contradictions(database, root))
    if not found or not work_in_progress:
        return found
    again = set(map(_key, _contradictions(database, root)))
    return [one for one in found if _key(one) in again]


def _key(found: Contradiction) -> tuple[str, str]:
    return found.kind, found.subject


def _contradictions(database: Database, root: Path) -> Iterator[Contradiction]:
    try:
        database.check()
        yield from _files(database, root)
        yield from _marks(database, root)
        yield from _search(database)
        yield from _jobs(database)
        yield from _journal(database, root)
    except DamagedDatabaseError as error:
        yield Contradiction(
            "damaged_index",
            root.name,
            sentence("The index is damaged: {detail}", detail=error.problem.detail),
        )


def _files(database: Database, root: Path) -> Iterator[Contradiction]:
    paths = StoredPaths(root)
    assets, writer = Assets(database, root), AssetWriter(database, root)
    listed = {paths.shown(stored): name for stored, name in writer.paths().items()}
    unread: list[UnreadFile] = []
    seen: set[Path] = set()
    for path in result_files(root, unread):
        seen.add(path)
        yield from _file(path, listed.get(path), root, assets)
    for path, name in listed.items():
        if path in seen or paths.unplugged_disk(path.parent) is not None:
            continue
        if path.exists():
            yield from _file(path, name, root, assets)
        else:
            yield Contradiction(
                "missing_file",
                _shown(path, root),
                sentence(
                    "{path} is listed in the library, but is not there.", path=_shown(path, root)
                ),
            )
    names = set(listed.values())
    for result in outside_results(root, unread):
        name = asset_id(result.recipe.job, result.recipe.row, str(result.path))
        if result.path not in listed and name not in names:
            yield _not_listed(_shown(result.path, root))
    for folder in unread:
        yield _unread(folder, root)


def _file(path: Path, name: str | None, root: Path, assets: Assets) -> Iterator[Contradiction]:
    shown = _shown(path, root)
    file = read_result(path, root)
    asset = assets.get(name) if name is not None else None
    if isinstance(file, UnreadFile):
        yield _unread(file, root)
    elif file is None and asset is not None:
        yield _unread(UnreadFile(path, Sentence("It contains no recipe.")), root)
    elif isinstance(file, FinishedFile) and asset is None:
        yield _not_listed(shown)
    elif isinstance(file, FinishedFile) and asset is not None:
        is_same = file.recipe == asset.recipe and asset.sha256 in ("", file.sha256)
        if not is_same or file.text != asset.text:
            yield Contradiction(
                "changed_file",
                shown,
                sentence("{path} is not as the index describes it.", path=shown),
            )


def _not_listed(shown: str) -> Contradiction:
    message = sentence("{path} is not listed in the library.", path=shown)
    return Contradiction("not_listed", shown, message)


def _unread(file: UnreadFile, root: Path) -> Contradiction:
    shown = _shown(file.path, root)
    message = sentence("{path} cannot be used. {reason}", path=shown, reason=file.reason)
    return Contradiction("unread_file", shown, message, is_mended_by_rebuild=False)


def _marks(database: Database, root: Path) -> Iterator[Contradiction]:
    stored = read_marks(root)
    with database.read() as db:
        indexed = all_marks_in_index(db)
        rows = db.execute("SELECT id, path FROM assets").fetchall()
    for name, path in rows:
        is_in_trash = (root / path).parent == root / TRASH_FOLDER
        here, there = indexed.get(name, Marks(name)), stored.get(name, Marks(name))
        if _seen(here) != _seen(there):
            yield Contradiction(
                "marks",
                name,
                sentence(
                    "{file} and the index disagree on stars, tags, collections or review of {id}.",
                    file="marks.jsonl",
                    id=name,
                ),
            )
        if len({is_in_trash, here.trashed_at is not None, there.trashed_at is not None}) > 1:
            yield Contradiction(
                "trash",
                name,
                sentence("It is not certain whether {id} is in the trash.", id=name),
            )


def _seen(marks: Marks) -> tuple[bool, set[str], set[str], Review | None]:
    return (
        marks.starred,
        {tag.casefold() for tag in marks.tags},
        {name.casefold() for name in marks.collections},
        marks.review,
    )


def _search(database: Database) -> Iterator[Contradiction]:
    with database.read() as db:
        rows = db.execute(
            "SELECT id FROM assets LEFT JOIN words ON words.rowid = number "
            "WHERE words.rowid IS NULL "
            "UNION ALL SELECT rowid FROM words WHERE rowid NOT IN (SELECT number FROM assets)"
        ).fetchall()
    for (name,) in rows:
        yield Contradiction(
            "search", str(name), sentence("The search index does not match {id}.", id=name)
        )


def _jobs(database: Database) -> Iterator[Contradiction]:
    with database.read() as db:
        unknown = db.execute(
            "SELECT assets.id FROM assets JOIN jobs ON jobs.id = assets.job "
            "LEFT JOIN job_rows ON job_rows.job = assets.job AND job_rows.row = assets.row "
            "WHERE assets.row BETWEEN 0 AND jobs.count - 1 AND "
            "(job_rows.job IS NULL OR job_rows.problem IS NOT NULL)"
        ).fetchall()
        unfinished = db.execute(
            "SELECT id FROM jobs WHERE status = 'done' AND count > "
            "(SELECT count(*) FROM job_rows WHERE job = jobs.id)"
        ).fetchall()
    for (name,) in unknown:
        message = sentence("The job of {id} does not know that it is done.", id=name)
        yield Contradiction("unknown_result", name, message)
    for (name,) in unfinished:
        message = sentence("The job {id} is done, but not all of its results are known.", id=name)
        yield Contradiction("unfinished_job", name, message, is_mended_by_rebuild=False)


def _journal(database: Database, root: Path) -> Iterator[Contradiction]:
    with database.read() as db:
        rows = db.execute(
            "SELECT id, request, status, position FROM jobs "
            "WHERE status IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(WAITING).decode(),),
        ).fetchall()
        kept = read_journal(root).waiting
    said = {(name, *map(job.get, ("request", "status", "position"))) for name, job in kept.items()}
    for name in sorted({str(row[0]) for row in said ^ set(map(tuple, rows))}):
        message = sentence(
            "{file} and the index disagree on the job {id}.", file="queue.journal", id=name
        )
        yield Contradiction("queue", name, message, is_mended_by_rebuild=False)


def _shown(path: Path, root: Path) -> str:
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return printable(str(inside), 4_096)
