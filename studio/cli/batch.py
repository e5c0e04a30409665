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
from studio.cli.language import tr, translated
from studio.cli.output import note_text, print_usage_error
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
from studio.jobs.results_sheet import sheet_beside
from studio.jobs.table import MAX_ERRORS, Table, input_errors, model_errors, read_table
from studio.jobs.table_cells import RowError
from studio.library.disk_problems import missing
from studio.library.queue.stored_job import rows_left
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Failed, Problem, ProblemError, Sentence, sentence
from studio.settings import default_paths


def batch(options: argparse.Namespace) -> int:
    """Run a table and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    file = Path(options.file)
    library: Library | None = None
    try:
        table = read_table(file, options.encoding)
        print_note_on_encoding(table, file.name)
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
            earlier = note_on_earlier_run(library, name, folder)
            jobs = enqueue_table(library, table, name, output)
            if earlier is not None:
                print(note_text(earlier), file=sys.stderr)
    except ProblemError as error:
        print_usage_error(
            "batch", error.problem.message, as_json=options.json, kind=error.problem.kind
        )
        if library is not None:
            library.close()
        return USAGE_ERROR
    results = Results(folder, jobs)
    notes = results.notes()
    for note in notes:
        print(note_text(note), file=sys.stderr)
    if options.resume:
        results.catch_up(library)
    with Headless(
        library,
        paths,
        registry,
        as_json=options.json,
        if_nothing=sentence("All rows are finished already."),
        if_interrupted=sentence("To run the remaining rows, add --resume to the same command."),
    ) as headless:
        remaining = RemainingJobs(library, jobs)

        def wait(stopped: threading.Event, report: Callable[[object], None]) -> bool:
            return remaining.wait(
                stopped, lambda job: report(_failed_elsewhere(job)), _print_waiting
            )

        status = headless.run(remaining, results.on_event, wait)
        if made := remaining.made_elsewhere:
            message = (
                sentence("1 row made by another process.")
                if made == 1
                else sentence("{count} rows made by another process.", count=f"{made:,}")
            )
            print(translated(message), file=sys.stderr)
        if options.resume and _print_unsupported(jobs) and status == DONE:
            status = SOME_FAILED
        if options.resume or results.has_missed:
            # Opening the library may recover results of the earlier run, which were not reported.
            results.has_missed = False
            results.catch_up(library)
        results.close()
        for note in [*results.notes(), *sheet_beside(results.path, file)]:
            if note not in notes:
                print(note_text(note), file=sys.stderr)
        return status


def print_note_on_encoding(table: Table, file: str) -> None:
    """Say how a table was read if that is not certain."""
    if table.encoding_is_certain:
        return
    note = sentence(
        "The encoding of {file} is not certain; it is read as {name}. If characters are wrong, pass"
        " --encoding.",
        file=file,
        name=ENCODINGS.get(table.encoding, table.encoding),
    )
    print(note_text(note), file=sys.stderr)


def note_on_earlier_run(library: Library, name: str, folder: Path) -> Sentence | None:
    """Return a note if the same table was run with this folder before."""
    jobs = latest_jobs(library, name) if (folder / RESULTS).exists() else []
    if not jobs:
        return None
    done = sum(not rows_left(job) for job in jobs)
    return sentence(
        "This table was run with this folder before: {done} of {count} rows are finished. Add"
        " --resume to run only the remaining ones, or choose another folder.",
        done=done,
        count=len(jobs),
    )


def _failed_elsewhere(job: Job) -> Failed:
    message = Sentence("This row failed in another process. Add --resume to run it again.")
    return Failed(job.id, job.problem or Problem("bug", message))


def _print_waiting(count: int) -> None:
    message = (
        sentence("Waiting for another process to finish 1 row. Ctrl+C stops waiting.")
        if count == 1
        else sentence(
            "Waiting for another process to finish {count} rows. Ctrl+C stops waiting.",
            count=f"{count:,}",
        )
    )
    print(translated(message), file=sys.stderr)


def _print_unsupported(jobs: Sequence[Job]) -> int:
    """Print the rows that only another version can run. Return their number."""
    unsupported = [
        job for job in jobs if job.status != "done" and job.unsupported_reason is not None
    ]
    for job in unsupported:
        line, reason = job.labels.get(LINE_LABEL, "?"), job.unsupported_reason
        print(tr("line {line}: {message}", line=line, message=reason), file=sys.stderr)
    return len(unsupported)


def print_row_errors(command: str, errors: Sequence[RowError], *, as_json: bool) -> None:
    """Print the errors of a table that is not run."""
    for error in sorted(errors, key=lambda error: (error.line, error.column))[:MAX_ERRORS]:
        line = (
            sentence("line {line}, {column}: {message}", **_place_of(error))
            if error.column
            else sentence("line {line}: {message}", **_place_of(error))
        )
        print(translated(line), file=sys.stderr)
    print_usage_error(command, _error_count(len(errors)), as_json=as_json)


def _place_of(error: RowError) -> dict[str, object]:
    return {"line": error.line, "column": error.column, "message": error.message}


def _error_count(count: int) -> Sentence:
    if count == 1:
        return sentence("The table has 1 error. Nothing was run.")
    if count >= MAX_ERRORS:
        return sentence("The table has {count} or more errors. Nothing was run.", count=count)
    return sentence("The table has {count} errors. Nothing was run.", count=count)
