"""`studio batch`: check a table of requests and run its rows, or resume an earlier run."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from studio.cli.exit_status import DONE, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder, output_folder
from studio.cli.headless import Headless
from studio.cli.output import print_usage_error
from studio.formats.text_encoding import ENCODINGS
from studio.formats.untrusted_files import is_folder, user_path
from studio.jobs.batch import (
    RemainingJobs,
    batch_id,
    enqueue_table,
    latest_jobs,
    resumable_jobs,
    same_output,
)
from studio.jobs.results import LINE_LABEL, RESULTS, Results
from studio.jobs.table import MAX_ERRORS, RowError, input_errors, model_errors, read_table
from studio.library.disk_problems import missing
from studio.library.queue.stored_job import rows_left
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Failed, Problem, ProblemError, Sentence
from studio.settings import default_paths


def batch(options: argparse.Namespace) -> int:
    """Run a table and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    file = Path(options.file)
    library: Library | None = None
    try:
        table = read_table(file, options.encoding)
        if not table.encoding_is_certain:
            name = ENCODINGS.get(table.encoding, table.encoding)
            print(
                f"Note: The encoding of {file.name} is not certain; it is read as {name}. If"
                " characters are wrong, pass --encoding.",
                file=sys.stderr,
            )
        errors = [*table.errors, *model_errors(table, registry)]
        if not options.resume:
            # Finished rows do not need their inputs any more.
            errors += input_errors(table)
        if errors:
            print_row_errors("batch", errors, as_json=options.json)
            return USAGE_ERROR
        if options.resume and options.output and not is_folder(user_path(options.output)):
            raise ProblemError(missing(user_path(options.output), "the output folder is missing"))
        output = output_folder(options.output)
        library = Library.open(library_folder(paths), run_queue=False)
        output = same_output(library, file, output)
        name = batch_id(file, output)
        folder = Path(output) if output else library.root
        if options.resume:
            jobs = resumable_jobs(library, table, name, output, folder / RESULTS)
        else:
            note = note_on_earlier_run(library, name, folder)
            jobs = enqueue_table(library, table, name, output)
            if note:
                print(f"Note: {note}", file=sys.stderr)
    except ProblemError as error:
        print_usage_error(
            "batch", str(error.problem.message), as_json=options.json, kind=error.problem.kind
        )
        if library is not None:
            library.close()
        return USAGE_ERROR
    results = Results(folder, jobs)
    notes = results.notes()
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    if options.resume:
        results.catch_up(library)
    with Headless(
        library,
        paths,
        registry,
        as_json=options.json,
        if_nothing="All rows are finished already.",
        if_interrupted="To run the remaining rows, add --resume to the same command.",
    ) as headless:
        remaining = RemainingJobs(library, jobs)

        def wait(stopped: threading.Event, report: Callable[[object], None]) -> bool:
            return remaining.wait(
                stopped, lambda job: report(_failed_elsewhere(job)), _print_waiting
            )

        status = headless.run(remaining, results.on_event, wait)
        if made := remaining.made_elsewhere:
            print(f"{_rows(made)} made by another process.", file=sys.stderr)
        if options.resume and _print_unsupported(jobs) and status == DONE:
            status = SOME_FAILED
        if options.resume or results.has_missed:
            # Opening the library may recover results of the earlier run, which were not reported.
            results.has_missed = False
            results.catch_up(library)
        results.close()
        for note in results.notes():
            if note not in notes:
                print(f"Note: {note}", file=sys.stderr)
        return status


def note_on_earlier_run(library: Library, name: str, folder: Path) -> str:
    """Return a note if the same table was run with this folder before, otherwise ""."""
    jobs = latest_jobs(library, name) if (folder / RESULTS).exists() else []
    if not jobs:
        return ""
    done = sum(not rows_left(job) for job in jobs)
    return (
        f"This table was run with this folder before: {done} of {len(jobs)} rows are finished."
        " Add --resume to run only the remaining ones, or choose another folder."
    )


def _failed_elsewhere(job: Job) -> Failed:
    message = Sentence("This row failed in another process. Add --resume to run it again.")
    return Failed(job.id, job.problem or Problem("bug", message))


def _print_waiting(count: int) -> None:
    print(
        f"Waiting for another process to finish {_rows(count)}. Ctrl+C stops waiting.",
        file=sys.stderr,
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _print_unsupported(jobs: Sequence[Job]) -> int:
    """Print the rows that only another version can run. Return their number."""
    unsupported = [
        job for job in jobs if job.status != "done" and job.unsupported_reason is not None
    ]
    for job in unsupported:
        print(f"line {job.labels.get(LINE_LABEL, '?')}: {job.unsupported_reason}", file=sys.stderr)
    return len(unsupported)


def print_row_errors(command: str, errors: Sequence[RowError], *, as_json: bool) -> None:
    """Print the errors of a table that is not run."""
    for error in sorted(errors, key=lambda error: (error.line, error.column))[:MAX_ERRORS]:
        where = f"line {error.line}, {error.column}" if error.column else f"line {error.line}"
        print(f"{where}: {error.message}", file=sys.stderr)
    more = " or more" if len(errors) >= MAX_ERRORS else ""
    count = "1 error" if len(errors) == 1 else f"{len(errors)}{more} errors"
    print_usage_error(command, f"The table has {count}. Nothing was run.", as_json=as_json)
