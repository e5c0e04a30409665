"""Jobs that came with a library from another computer read no files of this one unasked."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from studio.formats.atomic_write import make_private_folder
from studio.formats.untrusted_files import open_regular, open_to_append, printable
from studio.kinds.coding import to_json
from studio.kinds.requests import input_paths
from studio.library.folder.stored_paths import StoredPaths, leads_inside
from studio.library.index.database import Database
from studio.library.queue.job_queue import JobQueue
from studio.library.queue.stored_job import now
from studio.library.queue.transaction_marks import read_mark
from studio.protocol import Problem, Sentence
from studio.settings import default_paths, library_root, load_settings

_FILE = "known_libraries"
"""Lies beside the settings: the ids of the libraries that were opened on this computer."""
_MOST_BYTES = 4 * 2**20
_KEY = "opened"
_MOST_JOBS = 1_000_000


def hold_back_foreign_jobs(database: Database, queue: JobQueue, root: Path) -> int:
    """Let waiting jobs that read files elsewhere fail, once, if the library was not known here.

    Whoever starts them again allows it. Returns how many. Raises `ProblemError`.
    """
    file = default_paths().settings.with_name(_FILE)
    known = _known(file)
    mark = _library_id(database)
    if known is not None and mark in known:
        return 0
    try:
        make_private_folder(file.parent)
        descriptor = open_to_append(file)
    except OSError:
        return 0  # nobody would remember that it is known now
    try:
        count = 0 if known is None and _is_own(root) else _hold_back(database, queue, root)
        if not mark:
            with database.write() as db:  # gives it an id
                db.execute(
                    "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)",
                    (_KEY, secrets.token_hex(8)),
                )
            mark = _library_id(database)
        os.write(descriptor, f"{mark}\n".encode())
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return count


def notice(count: int) -> Problem:
    """Return the notice about jobs that were held back."""
    message = Sentence(
        "This library was not opened on this computer before. Jobs in it that read other files of "
        "this computer were not started: {count}. Retry those in the queue that may read them.",
        {"count": str(count)},
    )
    return Problem("bad_input", message)


def _known(file: Path) -> frozenset[str] | None:
    """Return the ids of the known libraries, None if there is no list yet."""
    try:
        with open_regular(file) as opened:
            return frozenset(opened.read(_MOST_BYTES).decode("ascii", "replace").split())
    except FileNotFoundError:
        return None
    except OSError:
        return frozenset()


def _library_id(database: Database) -> str:
    with database.read() as db:
        mark = read_mark(db)
    return mark.library if mark is not None else ""


def _is_own(root: Path) -> bool:
    """Return whether this is the user's library, which was there before there was a list."""
    paths = default_paths()
    settings, _ = load_settings(paths.settings)
    return library_root(settings, paths).absolute() == root


def _hold_back(database: Database, queue: JobQueue, root: Path) -> int:
    allowed = StoredPaths(root)
    held: list[tuple[str, str, str]] = []
    for status in ("queued", "interrupted"):
        for job in queue.list(status, _MOST_JOBS):
            outside = [
                path for path in input_paths(job.request) if not _is_near(path, root, allowed)
            ]
            if outside:
                problem = Problem(
                    "bad_input",
                    Sentence(
                        "This job came with the library from another computer, and reads {path}. "
                        "Retry it if it may read that file.",
                        {"path": printable(outside[0])},
                    ),
                )
                held.append((now(), to_json(problem), job.id))
    if held:
        with database.write() as db:
            db.executemany(
                "UPDATE jobs SET status = 'failed', finished = ?, problem = ? WHERE id = ?", held
            )
    return len(held)


def _is_near(text: str, root: Path, allowed: StoredPaths) -> bool:
    """Return whether a file is in the library, or in a folder that the user chose for results."""
    path = Path(text)
    return path.is_absolute() and (leads_inside(root, path) or allowed.is_allowed(path.parent))
