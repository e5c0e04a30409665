"""The jobs in the database: their order and their status."""

from __future__ import annotations

import builtins
import contextlib
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from studio.formats.untrusted_files import user_path
from studio.kinds.coding import shared_settings, to_json
from studio.library.folder.file_placing import hash_file, make_folder
from studio.library.folder.stored_paths import StoredPaths
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.database import Database
from studio.library.queue.resolve_request import resolve_request
from studio.library.queue.stored_job import (
    SELECT_JOBS,
    destination,
    insert_jobs,
    missing_rows,
    new_id,
    now,
    read_job,
    rows_left,
)
from studio.library.records import Job
from studio.protocol import JobStatus, Problem, ProblemError, Request, problem

MAX_OVERTAKEN = 4
"""How many jobs that share a call of the model may run before a job that was queued earlier."""

_LOOK_AHEAD = 50

_ORDER = "ORDER BY priority DESC, position, number"


class JobQueue:
    """The jobs of a library. Methods may be called from any thread.

    They raise `ProblemError` on disk errors.
    """

    def __init__(self, database: Database, work: WorkFolders, root: Path) -> None:
        self._database = database
        self._work = work
        self._root = root
        # Final statuses that could not be saved because of disk errors.
        self._unsaved: dict[str, tuple[JobStatus, Problem | None]] = {}

    def enqueue(
        self,
        requests: Sequence[Request],
        *,
        batch: str = "",
        priority: int = 0,
        output: str = "",
        labels: Mapping[str, str] | Sequence[Mapping[str, str]] = (),
        claim: bool = False,
    ) -> list[Job]:
        """Append requests to the queue, all or none.

        Resolves seeds and hashes input files. With `claim`, the jobs belong to this process: they
        are stored as running, and `next` never returns them. `output` is a folder for the results
        instead of the library. `labels` apply to all requests, or are a sequence with one mapping
        per request. Raises `ProblemError` (bad_input, disk_full).
        """
        self._database.require_there()
        hash_once = functools.cache(hash_file)
        resolved = [resolve_request(request, hash_once) for request in requests]
        if isinstance(labels, Mapping):
            labels = [labels] * len(resolved)
        folder = str(user_path(output)) if output else ""
        if folder:
            paths = StoredPaths(self._root)
            paths.require_visible(Path(folder))
            paths.require_disk(Path(folder))
            make_folder(Path(folder))
            paths.choose(Path(folder))
        created = now()
        jobs = [
            Job(
                id=new_id(),
                request=request,
                status="running" if claim else "queued",
                priority=priority,
                batch=batch,
                labels=dict(own),
                output=folder,
                created=created,
                started=created if claim else "",
            )
            for request, own in zip(resolved, labels or [{}] * len(resolved), strict=True)
        ]
        owner = self._work.token if claim else ""
        with self._database.write() as db:
            return insert_jobs(db, jobs, owner)

    def get(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        with self._database.read() as db:
            row = db.execute(f"{SELECT_JOBS} WHERE id = ?", (job_id,)).fetchone()
        return read_job(row, self._database.path) if row else None

    def require(self, job_id: str) -> Job:
        """Return the job. Raises `ProblemError` if there is no job with this id."""
        job = self.get(job_id)
        if job is None:
            raise problem("bad_input", "There is no job {id} in this library.", id=job_id)
        return job

    def interrupted(self) -> list[Job]:
        """Return the jobs that were interrupted by a crash or by quitting the app, newest first."""
        return self.list("interrupted", 10_000)

    def list(self, status: JobStatus | None = None, limit: int = 500) -> list[Job]:
        """Return jobs, newest first. With `status` "queued", in the order of the queue."""
        if status is None:
            where, order = "", "ORDER BY number DESC"
            values: tuple[str, ...] = ()
        else:
            where, values = "WHERE status = ?", (status,)
            order = _ORDER if status == "queued" else "ORDER BY number DESC"
        with self._database.read() as db:
            rows = db.execute(f"{SELECT_JOBS} {where} {order} LIMIT ?", (*values, limit)).fetchall()
        return [read_job(row, self._database.path) for row in rows]

    def ended(self, limit: int) -> Sequence[Job]:
        """Return jobs that are neither queued nor running, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{SELECT_JOBS} WHERE status NOT IN ('queued', 'running') "
                "ORDER BY number DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [read_job(row, self._database.path) for row in rows]

    def waiting(self) -> Sequence[str]:
        """Return the ids of the queued jobs, in the order of the queue."""
        with self._database.read() as db:
            rows = db.execute(f"SELECT id FROM jobs WHERE status = 'queued' {_ORDER}").fetchall()
        return [row[0] for row in rows]

    def counts(self) -> dict[JobStatus, int]:
        """Return the number of jobs by status."""
        with self._database.read() as db:
            rows = db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall()
        return {row[0]: row[1] for row in rows}

    def next(self, accepts: Callable[[Job], bool] = lambda _: True) -> Job | None:
        """Return the first queued job that is accepted and that this version can run.

        None if there is none, or if the queue is paused.
        """
        with contextlib.suppress(ProblemError):
            self.retry_unsaved()
        if self.is_paused:
            return None
        with self._database.read() as db:
            for row in db.execute(f"{SELECT_JOBS} WHERE status = 'queued' {_ORDER}"):
                job = read_job(row, self._database.path)
                if job.unsupported_reason is None and accepts(job):
                    return job
        return None

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return queued jobs of the same batch that can share calls of the model with `job`.

        Together with `job` they have at most `rows` unfinished rows. Jobs outside the batch are
        not included, so that their first results are not delayed. No job that this version can
        run is overtaken more than `MAX_OVERTAKEN` times.
        """
        shared = shared_settings(job.request)
        room = rows - rows_left(job)
        if not job.batch or shared is None or room <= 0 or self.is_paused:
            return []
        chosen: builtins.list[Job] = []
        passes = _LOOK_AHEAD
        with self._database.read() as db:
            own = db.execute("SELECT position FROM jobs WHERE id = ?", (job.id,)).fetchone()
            waiting = db.execute(
                f"{SELECT_JOBS} WHERE status = 'queued' AND priority = ? AND id != ? {_ORDER}",
                (job.priority, job.id),
            )
            examined = 0
            for row in waiting:
                other = read_job(row, self._database.path)
                if other.unsupported_reason is not None:
                    continue
                examined += 1
                size = rows_left(other)
                can_share = other.batch == job.batch and shared_settings(other.request) == shared
                if can_share and size <= room:
                    chosen.append(other)
                    room -= size
                    passes -= 1
                else:
                    # Starting `job` itself may overtake it too.
                    is_earlier = own is not None and row["position"] < own["position"]
                    passes = min(passes, MAX_OVERTAKEN - row["overtaken"] - is_earlier)
                if room <= 0 or passes <= 0 or examined >= _LOOK_AHEAD:
                    break
        return chosen

    def missing_rows(self, job: Job) -> tuple[int, ...]:
        """Return the rows without an asset, from the current state of the database."""
        return missing_rows(self.get(job.id) or job)

    def start(self, job: Job) -> Job:
        """Set a queued job to running in this process.

        Returns the current job. Another process may have been faster: see `owns`.
        """
        owner = self._work.token
        with self._database.write() as db:
            started = db.execute(
                "UPDATE jobs SET status = 'running', started = ?, finished = NULL, problem = NULL, "
                "owner = ? WHERE id = ? AND status = 'queued'",
                (now(), owner, job.id),
            )
            if started.rowcount:
                db.execute("DELETE FROM job_rows WHERE job = ? AND problem IS NOT NULL", (job.id,))
                db.execute(
                    "UPDATE jobs SET overtaken = overtaken + 1 WHERE status = 'queued' "
                    "AND priority = (SELECT priority FROM jobs WHERE id = ?) "
                    "AND position < (SELECT position FROM jobs WHERE id = ?)",
                    (job.id, job.id),
                )
        return self.require(job.id)

    def finish(self, job_id: str, status: JobStatus, problem: Problem | None = None) -> Job:
        """Set the final status of a job and delete its unfinished files.

        If this fails (`ProblemError`), saving the status is retried before the next job.
        """
        try:
            with self._database.write() as db:
                db.execute(
                    "UPDATE jobs SET status = ?, finished = ?, problem = ?, owner = '' "
                    "WHERE id = ?",
                    (status, now(), to_json(problem) if problem else None, job_id),
                )
            job = self.require(job_id)
        except ProblemError:
            self._unsaved[job_id] = status, problem
            raise
        self._unsaved.pop(job_id, None)
        self._work.release(destination(job, self._root), job.id)
        return job

    def retry_unsaved(self) -> None:
        """Retry saving statuses that could not be saved. Raises `ProblemError` on failure."""
        for job_id, (status, cause) in list(self._unsaved.items()):
            self.finish(job_id, status, cause)

    def row_failed(self, job_id: str, row: int, problem: Problem) -> None:
        """Record that one row of a job failed."""
        with self._database.write() as db:
            db.execute(
                "INSERT INTO job_rows (job, row, problem) VALUES (?, ?, ?) "
                "ON CONFLICT (job, row) DO UPDATE SET problem = excluded.problem "
                "WHERE asset IS NULL AND problem IS NOT NULL",
                (job_id, row, to_json(problem)),
            )

    def cancel(self, job_id: str) -> bool:
        """Cancel a queued or interrupted job. Returns False if it is running or has ended."""
        with self._database.write() as db:
            changed = db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ? "
                "WHERE id = ? AND status IN ('queued', 'interrupted')",
                (now(), job_id),
            )
            return changed.rowcount > 0

    def cancel_interrupted(self) -> int:
        """Cancel all interrupted jobs. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ? WHERE status = 'interrupted'",
                (now(),),
            ).rowcount

    def remove(self, job_id: str) -> bool:
        """Delete a job that is not running, but not its assets. Returns whether it was deleted."""
        with self._database.write() as db:
            changed = db.execute("DELETE FROM jobs WHERE id = ? AND status != 'running'", (job_id,))
            return changed.rowcount > 0

    def cancel_waiting(self, job_ids: Collection[str] | None = None) -> Sequence[str]:
        """Cancel the given queued jobs, or all. Returns the ids of those that were cancelled."""
        with self._database.write() as db:
            rows = db.execute(f"SELECT id FROM jobs WHERE status = 'queued' {_ORDER}").fetchall()
            chosen = None if job_ids is None else set(job_ids)
            cancelled = [row["id"] for row in rows if chosen is None or row["id"] in chosen]
            db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ? "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (now(), _id_list(cancelled)),
            )
        return cancelled

    def restore_cancelled(self, job_ids: Collection[str]) -> int:
        """Put cancelled jobs back into the queue, at their old positions. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "UPDATE jobs SET status = 'queued', finished = NULL WHERE status = 'cancelled' "
                "AND id IN (SELECT value FROM json_each(?))",
                (_id_list(job_ids),),
            ).rowcount

    def clear_ended(self) -> int:
        """Delete all jobs that are done, failed or cancelled. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "DELETE FROM jobs WHERE status IN ('done', 'failed', 'cancelled')"
            ).rowcount

    def move(self, job_ids: str | Sequence[str], before: str | None = None) -> None:
        """Move queued jobs, in this order, before another one, or to the end of the queue.

        They get the priority of their new neighbour. Jobs that are no longer queued are ignored;
        if `before` is no longer queued, the jobs move to the front.
        """
        job_ids = [job_ids] if isinstance(job_ids, str) else job_ids
        with self._database.write() as db:
            waiting = db.execute(
                f"SELECT id, priority FROM jobs WHERE status = 'queued' {_ORDER}"
            ).fetchall()
            priorities: dict[str, int] = {row["id"]: row["priority"] for row in waiting}
            moved = [job for job in dict.fromkeys(job_ids) if job in priorities]
            if not moved:
                return
            order = [job for job in priorities if job not in set(moved)]
            index = len(order) if before is None else 0
            if before is not None and before in priorities:
                if before in set(moved):
                    return
                index = order.index(before)
            neighbour = order[min(index, len(order) - 1)] if order else moved[0]
            priority = priorities[neighbour]
            order[index:index] = moved
            db.executemany(
                "UPDATE jobs SET priority = ? WHERE id = ?", [(priority, job) for job in moved]
            )
            db.executemany(
                "UPDATE jobs SET position = ? WHERE id = ?",
                [(float(position), job) for position, job in enumerate(order, 1)],
            )

    def running(self) -> Sequence[tuple[Job, str]]:
        """Return the jobs with status "running", each with the token of its process."""
        with self._database.read() as db:
            rows = db.execute(f"{SELECT_JOBS} WHERE status = 'running' ORDER BY number").fetchall()
        return [(read_job(row, self._database.path), row["owner"]) for row in rows]

    def end_running(self, owner: str) -> None:
        """Set the running jobs of the process `owner`, which has ended, to interrupted or done."""
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET finished = ?, owner = '', status = CASE WHEN (SELECT count(*) "
                "FROM job_rows WHERE job = jobs.id AND problem IS NULL) >= count "
                "THEN 'done' ELSE 'interrupted' END WHERE status = 'running' AND owner = ?",
                (now(), owner),
            )

    def cancel_claimed(self) -> None:
        """Cancel all running jobs of this process."""
        owner = self._work.current_token
        if not owner:
            return
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ?, owner = '' "
                "WHERE status = 'running' AND owner = ?",
                (now(), owner),
            )

    def owns(self, job_id: str) -> bool:
        """Return whether a job is running in this process: only then may its rows be made here."""
        owner = self._work.current_token
        with self._database.read() as db:
            claimed = db.execute(
                "SELECT 1 FROM jobs WHERE id = ? AND status = 'running' AND owner = ?",
                (job_id, owner),
            ).fetchone()
        return bool(owner) and claimed is not None

    def claimed_elsewhere(self, job_ids: Collection[str]) -> set[str]:
        """Return those of these jobs that are running in other processes."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id FROM jobs WHERE status = 'running' AND owner != ? "
                "AND id IN (SELECT value FROM json_each(?))",
                (self._work.current_token, _id_list(job_ids)),
            ).fetchall()
        return {row[0] for row in rows}

    def statuses(self, job_ids: Collection[str]) -> dict[str, JobStatus]:
        """Return the statuses of those of these jobs that exist."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, status FROM jobs WHERE id IN (SELECT value FROM json_each(?))",
                (_id_list(job_ids),),
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def owners(self) -> set[str]:
        """Return the tokens of the processes that have running jobs."""
        with self._database.read() as db:
            rows = db.execute("SELECT DISTINCT owner FROM jobs WHERE status = 'running'").fetchall()
        return {row[0] for row in rows}

    @property
    def is_paused(self) -> bool:
        """Whether the queue is paused."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM state WHERE key = 'paused'").fetchone()
        return row is not None and row[0] == "1"

    def set_paused(self, paused: bool) -> None:
        """Pause or resume the queue. The current job continues. Persists across restarts."""
        with self._database.write() as db:
            db.execute(
                "INSERT INTO state (key, value) VALUES ('paused', ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                ("1" if paused else "0",),
            )


def _id_list(job_ids: Collection[str]) -> str:
    return msgspec.json.encode(list(job_ids)).decode()
