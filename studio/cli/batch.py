"""`studio batch`: a table of requests, checked as a whole, run row by row, resumable."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.cli.headless import Headless, output_folder
from studio.cli.library import library_folder
from studio.cli.main import WRONG_CALL
from studio.cli.output import refuse
from studio.jobs.batch import Results, batch_id, resumable, start
from studio.jobs.table import MOST_ERRORS, Table, read_table
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, UpscaleRequest, problem, task_of
from studio.settings import default_paths


def batch(options: argparse.Namespace) -> int:
    """Run a table and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    file = Path(options.file)
    library: Library | None = None
    try:
        table = read_table(file)
        errors = [(e.line, e.column, str(e.message)) for e in table.errors]
        errors += _model_errors(table, registry)
        if errors:
            _tell(errors, as_json=options.json)
            return WRONG_CALL
        output = output_folder(options.output)
        library = Library.open(library_folder(paths), run_queue=False)
        name = batch_id(file, output)
        if options.resume:
            jobs = resumable(library, name)
            if library.runs_elsewhere({job.id for job in jobs}):
                raise problem("bad_input", "This table is just being run by another process.")
        else:
            jobs = start(library, table, name, output)
    except ProblemError as error:
        told = error.problem
        refuse("batch", str(told.message), as_json=options.json, kind=told.kind)
        if library is not None:
            library.close()
        return WRONG_CALL
    results = Results(Path(output) if output else library.root, jobs)
    with Headless(library, paths, registry, as_json=options.json) as headless:
        return headless.run(_missing(library, jobs), results.hear)


def _missing(library: Library, jobs: Sequence[Job]) -> Iterator[Job]:
    """Yield the jobs that have something left to make, ready to run."""
    for job in jobs:
        now = library.job(job.id)
        if now is None or now.status == "done":
            continue
        yield now if now.status == "running" else library.resume(now.id, claim=True)


def _model_errors(table: Table, registry: Registry) -> list[tuple[int, str, str]]:
    """Return the rows whose model is not there or does another task."""
    errors: list[tuple[int, str, str]] = []
    known: dict[tuple[str, str, int | None], str] = {}
    for row in table.rows:
        request = row.request
        scale = request.scale if isinstance(request, UpscaleRequest) else None
        key = (request.model, task_of(request), scale)
        if key not in known:
            try:
                registry.resolve(request.model, task_of(request), scale)
                known[key] = ""
            except ProblemError as error:
                known[key] = str(error.problem.message)
        if known[key]:
            errors.append((row.line, "model", known[key]))
    return errors


def _tell(errors: Sequence[tuple[int, str, str]], *, as_json: bool) -> None:
    for line, column, message in sorted(errors)[:MOST_ERRORS]:
        where = f"line {line}, {column}" if column else f"line {line}"
        print(f"{where}: {message}", file=sys.stderr)
    more = " or more" if len(errors) >= MOST_ERRORS else ""
    refuse("batch", f"errors: {len(errors)}{more}. Nothing was run.", as_json=as_json)
