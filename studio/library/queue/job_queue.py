"""The jobs in the database: whose turn it is, and what became of each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from studio.kinds.coding import shared_settings, to_json
from studio.library.index.database import Database
from studio.library.queue.stored_job import SELECT_JOBS, job_of, rows_left
from studio.library.records import Job
from studio.protocol import JobStatus, Problem, Request, problem

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MAX_OVERTAKEN = 4
"""How often a job may be overtaken by others that share a call of the model."""

_LOOK_AHEAD = 50

_TURN = "ORDER BY priority DESC, position, number"


def now() -> str:
    """Return the time as ISO 8601 with milliseconds and offset."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def new_id() -> str:
    """Return 16 letters and digits: milliseconds since 1970, then 32 random bits."""
    number = (time.time_ns() // 1_000_000) << 32 | secrets.randbits(32)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))


class Queue:
    """The jobs of one library. All methods raise `ProblemError` when the disk fails them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        requests: Iterable[Request],
        *,
        batch: str,
        priority: int,
        output: str,
        labels: Sequence[Mapping[str, str]],
        owner: str = "",
    ) -> list[Job]:
        """Store jobs at the end of the queue, all or none. With `owner` they run already.

        `labels` are those of each request.
        """
        created = now()
        jobs = [
            Job(
                id=new_id(),
                request=request,
                status="running" if owner else "queued",
                priority=priority,
                batch=batch,
                labels=dict(own),
                output=output,
                created=created,
                started=created if owner else "",
            )
            for request, own in zip(requests, labels, strict=True)
        ]
        return self._insert(jobs, owner)

    def repeat(self, jobs: Iterable[tuple[Job, Request]], *, naming: bool) -> list[Job]:
        """Store each job once more with the request given, all at the end of the queue.

        With `naming` a new job says which one it was retried from.
        """
        created = now()
        return self._insert(
            [
                Job(
                    id=new_id(),
                    request=request,
                    status="queued",
                    priority=old.priority,
                    batch=old.batch,
                    labels=old.labels,
                    output=old.output,
                    created=created,
                    retried_from=old.id if naming else "",
                )
                for old, request in jobs
            ],
            "",
        )

    def _insert(self, jobs: Sequence[Job], owner: str) -> list[Job]:
        added: list[Job] = []
        with self._database.write() as db:
            position = db.execute("SELECT coalesce(max(position), 0) FROM jobs").fetchone()[0]
            for job in jobs:
                position += 1.0
                inserted = db.execute(
                    "INSERT INTO jobs (id, task, model, request, count, status, priority, "
                    "position, batch, labels, output, created, started, retried_from, owner) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        job.id,
                        job.request.task,
                        job.request.model,
                        to_json(job.request),
                        job.request.count,
                        job.status,
                        job.priority,
                        position,
                        job.batch,
                        msgspec.json.encode(job.labels).decode(),
                        job.output,
                        job.created,
                        job.started or None,
                        job.retried_from or None,
                        owner,
                    ),
                )
                added.append(msgspec.structs.replace(job, number=inserted.lastrowid or 0))
        return added

    def get(self, job_id: str) -> Job | None:
        with self._database.read() as db:
            row = db.execute(f"{SELECT_JOBS} WHERE id = ?", (job_id,)).fetchone()
        return job_of(row, self._database.path) if row else None

    def require(self, job_id: str) -> Job:
        """Return the job. Raises `ProblemError` when there is none of that id."""
        job = self.get(job_id)
        if job is None:
            raise problem("bad_input", "There is no job {id} in this library.", id=job_id)
        return job

    def list(self, status: JobStatus | None, limit: int) -> list[Job]:
        """Return queued jobs in the order of their turn, any others newest first."""
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

        Those that this build cannot carry out wait on.
        """
        with self._database.read() as db:
            for row in db.execute(f"{SELECT_JOBS} WHERE status = 'queued' {_TURN}"):
                job = job_of(row, self._database.path)
                if job.obstacle is None and suits(job):
                    return job
        return None

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return waiting jobs of a batch that can share calls of the model with `job`, in order.

        Jobs that were not sent together keep waiting for each other's first results. With `job`
        they have at most `rows` rows to make. Nobody is overtaken more often than `MAX_OVERTAKEN`
        times.
        """
        wanted = shared_settings(job.request)
        room = rows - rows_left(job)
        if not job.batch or wanted is None or room <= 0:
            return []
        with self._database.read() as db:
            waiting = db.execute(
                f"{SELECT_JOBS} WHERE status = 'queued' AND priority = ? AND id != ? "
                f"{_TURN} LIMIT ?",
                (job.priority, job.id, _LOOK_AHEAD),
            ).fetchall()
            own = db.execute("SELECT position FROM jobs WHERE id = ?", (job.id,)).fetchone()
        chosen: list[Job] = []
        passes = _LOOK_AHEAD
        for row in waiting:
            other = job_of(row, self._database.path)
            if other.obstacle is not None:
                continue  # It waits for another build, whoever goes first here.
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
            if room <= 0 or passes <= 0:
                break
        return chosen

    def start(self, job_id: str, owner: str) -> Job:
        """Mark a queued job as running under `owner`; any other job is returned as it is."""
        with self._database.write() as db:
            started = db.execute(
                "UPDATE jobs SET status = 'running', started = ?, finished = NULL, problem = NULL, "
                "owner = ? WHERE id = ? AND status = 'queued'",
                (now(), owner, job_id),
            )
            if started.rowcount:
                db.execute("DELETE FROM job_rows WHERE job = ? AND problem IS NOT NULL", (job_id,))
                db.execute(
                    "UPDATE jobs SET overtaken = overtaken + 1 WHERE status = 'queued' "
                    "AND priority = (SELECT priority FROM jobs WHERE id = ?) "
                    "AND position < (SELECT position FROM jobs WHERE id = ?)",
                    (job_id, job_id),
                )
        return self.require(job_id)

    def finish(self, job_id: str, status: JobStatus, trouble: Problem | None) -> Job:
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET status = ?, finished = ?, problem = ?, owner = '' WHERE id = ?",
                (status, now(), to_json(trouble) if trouble else None, job_id),
            )
        return self.require(job_id)

    def row_failed(self, job_id: str, row: int, trouble: Problem) -> None:
        with self._database.write() as db:
            db.execute(
                "INSERT INTO job_rows (job, row, problem) VALUES (?, ?, ?) "
                "ON CONFLICT (job, row) DO UPDATE SET problem = excluded.problem "
                "WHERE asset IS NULL AND problem IS NOT NULL",
                (job_id, row, to_json(trouble)),
            )

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that waits. Returns False for one that runs or has ended."""
        with self._database.write() as db:
            changed = db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ? "
                "WHERE id = ? AND status IN ('queued', 'interrupted')",
                (now(), job_id),
            )
            return changed.rowcount > 0

    def remove(self, job_id: str) -> bool:
        """Forget a job that does not run. Its assets stay."""
        with self._database.write() as db:
            changed = db.execute("DELETE FROM jobs WHERE id = ? AND status != 'running'", (job_id,))
            return changed.rowcount > 0

    def cancel_waiting(self, job_ids: Collection[str] | None) -> Sequence[str]:
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

    def uncancel(self, job_ids: Collection[str]) -> int:
        """Let cancelled jobs wait again, each in its old place. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "UPDATE jobs SET status = 'queued', finished = NULL WHERE status = 'cancelled' "
                "AND id IN (SELECT value FROM json_each(?))",
                (_id_list(job_ids),),
            ).rowcount

    def failed_and_not_retried(self) -> Sequence[Job]:
        """Return the failed jobs that no other job repeats, oldest first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{SELECT_JOBS} WHERE status = 'failed' AND id NOT IN "
                "(SELECT retried_from FROM jobs WHERE retried_from IS NOT NULL) ORDER BY number"
            ).fetchall()
        return [job_of(row, self._database.path) for row in rows]

    def resume_interrupted(self) -> int:
        """Put every interrupted job back into the queue. Returns how many."""
        with self._database.write() as db:
            db.execute(
                "DELETE FROM job_rows WHERE problem IS NOT NULL AND job IN "
                "(SELECT id FROM jobs WHERE status = 'interrupted')"
            )
            return db.execute(
                "UPDATE jobs SET status = 'queued', finished = NULL, problem = NULL, owner = '' "
                "WHERE status = 'interrupted'"
            ).rowcount

    def clear_ended(self) -> int:
        """Forget every job that is done, failed or cancelled. Returns how many."""
        with self._database.write() as db:
            return db.execute(
                "DELETE FROM jobs WHERE status IN ('done', 'failed', 'cancelled')"
            ).rowcount

    def resume(self, job_id: str, owner: str = "") -> Job:
        """Put a job that ended early back into the queue; with `owner` it runs already."""
        with self._database.write() as db:
            resumed = db.execute(
                "UPDATE jobs SET status = ?, finished = NULL, problem = NULL, owner = ?, "
                "started = coalesce(started, created) "
                "WHERE id = ? AND status IN ('interrupted', 'failed', 'cancelled')",
                ("running" if owner else "queued", owner, job_id),
            )
            if resumed.rowcount:
                db.execute("DELETE FROM job_rows WHERE job = ? AND problem IS NOT NULL", (job_id,))
        return self.require(job_id)

    def move(self, job_ids: Sequence[str], before: str | None) -> None:
        """Put waiting jobs, in this order, in front of another one, or at the very end.

        They take the priority of the place that they come to. Jobs that wait no more are left
        as they are; in front of one that waits no more is the front of the queue.
        """
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

    def cancel_owned(self, owner: str) -> None:
        """Cancel every job that the process `owner` claimed, in one go."""
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET status = 'cancelled', finished = ?, owner = '' "
                "WHERE status = 'running' AND owner = ?",
                (now(), owner),
            )

    @property
    def paused(self) -> bool:
        with self._database.read() as db:
            row = db.execute("SELECT value FROM state WHERE key = 'paused'").fetchone()
        return row is not None and row[0] == "1"

    def pause(self, paused: bool) -> None:
        with self._database.write() as db:
            db.execute(
                "INSERT INTO state (key, value) VALUES ('paused', ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                ("1" if paused else "0",),
            )


def _id_list(job_ids: Collection[str]) -> str:
    return msgspec.json.encode(list(job_ids)).decode()
