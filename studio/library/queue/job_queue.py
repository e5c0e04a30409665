"""The jobs in the database: whose turn it is, and what became of each."""

from __future__ import annotations

import builtins
import contextlib
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from studio.kinds.coding import shared_settings, to_json
from studio.library.folder.file_placing import hash_file
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.database import Database
from studio.library.queue.resolve_request import resolve_request
from studio.library.queue.stored_job import (
    SELECT_JOBS,
    destination,
    insert_jobs,
    job_of,
    missing_rows,
    new_id,
    now,
    rows_left,
)
from studio.library.records import Job
from studio.protocol import JobStatus, Problem, ProblemError, Request, problem

MAX_OVERTAKEN = 4
"""How often a job may be overtaken by others that share a call of the model."""

_LOOK_AHEAD = 50

_TURN = "ORDER BY priority DESC, position, number"


class JobQueue:
    """The jobs of one library and their turn. Its methods may be called from any thread.

    They raise `ProblemError` when the disk fails them.
    """

    def __init__(self, database: Database, work: WorkFolders, root: Path) -> None:
        self._database = database
        self._work = work
        self._root = root
        # What could not be written down when the disk was full or gone.
        self._owed: dict[str, tuple[JobStatus, Problem | None]] = {}

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
        """Store requests at the end of the queue, all or none, before anything runs.

        Seeds are resolved and input files hashed here. With `claim` the jobs are this
        process's own: they count as running, and the queue never picks them up. `output` is
        a folder to write straight into. `labels` are for all, or a sequence with those of
        each request. Raises `ProblemError` (bad_input, disk_full).
        """
        hash_once = functools.cache(hash_file)
        resolved = [resolve_request(request, hash_once) for request in requests]
        if isinstance(labels, Mapping):
            labels = [labels] * len(resolved)
        folder = str(Path(output).expanduser().absolute()) if output else ""
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
        return job_of(row, self._database.path) if row else None

    def require(self, job_id: str) -> Job:
        """Return the job. Raises `ProblemError` when there is none of that id."""
        job = self.get(job_id)
        if job is None:
            raise problem("bad_input", "There is no job {id} in this library.", id=job_id)
        return job

    def interrupted(self) -> list[Job]:
        """Return the jobs that a crash or the app's end interrupted, newest first."""
        return self.list("interrupted", 10_000)

    def list(self, status: JobStatus | None = None, limit: int = 500) -> list[Job]:
        """Return jobs newest first; queued ones, asked for alone, in the order of their turn."""
        if status is None:
            where, order = "", "ORDER BY number DESC"
            values: tuple[str, ...] = ()
        else:
            where, values = "WHERE status = ?", (status,)
            order = _TURN if status == "queued" else "ORDER BY number DESC"
        with self._database.read() as db:
            rows = db.execute(f"{SELECT_JOBS} {where} {order} LIMIT ?", (*values, limit)).fetchall()
        return [job_of(row, self._database.path) for row in rows]

    def ended(self, limit: int) -> Sequence[Job]:
        """Return jobs that neither wait nor run, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{SELECT_JOBS} WHERE status NOT IN ('queued', 'running') "
                "ORDER BY number DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [job_of(row, self._database.path) for row in rows]

    def waiting(self) -> Sequence[str]:
        """Return the ids of the jobs that wait, in the order of their turn."""
        with self._database.read() as db:
            rows = db.execute(f"SELECT id FROM jobs WHERE status = 'queued' {_TURN}").fetchall()
        return [row[0] for row in rows]

    def counts(self) -> dict[JobStatus, int]:
        """Return how many jobs there are of each status that occurs."""
        with self._database.read() as db:
            rows = db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall()
        return {row[0]: row[1] for row in rows}

    def next(self, suits: Callable[[Job], bool] = lambda _: True) -> Job | None:
        """Return the job whose turn it is, of those that suit.

        None where none waits, or the queue is paused. Those that this build cannot carry out
        wait on.
        """
        with contextlib.suppress(ProblemError):
            self.finish_owed()
        if self.is_paused:
            return None
        with self._database.read() as db:
            for row in db.execute(f"{SELECT_JOBS} WHERE status = 'queued' {_TURN}"):
                job = job_of(row, self._database.path)
                if job.unsupported_reason is None and suits(job):
                    return job
        return None

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return waiting jobs of a batch that can share calls of the model with `job`, in order.

        Jobs that were not sent together keep waiting for each other's first results. With `job`
        they have at most `rows` rows to make. Nobody is overtaken more often than `MAX_OVERTAKEN`
        times, but for jobs that this build cannot carry out.
        """
        wanted = shared_settings(job.request)
        room = rows - rows_left(job)
        if not job.batch or wanted is None or room <= 0 or self.is_paused:
            return []
        chosen: builtins.list[Job] = []
        passes = _LOOK_AHEAD
        with self._database.read() as db:
            own = db.execute("SELECT position FROM jobs WHERE id = ?", (job.id,)).fetchone()
            waiting = db.execute(
                f"{SELECT_JOBS} WHERE status = 'queued' AND priority = ? AND id != ? {_TURN}",
                (job.priority, job.id),
            )
            looked_at = 0
            for row in waiting:
                other = job_of(row, self._database.path)
                if other.unsupported_reason is not None:
                    continue
                looked_at += 1
                size = rows_left(other)
                alike = other.batch == job.batch and shared_settings(other.request) == wanted
                if alike and size <= room:
                    chosen.append(other)
                    room -= size
                    passes -= 1
                else:
                    # `job` itself may be one of those that overtake it.
                    before = own is not None and row["position"] < own["position"]
                    passes = min(passes, MAX_OVERTAKEN - row["overtaken"] - before)
                if room <= 0 or passes <= 0 or looked_at >= _LOOK_AHEAD:
                    break
        return chosen

    def missing_rows(self, job: Job) -> tuple[int, ...]:
        """Return the rows that have no asset yet, as the database says now."""
        return missing_rows(self.get(job.id) or job)

    def start(self, job: Job) -> Job:
        """Mark a queued job as running here. Returns it as it is now: look at its status."""
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
        """Set the final status of a job and throw away what was half done.

        Where the disk refuses (`ProblemError`), it is tried again before the next job.
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
            self._owed[job_id] = status, problem
            raise
        self._owed.pop(job_id, None)
        self._work.release(destination(job, self._root), job.id)
        return job

    def finish_owed(self) -> None:
        """Set the statuses that the disk refused before. Raises `ProblemError` if it still does."""
        for job_id, (status, trouble) in list(self._owed.items()):
            self.finish(job_id, status, trouble)

    def row_failed(self, job_id: str, row: int, problem: Problem) -> None:
        """Note that one row failed while others go on."""
        with self._database.write() as db:
            db.execute(
                "INSERT INTO job_rows (job, row, problem) VALUES (?, ?, ?) "
                "ON CONFLICT (job, row) DO UPDATE SET problem = excluded.problem "
                "WHERE asset IS NULL AND problem IS NOT NULL",
                (job_id, row, to_json(problem)),
            )

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or interrupted job; False for one that runs or has ended."""
        with self._database.write() as db:
            changed = db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ? "
                "WHERE id = ? AND status IN ('queued', 'interrupted')",
                (now(), job_id),
            )
            return changed.rowcount > 0

    def remove(self, job_id: str) -> bool:
        """Forget a job that does not run; its assets stay. Returns whether it was there."""
        with self._database.write() as db:
            changed = db.execute("DELETE FROM jobs WHERE id = ? AND status != 'running'", (job_id,))
            return changed.rowcount > 0

    def cancel_waiting(self, job_ids: Collection[str] | None = None) -> Sequence[str]:
        """Cancel those of these jobs that wait, or all that wait. Returns which, by turn."""
        with self._database.write() as db:
            rows = db.execute(f"SELECT id FROM jobs WHERE status = 'queued' {_TURN}").fetchall()
            chosen = None if job_ids is None else set(job_ids)
            cancelled = [row["id"] for row in rows if chosen is None or row["id"] in chosen]
            db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ? "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (now(), _id_list(cancelled)),
            )
        return cancelled

    def restore_cancelled(self, job_ids: Collection[str]) -> int:
        """Let cancelled jobs wait again, each in its old place. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "UPDATE jobs SET status = 'queued', finished = NULL WHERE status = 'cancelled' "
                "AND id IN (SELECT value FROM json_each(?))",
                (_id_list(job_ids),),
            ).rowcount

    def clear_ended(self) -> int:
        """Forget every job that is done, failed or cancelled. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "DELETE FROM jobs WHERE status IN ('done', 'failed', 'cancelled')"
            ).rowcount

    def move(self, job_ids: str | Sequence[str], before: str | None = None) -> None:
        """Put waiting jobs, in this order, in front of another one, or at the very end.

        They take the priority of the place that they come to. Jobs that wait no more are left
        as they are; in front of one that waits no more is the front of the queue.
        """
        job_ids = [job_ids] if isinstance(job_ids, str) else job_ids
        with self._database.write() as db:
            waiting = db.execute(
                f"SELECT id, priority FROM jobs WHERE status = 'queued' {_TURN}"
            ).fetchall()
            priorities: dict[str, int] = {row["id"]: row["priority"] for row in waiting}
            moved = [job for job in dict.fromkeys(job_ids) if job in priorities]
            if not moved:
                return
            order = [job for job in priorities if job not in set(moved)]
            place = len(order) if before is None else 0
            if before is not None and before in priorities:
                if before in set(moved):
                    return
                place = order.index(before)
            neighbour = order[min(place, len(order) - 1)] if order else moved[0]
            priority = priorities[neighbour]
            order[place:place] = moved
            db.executemany(
                "UPDATE jobs SET priority = ? WHERE id = ?", [(priority, job) for job in moved]
            )
            db.executemany(
                "UPDATE jobs SET position = ? WHERE id = ?",
                [(float(turn), job) for turn, job in enumerate(order, 1)],
            )

    def running(self) -> Sequence[tuple[Job, str]]:
        """Return the jobs said to run, each with the token of the process that runs it."""
        with self._database.read() as db:
            rows = db.execute(f"{SELECT_JOBS} WHERE status = 'running' ORDER BY number").fetchall()
        return [(job_of(row, self._database.path), row["owner"]) for row in rows]

    def abandon(self, owner: str) -> None:
        """Note that the process `owner` died or left: what it ran is interrupted, or done."""
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET finished = ?, owner = '', status = CASE WHEN (SELECT count(*) "
                "FROM job_rows WHERE job = jobs.id AND problem IS NULL) >= count "
                "THEN 'done' ELSE 'interrupted' END WHERE status = 'running' AND owner = ?",
                (now(), owner),
            )

    def cancel_claimed(self) -> None:
        """Cancel every job that this process claimed and has not ended, in one go."""
        owner = self._work.taken_token
        if not owner:
            return
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ?, owner = '' "
                "WHERE status = 'running' AND owner = ?",
                (now(), owner),
            )

    def runs_elsewhere(self, job_ids: Collection[str]) -> bool:
        """Tell whether another living process runs one of these jobs."""
        return any(
            job.id in job_ids and owner != self._work.taken_token and self._work.is_alive(owner)
            for job, owner in self.running()
        )

    @property
    def is_paused(self) -> bool:
        """Whether the queue is paused."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM state WHERE key = 'paused'").fetchone()
        return row is not None and row[0] == "1"

    def set_paused(self, paused: bool) -> None:
        """Take no new job after the current one, or go on. Kept over a restart."""
        with self._database.write() as db:
            db.execute(
                "INSERT INTO state (key, value) VALUES ('paused', ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                ("1" if paused else "0",),
            )


def _id_list(job_ids: Collection[str]) -> str:
    return msgspec.json.encode(list(job_ids)).decode()
