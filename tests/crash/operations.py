"""The operations that are cut off, each on a small library, and what must hold of each besides."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct
from PIL import Image

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME
from studio.library.recipes.export import TABLE, export
from studio.library.records import Job
from studio.library.store import Library
from studio.storyboard.board import Board, BoardShot
from studio.storyboard.board_files import BoardFiles
from tests.unit.conftest import png_bytes, recipe_for

_REQUEST = ImageRequest(prompt="a fox 狐狸", seed=5, count=3)
_BOARD_ID = "20260101-000000-0a0b0c0d"
_OLD_BOARD = Board(title="A day 一天", shots=(BoardShot("a fox", "Hello.", 3.0, "in", 7),) * 20)
_NEW_BOARD = msgspec.structs.replace(_OLD_BOARD, title="Two days", shots=_OLD_BOARD.shots * 3)


class Operation(Struct, frozen=True):
    """Something that is cut off.

    `prepare` makes the library, in the folder `library` of the one given. `run` is cut off; it
    opens the library itself. `check` returns what is wrong afterwards beyond the library as such.
    `repeat` is done before anything is looked at: what a person would do again.
    """

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Path], None]
    check: Callable[[Path], list[str]]
    repeat: Callable[[Path], None] | None = None


def made(place: Path) -> Path:
    """Return where the library lies."""
    return place / "library"


def _record(library: Library, job: Job, *rows: int) -> None:
    from datetime import datetime

    for row in rows:
        is_text = isinstance(job.request, TextRequest)
        temporary = library.work_dir(job) / f"row-{row}.{'txt' if is_text else 'png'}"
        temporary.write_bytes("An answer. 狐狸".encode() if is_text else png_bytes())
        created = datetime.now().astimezone().isoformat()
        library.record_asset(job, row, temporary, recipe_for(job.request, row, created))


def _small(place: Path) -> None:
    """Make a library: three results, one starred, one in the trash; two jobs that wait."""
    library = Library.open(made(place))
    (job,) = library.queue.enqueue([_REQUEST], claim=True)
    _record(library, job, 0, 1, 2)
    library.queue.finish(job.id, "done")
    (tale,) = library.queue.enqueue([TextRequest(prompt="a tale", seed=7)], claim=True)
    _record(library, tale, 0)
    library.queue.finish(tale.id, "done")
    ids = [asset.id for asset in library.assets.of_job(job.id)]
    library.marks.star([ids[0]], True)
    library.marks.retag([ids[0], ids[1]], (), ["night", "狐"])
    library.trash.put([ids[2]])
    library.queue.enqueue([_REQUEST, TextRequest(prompt="waits", seed=1)])
    library.close()


def _cut_off(place: Path) -> None:
    """Make a library with a job that was interrupted after one of its three rows."""
    _small(place)
    library = Library.open(made(place))
    (job,) = library.queue.enqueue([_REQUEST], claim=True)
    _record(library, job, 0)
    library.close()


def _without_index(place: Path) -> None:
    _small(place)
    _lose_index(place)


def _older_index(place: Path) -> None:
    """Make a library with an older index put back: one result more, another job that waits."""
    _small(place)
    old = (made(place) / FILE_NAME).read_bytes()
    library = Library.open(made(place))
    (job,) = library.queue.enqueue([_REQUEST], claim=True)
    _record(library, job, 0, 1)
    library.queue.cancel(library.queue.waiting()[0])
    library.queue.enqueue([TextRequest(prompt="waits too", seed=3)])
    library.close()
    (made(place) / FILE_NAME).write_bytes(old)


def _changed_by_hand(place: Path) -> None:
    """Make a library of which a person moved one file and deleted another."""
    _small(place)
    root = made(place)
    (root / "mine").mkdir()
    min(root.glob("2*/*.png")).rename(root / "mine" / "moved.png")
    for tale in root.glob("2*/*.md"):
        tale.unlink()


def _opened(place: Path) -> Library:
    return Library.open(made(place))


def _enqueue(place: Path) -> None:
    library = _opened(place)
    library.queue.enqueue([_REQUEST, TextRequest(prompt="new", seed=2)] * 3, batch="new")
    library.close()


def _arrange(place: Path) -> None:
    """Change the queue in every way, and leave the two jobs that wait in it."""
    library = _opened(place)
    jobs = library.queue.enqueue([_REQUEST, TextRequest(prompt="new", seed=2)] * 3, batch="new")
    library.queue.move([jobs[3].id, jobs[1].id], jobs[0].id)
    library.queue.set_paused(True)
    library.queue.cancel(jobs[2].id)
    library.queue.cancel_waiting([job.id for job in jobs[:2]])
    library.queue.restore_cancelled([jobs[0].id])
    library.queue.finish(library.queue.start(jobs[4]).id, "failed")
    library.retries.resume(jobs[4].id)
    library.queue.remove(jobs[5].id)
    library.queue.clear_ended()
    library.queue.set_paused(False)
    library.close()


def _lose_index(place: Path) -> None:
    for file in made(place).glob(f"{FILE_NAME}*"):
        file.unlink()


def _record_two(place: Path) -> None:
    library = _opened(place)
    (job,) = library.queue.enqueue([_REQUEST], claim=True)
    _record(library, job, 0, 1)
    library.close()


def _record_set_back(place: Path) -> None:
    """Record results of a job that began before the clock was set back by years."""
    library = _opened(place)
    (job,) = library.queue.enqueue([_REQUEST], claim=True)
    with contextlib.closing(sqlite3.connect(made(place) / FILE_NAME)) as db, db:
        db.execute("UPDATE jobs SET started = '2099-01-01T00:00:00+00:00' WHERE id = ?", (job.id,))
    _record(library, job, 0, 1)
    library.close()


def _mark(place: Path) -> None:
    library = _opened(place)
    ids = [asset.id for asset in library.assets.recent()]
    library.marks.star(ids, True)
    library.marks.retag(ids, ["night"], ["day"])
    library.marks.add_to_collection("Best", ids)
    library.marks.rename_collection("Best", "Second best")
    library.marks.star(ids[:1], False)
    library.close()


def _trash(place: Path) -> None:
    library = _opened(place)
    library.trash.put([asset.id for asset in library.assets.recent()][:2])
    library.close()


def _restore(place: Path) -> None:
    library = _opened(place)
    library.trash.restore([asset.id for asset in library.trash.list()])
    library.close()


def _empty(place: Path) -> None:
    library = _opened(place)
    library.trash.empty()
    library.close()


def _export(place: Path) -> None:
    library = _opened(place)
    pictures = [asset for asset in library.assets.recent() if asset.path.suffix == ".png"]
    export(library.assets.recent(), place / "copies")
    export(pictures, place / "converted", "webp")
    library.close()


def _rebuild(place: Path) -> None:
    library = _opened(place)
    library.rebuild()
    library.close()


def _open(place: Path) -> None:
    _opened(place).close()


def _resume(place: Path) -> None:
    library = _opened(place)
    for job in library.queue.interrupted():
        again = library.retries.resume(job.id, claim=True)
        _record(library, again, *library.queue.missing_rows(again))
        library.queue.finish(again.id, "done")
    library.close()


def _with_board(place: Path) -> None:
    _small(place)
    BoardFiles(made(place)).write(_BOARD_ID, _OLD_BOARD)


def _keep_board(place: Path) -> None:
    BoardFiles(made(place)).write(_BOARD_ID, _NEW_BOARD)


# ---- what holds besides


def _jobs(place: Path) -> dict[str, list[Job]]:
    library = _opened(place)
    try:
        by_batch: dict[str, list[Job]] = {}
        for job in library.queue.list(limit=1_000_000):
            by_batch.setdefault(job.batch, []).append(job)
        return by_batch
    finally:
        library.close()


def _nothing_more(_place: Path) -> list[str]:
    return []


def _all_or_none(place: Path) -> list[str]:
    jobs = _jobs(place)
    wrong = []
    if len(jobs.get("new", [])) not in (0, 6):
        wrong.append(f"a part of a batch: {len(jobs['new'])} of 6 jobs")
    return wrong + _kept_jobs(jobs)


def _jobs_kept(place: Path) -> list[str]:
    return _kept_jobs(_jobs(place))


def _kept_jobs(jobs: dict[str, list[Job]]) -> list[str]:
    waiting = sum(job.status == "queued" for job in jobs.get("", []))
    return [] if waiting == 2 else [f"jobs that waited: {waiting} of 2"]


def _all_found(count: int) -> Callable[[Path], list[str]]:
    """Return a check that so many results are listed or in the trash."""

    def check(place: Path) -> list[str]:
        library = _opened(place)
        held = len(library.assets.recent(limit=1_000)) + len(library.trash.list())
        library.close()
        return [] if held == count else [f"results: {held} of {count}"]

    return check


def _found_and_waiting(place: Path) -> list[str]:
    return [*_all_found(6)(place), *_jobs_kept(place)]


def _resumed_once(place: Path) -> list[str]:
    """Resume once more, to the end: every row is there once."""
    _resume(place)
    library = _opened(place)
    try:
        wrong = []
        for job in library.queue.list(limit=1_000):
            rows = [asset.row for asset in library.assets.of_job(job.id)]
            if job.status != "queued" and sorted(rows) != list(range(job.request.count)):
                wrong.append(f"resumed to other rows: {sorted(rows)} of {job.request.count}")
        return wrong
    finally:
        library.close()


def _whole_export(place: Path) -> list[str]:
    wrong = []
    for folder in (place / "copies", place / "converted"):
        files = [file for file in folder.rglob("*") if file.is_file() and file.name != TABLE]
        table = folder / TABLE
        text = table.read_text("utf-8-sig") if table.exists() else ""
        listed = [row[0] for row in csv.reader(text.splitlines()) if row][1:]
        for file in files:
            if file.suffix != ".md":
                try:
                    with Image.open(file) as picture:
                        picture.load()
                except (OSError, SyntaxError):
                    wrong.append(f"half a copy: {file.name}")
            if file.name not in listed:
                wrong.append(f"a copy that is not in the table: {file.name}")
        names = {file.name for file in files}
        wrong += [f"in the table and not there: {name}" for name in listed if name not in names]
    return wrong


def _old_or(*possible: Board | None) -> Callable[[Path], list[str]]:
    """Return a check that the storyboard is one of these, whole, and that it can be kept again."""

    def check(place: Path) -> list[str]:
        files = BoardFiles(made(place))
        found = files.read(_BOARD_ID)
        plain = msgspec.structs.replace(found, used=0.0) if found is not None else None
        wrong = [] if plain in possible else [f"another storyboard: {plain}"]
        files.write(_BOARD_ID, _NEW_BOARD)
        left = sorted(path.name for path in files.folder.iterdir())
        return wrong + ([] if left == [f"{_BOARD_ID}.json"] else [f"beside a storyboard: {left}"])

    return check


OPERATIONS = (
    Operation("enqueue", _small, _enqueue, _all_or_none),
    Operation("enqueue, and lose the index", _small, _enqueue, _all_or_none, _lose_index),
    Operation("arrange the queue", _small, _arrange, _jobs_kept),
    Operation("arrange the queue, and lose the index", _small, _arrange, _jobs_kept, _lose_index),
    Operation("record", _small, _record_two, _resumed_once),
    Operation("record, with the clock set back", _small, _record_set_back, _resumed_once),
    Operation("mark", _small, _mark, _all_found(4)),
    Operation("trash", _small, _trash, _all_found(4)),
    Operation("restore", _small, _restore, _all_found(4)),
    Operation("empty the trash", _small, _empty, _jobs_kept),
    Operation("export", _small, _export, _whole_export, _export),
    Operation("rebuild", _changed_by_hand, _rebuild, _all_found(3), _rebuild),
    Operation("rebuild without an index", _without_index, _open, _all_found(4)),
    Operation("open with an older index", _older_index, _open, _found_and_waiting),
    Operation("resume", _cut_off, _resume, _resumed_once),
    Operation("open", _cut_off, _open, _resumed_once),
    Operation("keep a storyboard", _with_board, _keep_board, _old_or(_OLD_BOARD, _NEW_BOARD)),
    Operation("keep the first storyboard", _small, _keep_board, _old_or(None, _NEW_BOARD)),
)
