"""Run a table as a batch: store all rows first; resume without repeating finished ones."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from studio.formats.untrusted_files import user_path
from studio.jobs.results import LINE_LABEL
from studio.jobs.results_file import listed_results
from studio.jobs.table import Table, TableRow
from studio.kinds.coding import shared_settings
from studio.kinds.registry import kind_of
from studio.kinds.requests import input_paths, inputs_of
from studio.library.recipes.metadata import read_recipe
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import Request, problem

POLL_SECONDS = 0.5
"""How often jobs that other processes have claimed are looked at again."""


def batch_id(table_file: Path, output: str, form: str = "") -> str:
    """Return the id of the batch of a table: a hash of its content and its output folder.

    Running the same table with the same output folder again gives the same id. `form` is the id
    of the form whose fields the rows fill, if they do.
    """
    content = hashlib.sha256(table_file.read_bytes())
    content.update(output.encode())
    if form:
        content.update(f"\0{form}".encode())
    return f"batch-{content.hexdigest()[:24]}"


def enqueue_table(library: Library, table: Table, batch: str, output: str) -> list[Job]:
    """Store every row of a table as a job claimed by this process, all or none.

    Raises `ProblemError` if an input file does not exist or the disk is full.
    """
    return library.queue.enqueue(
        [row.request for row in table.rows],
        batch=batch,
        output=output,
        labels=[{**row.labels, LINE_LABEL: str(row.line)} for row in table.rows],
        claim=True,
    )


def same_output(library: Library, table_file: Path, output: str, form: str = "") -> str:
    """Return the output folder as an earlier run of the table wrote it, e.g. through a link."""
    if not output:
        return output
    for earlier in {job.output for job in library.queue.list(limit=1_000_000) if job.batch}:
        is_other = earlier not in ("", output) and _is_same_folder(earlier, output)
        if is_other and latest_jobs(library, batch_id(table_file, earlier, form)):
            return earlier
    return output


def _is_same_folder(first: str, second: str) -> bool:
    try:
        return Path(first).samefile(second)
    except (OSError, ValueError):
        return False


class RemainingJobs:
    """The jobs of a batch that still have results to make, each returned once.

    A `lanes.JobSource`. Iterating yields the jobs in their order. A job is claimed before it is
    returned, so that other processes may work on the same batch. Those that they have claimed are
    left to `wait`. Jobs of another version that this one cannot run are skipped and left unchanged.
    """

    def __init__(self, library: Library, jobs: Sequence[Job]) -> None:
        self._library = library
        self._remaining: dict[str, Job] = {}
        self._elsewhere: dict[str, Job] = {}
        self._failed_elsewhere: list[Job] = []
        self.made_elsewhere = 0
        """The number of jobs that other processes have done since this object was made."""
        self._by_settings: dict[tuple[object, ...], deque[Job]] = defaultdict(deque)
        self.add(jobs)

    def add(self, jobs: Sequence[Job]) -> None:
        """Add jobs that have results to make."""
        for job in jobs:
            self._remaining[job.id] = job
            if (settings := shared_settings(job.request)) is not None:
                self._by_settings[settings].append(job)

    def __iter__(self) -> Iterator[Job]:
        while (job := self.next(lambda _: True)) is not None:
            yield job

    def next(self, suits: Callable[[Job], bool]) -> Job | None:
        """Return the first remaining job for which `suits` is true."""
        for job in list(self._remaining.values()):
            if suits(job) and (ready := self._ready(job)) is not None:
                return ready
        return None

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return jobs that can share model calls with `job`, at most `rows` rows including it."""
        settings = shared_settings(job.request)
        candidates = self._by_settings[settings] if settings is not None else deque[Job]()
        room = rows - len(self._library.queue.missing_rows(job))
        chosen: list[Job] = []
        # A job that does not fit ends the search, so that jobs behind it do not overtake it.
        while candidates and candidates[0].request.count <= room:
            other = self._ready(candidates.popleft())
            if other is not None:
                chosen.append(other)
                room -= len(self._library.queue.missing_rows(other))
        return chosen

    def wait(
        self,
        stopped: threading.Event,
        on_failed: Callable[[Job], object],
        on_waiting: Callable[[int], object] = lambda _: None,
    ) -> bool:
        """Wait for the jobs of other processes. Returns whether there are jobs to run again.

        That is the case if another process died or was interrupted. `on_failed` is called for each
        job that failed in another process, and `on_waiting` once with the number of jobs, if there
        are any. Raises `ProblemError`.
        """
        told = False
        while not stopped.is_set():
            self._library.release_dead()
            claimed = self._library.queue.claimed_elsewhere(self._elsewhere)
            settled = [job for id, job in self._elsewhere.items() if id not in claimed]
            for job in settled:
                del self._elsewhere[job.id]
                self._remaining[job.id] = job
            while self._failed_elsewhere:
                on_failed(self._failed_elsewhere.pop())
            if settled or not claimed:
                return bool(settled)
            if not told:
                told = True
                on_waiting(len(claimed))
            stopped.wait(POLL_SECONDS)
        return False

    def _ready(self, job: Job) -> Job | None:
        """Claim a remaining job. Returns None if this process is not to run it, or not now."""
        if self._remaining.pop(job.id, None) is None:
            return None
        current = self._library.queue.get(job.id)
        if current is None or current.unsupported_reason is not None:
            return None
        if current.status == "done":
            self.made_elsewhere += job.status != "done"
            return None
        if current.status == "failed" and current.finished != job.finished:
            self._failed_elsewhere.append(current)
            return None
        if current.status not in ("queued", "running"):
            current = self._library.retries.resume(current.id, claim=True)
        elif current.status == "queued":
            current = self._library.queue.start(current)
        if self._library.queue.owns(current.id):
            return current
        self._elsewhere[job.id] = job
        return None


def resumable_jobs(
    library: Library, table: Table, batch: str, output: str, results: Path
) -> list[Job]:
    """Return the jobs of a batch, as `latest_jobs`.

    Finished and failed jobs are forgotten with the index. The rows of such jobs are stored again,
    unless the file `results` lists all their results. Raises `ProblemError` if the table was not
    run before.
    """
    jobs = latest_jobs(library, batch)
    known = {job.labels.get(LINE_LABEL) for job in jobs}
    lost = [row for row in table.rows if str(row.line) not in known]
    if not lost:
        return jobs
    made = _made_results(results, lost)
    if not jobs and not made:
        raise problem(
            "bad_input",
            "This table has not been run with this output folder yet. Run it without --resume.",
        )
    missing = [row for row in lost if made[row.line] < row.request.count]
    if missing:
        enqueue_table(library, replace(table, rows=tuple(missing)), batch, output)
    return latest_jobs(library, batch)


def _made_results(results: Path, rows: Iterable[TableRow]) -> Counter[int]:
    """Return how many results of each line exist, of those that a results file lists."""
    by_line = {str(row.line): row for row in rows}
    made: Counter[int] = Counter()
    with contextlib.suppress(OSError):
        listed = {cells.get("path", ""): cells.get("line") for cells in listed_results(results)}
        for path, line in listed.items():
            row = by_line.get(line or "")
            if row is not None and path and _is_result_of(Path(path), row.request):
                made[row.line] += 1
    return made


def _is_result_of(path: Path, asked: Request) -> bool:
    """Return whether a file's recipe has all that a request asks for.

    What a request leaves open, e.g. its size, was chosen when it ran.
    """
    try:
        recipe = read_recipe(path)
    except (OSError, ValueError):
        return False
    if recipe is None or recipe.request.task != asked.task:
        return False
    inputs = inputs_of(asked)
    if [str(user_path(path)) for path in input_paths(asked)] != [*input_paths(recipe.request)]:
        return False
    if asked.seed is not None and not 0 <= recipe.seed - asked.seed < asked.count:
        return False
    names = kind_of(asked).fields.keys() - {"seed", "count", "model", *inputs}
    wanted = {name: getattr(asked, name) for name in names}
    return all(
        value in (None, "", getattr(recipe.request, name, value)) for name, value in wanted.items()
    )


def latest_jobs(library: Library, batch: str) -> list[Job]:
    """Return the latest job for each line of a batch's table, in the order of the lines.

    A finished job stays the latest until a retry of it is finished too.
    """
    jobs = [job for job in library.queue.list(limit=1_000_000) if job.batch == batch]
    latest: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: job.number):
        line = job.labels.get(LINE_LABEL, job.id)
        earlier = latest.get(line)
        is_redone = job.retried_from and earlier is not None and earlier.status == "done"
        if not is_redone or job.status == "done":
            latest[line] = job
    return sorted(latest.values(), key=lambda job: int(job.labels.get(LINE_LABEL, "0")))
