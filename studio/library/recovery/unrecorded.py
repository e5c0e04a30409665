"""Index results of interrupted jobs that are on disk but not in the index.

A crash between moving a file to its final name and adding it to the index leaves such files. They
are recognised by their names and recipes, never by times: the clock may have been set back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.library.folder.file_names import request_slug
from studio.library.folder.stored_paths import StoredPaths, leads_inside
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.database import Database
from studio.library.queue.stored_job import destination, rows_left
from studio.library.records import Job
from studio.library.recovery.result_files import EXTENSIONS, date_folders, read_result
from studio.protocol import Recipe

_SIGNIFICANT = 20
"""Characters of a file name that depend on nothing but the request."""


def index_unrecorded(
    database: Database, writer: AssetWriter, root: Path, jobs: Sequence[Job]
) -> None:
    """Index result files of these jobs that a crash or disk error kept out of the index."""
    unfinished = {job.id: job for job in jobs if job.started and rows_left(job)}
    names: dict[Path, set[str]] = {}
    allowed = StoredPaths(root)
    for job in unfinished.values():
        folder = destination(job, root)
        if allowed.is_allowed(folder):
            prefix = request_slug(job.request)[:_SIGNIFICANT]
            names.setdefault(folder, set()).add(prefix)
    known = writer.paths() if names else {}
    for folder, prefixes in names.items():
        for path in _candidates(folder, root, tuple(prefixes)):
            if writer.stored_path(path) in known:
                continue
            file = read_result(path, root)
            if not isinstance(file, FinishedFile):
                continue
            if _is_missing(file.recipe, unfinished.get(file.recipe.job)):
                with database.write() as db:
                    writer.insert_into(db, file)


def _is_missing(recipe: Recipe, job: Job | None) -> bool:
    """Return whether a recipe belongs to a row of the job that has no asset."""
    if job is None or recipe.row in job.done_rows:
        return False
    return 0 <= recipe.row < job.request.count


def _candidates(destination: Path, root: Path, prefixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files that may be results of jobs whose names begin with these prefixes."""
    is_library = destination == root
    for folder in date_folders(root) if is_library else [destination]:
        try:
            with os.scandir(folder) as listed:
                names = sorted(entry.name for entry in listed)
        except OSError:
            continue
        for name in names:
            # A user's folder may hold many other pictures.
            if is_library or name.startswith(prefixes):
                path = folder / name
                is_link_out = path.is_symlink() and not leads_inside(destination, path)
                if path.suffix.lower() in EXTENSIONS and not is_link_out:
                    yield path
