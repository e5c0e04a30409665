"""`studio write --form`: fill a form once, or for each row of a table, and check the results."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from studio.cli.batch import note_on_earlier_run, print_note_on_encoding, print_row_errors
from studio.cli.exit_status import DONE, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder, output_folder
from studio.cli.headless import Headless
from studio.cli.language import language
from studio.cli.output import note_text, print_usage_error
from studio.cli.terminal import visible
from studio.formats.text_encoding import decode
from studio.formats.untrusted_files import is_folder, printable, read_start, user_path
from studio.jobs.batch import (
    RemainingJobs,
    batch_id,
    enqueue_table,
    resumable_jobs,
    same_output,
)
from studio.jobs.forms.attempts import CHECKS, FINDINGS, Attempts
from studio.jobs.forms.form_request import FormUse, request_of
from studio.jobs.forms.form_table import read_form_table
from studio.jobs.results import RESULTS, Results
from studio.jobs.results_sheet import sheet_beside
from studio.jobs.runner import AssetSaved
from studio.jobs.table import Table, model_errors
from studio.kinds.requests import prompt_of
from studio.library.disk_problems import missing
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, Request, problem, sentence
from studio.settings import RESOURCES, Paths, default_paths
from studio.writing.forms.fill import FilledForm
from studio.writing.forms.form_folders import find_brand, find_form, list_brands, list_forms
from studio.writing.forms.values import MAX_VALUE

MAX_TRIES = 10
_UTF8_BYTES = 4


def write_form(options: argparse.Namespace) -> int:
    """Run a form and return the exit status: 1 also if a result fails its checks."""
    try:
        return _run(options)
    except ProblemError as error:
        found = error.problem
        print_usage_error("write", found.message, as_json=options.json, kind=found.kind)
        return USAGE_ERROR


def _run(options: argparse.Namespace) -> int:
    paths = default_paths()
    root = library_folder(paths)
    forms, brands = list_forms(RESOURCES, root), list_brands(root)
    found = find_form(forms, options.form, _languages())
    brand = find_brand(brands, options.brand) if options.brand else None
    use = FormUse(found, _values(options.field), brand, options.brand)
    given = {
        "count": options.count,
        "seed": options.seed,
        "model": options.model,
        "max_tokens": options.max_tokens,
    }
    table: Table | None = None
    file: Path | None = None
    if options.table:
        file = user_path(options.table)
        table = read_form_table(file, use, given, options.encoding)
        requests = [row.request for row in table.rows]
    else:
        requests = [request_of(use, given)]
    if options.show:
        if not requests:
            print_row_errors("write", table.errors if table else (), as_json=options.json)
            return USAGE_ERROR
        _show([] if table else [use.filled()], requests[0])
        return DONE
    _check_options(options)
    registry = Registry(paths)
    if table is not None:
        print_note_on_encoding(table, options.table)
        if errors := [*table.errors, *model_errors(table, registry)]:
            print_row_errors("write", errors, as_json=options.json)
            return USAGE_ERROR
    else:
        registry.resolve_all(requests[0])
    if options.resume and options.output and not is_folder(user_path(options.output)):
        raise ProblemError(missing(user_path(options.output), "the output folder is missing"))
    output = output_folder(options.output)
    library = Library.open(root, run_queue=False)
    try:
        batch = ""
        if table is None or file is None:
            jobs = library.queue.enqueue(requests, output=output, claim=True, labels=use.labels())
        else:
            output = same_output(library, file, output, found.id)
            batch = batch_id(file, output, found.id)
            folder = Path(output) if output else root
            if options.resume:
                jobs = resumable_jobs(library, table, batch, output, folder / RESULTS)
            else:
                if note := note_on_earlier_run(library, batch, folder):
                    print(note_text(note), file=sys.stderr)
                jobs = enqueue_table(library, table, batch, output)
    except BaseException:
        library.close()
        raise
    attempts = Attempts(library, forms, brands, options.tries, {"batch": batch, "output": output})
    return _Run(options, library, paths, registry, attempts).run(jobs, Path(output or root))


class _Run:
    """Runs jobs of forms, checks their results, and has those made again that fail."""

    def __init__(
        self,
        options: argparse.Namespace,
        library: Library,
        paths: Paths,
        registry: Registry,
        attempts: Attempts,
    ) -> None:
        self._options = options
        self._library = library
        self._attempts = attempts
        self._results: Results | None = None
        self._remaining = RemainingJobs(library, ())
        single = not options.table and options.count in (None, 1)
        self._headless = Headless(
            library,
            paths,
            registry,
            as_json=options.json,
            stream_text=single,
            if_nothing=sentence("All rows are finished already."),
            if_interrupted=sentence("To run the remaining rows, add --resume to the same command.")
            if options.table
            else None,
        )

    def run(self, jobs: Sequence[Job], folder: Path) -> int:
        """Run the jobs and return the exit status."""
        attempts = self._attempts
        if self._options.table:
            self._results = Results(folder, jobs, (CHECKS, FINDINGS), attempts.judge)
        with self._headless as headless:
            if self._options.resume:
                jobs = [*jobs, *self._resumed(jobs)]
            remaining = self._remaining = RemainingJobs(self._library, jobs)

            def wait(stopped: threading.Event, report: Callable[[object], None]) -> bool:
                if remaining.wait(stopped, lambda _: None):
                    return True
                return self._has_again(stopped, report)

            status = headless.run(remaining, self._saw, wait)
            if self._results is not None:
                self._results.catch_up(self._library)
                self._results.close()
                file = user_path(self._options.table)
                for note in [*self._results.notes(), *sheet_beside(self._results.path, file)]:
                    print(note_text(note), file=sys.stderr)
        return SOME_FAILED if status == DONE and attempts.failed else status

    def _saw(self, event: object) -> None:
        if isinstance(event, AssetSaved):
            self._attempts.check(event.asset)
        if self._results is not None:
            self._results.on_event(event)

    def _resumed(self, jobs: Sequence[Job]) -> list[Job]:
        """Return further attempts at results of an earlier run that failed their checks."""
        checked = self._attempts.checked_of([job for job in jobs if job.status == "done"])
        further = self._attempts.enqueue(checked)
        self._attempts.take_checked()
        if self._results is not None:
            self._results.add(further)
            self._results.catch_up(self._library)
        return further

    def _has_again(self, stopped: threading.Event, report: Callable[[object], None]) -> bool:
        """Report what was checked, and enqueue what is to be made again."""
        checked = self._attempts.take_checked()
        for each in checked:
            report(each)
        if stopped.is_set():
            return False
        jobs = self._attempts.enqueue(checked)
        self._remaining.add(jobs)
        if self._results is not None:
            self._results.add(jobs)
        return bool(jobs)


def _check_options(options: argparse.Namespace) -> None:
    if not 1 <= options.tries <= MAX_TRIES:
        raise problem("bad_input", "--tries must be from 1 to {most}.", most=MAX_TRIES)
    if not options.table and options.resume:
        raise problem("bad_input", "--resume is for tables. Give one with --table.")
    if options.table and options.tries > 1 and options.count not in (None, 1):
        raise problem("bad_input", "--tries and -n cannot be used together with --table.")


def _values(fields: Sequence[str]) -> dict[str, str]:
    """Return the values of `--field NAME=VALUE`; `@FILE` reads a file, `@@` stands for one @."""
    values: dict[str, str] = {}
    for field in fields:
        name, sign, value = field.partition("=")
        if not sign:
            raise problem("bad_input", "--field {field} is not NAME=VALUE.", field=repr(field[:60]))
        if value.startswith("@@"):
            value = value[1:]
        elif value.startswith("@"):
            value = _file_text(value[1:])
        values[name.strip()] = value
    return values


def _file_text(name: str) -> str:
    path = user_path(name)
    try:
        data = read_start(path, _UTF8_BYTES * (MAX_VALUE + 1))
    except OSError as error:
        raise problem(
            "bad_input",
            "{path} cannot be read ({reason}). To begin a value with @, write @@.",
            path=printable(str(path)),
            reason=error.strerror or str(error),
        ) from error
    decoded = decode(data)
    if decoded is None:
        raise problem("bad_input", "{path} is not a text file.", path=printable(str(path)))
    return decoded.text


def _languages() -> tuple[str, ...]:
    """Return the languages of forms in the order of the user's preference."""
    return ("zh", "en") if language() == "zh_CN" else ("en", "zh")


def _show(filled: Sequence[FilledForm], request: Request) -> None:
    """Print what the model would be asked, and run nothing."""
    for each in filled:
        for role, text in (("system", each.system), *((m.role, m.content) for m in each.messages)):
            if text:
                print(visible(f"[{role}]\n{text}\n"))
    print(visible(f"[user]\n{prompt_of(request)}"))
