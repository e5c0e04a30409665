"""Jobs once more: those that were cut off go on, those that failed are tried again."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from studio.library.folder.file_placing import hash_file
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.database import Database
from studio.library.queue.job_queue import JobQueue
from studio.library.queue.resolve_request import check_supported, resolve_request
from studio.library.queue.stored_job import (
    SELECT_JOBS,
    insert_jobs,
    job_of,
    new_id,
    now,
    rows_left,
)
from studio.library.records import Job
from studio.library.recovery.rebuild import adopt
from studio.protocol import Problem, ProblemError, Request


class Retries:
    """Second runs of the jobs of one library. Its methods may be called from any thread.

    They raise `ProblemError` when the disk fails them, and where this build cannot carry out a
    job that another one wrote.
    """

    def __init__(
        self,
        database: Database,
        queue: JobQueue,
        writer: AssetWriter,
        work: WorkFolders,
        root: Path,
    ) -> None:
        self._database = database
        self._queue = queue
        self._writer = writer
        self._work = work
        self._root = root
        self._unlisted: set[str] = set()

    def note_unlisted(self, job_id: str) -> None:
        """Note that a file of a job got its name, but could not be put into the index."""
        self._unlisted.add(job_id)

    def resume(self, job_id: str, *, claim: bool = False) -> Job:
        """Put a job that ended early back into the queue; only missing rows will run.

        With `claim` it is this process's own instead, as with `JobQueue.enqueue`.
        """
        self._queue.finish_owed()
        job = self._queue.require(job_id)
        check_supported(job.request)
        if self._may_have_unlisted(job):
            adopt(self._database, self._writer, self._root, [job])
        return self._resumed(job_id, self._work.token if claim else "")

    def resume_interrupted(self) -> int:
        """Put every interrupted job back into the queue; returns how many."""
        with self._database.write() as db:
            db.execute(
                "DELETE FROM job_rows WHERE problem IS NOT NULL AND job IN "
                "(SELECT id FROM jobs WHERE status = 'interrupted')"
            )
            return db.execute(
                "UPDATE jobs SET status = 'queued', finished = NULL, problem = NULL, owner = '' "
                "WHERE status = 'interrupted'"
            ).rowcount

    def retry(self, job_id: str) -> Job:
        """Enqueue the request of an ended job once more, as a new job that names the old one.

        One that has made a part of its results goes on instead, as with `resume`: nothing is
        made twice.
        """
        old = self._queue.require(job_id)
        if self._has_part(old):
            return self.resume(job_id)
        return self._repeated([(old, resolve_request(old.request))], naming=True)[0]

    def duplicate(self, job_id: str) -> Job:
        """Enqueue the request of a job once more, with its seed, as a job of its own."""
        old = self._queue.require(job_id)
        return self._repeated([(old, resolve_request(old.request))], naming=False)[0]

    def retry_failed(self) -> tuple[list[Job], list[Problem]]:
        """Retry every failed job that was not retried yet, each as `retry` does it.

        Returns the jobs that wait now, and why others could not be tried again (an input that
        is gone).
        """
        self._queue.finish_owed()
        hash_once = functools.cache(hash_file)
        again: list[tuple[Job, Request]] = []
        parts: list[Job] = []
        refused: list[Problem] = []
        for job in self._failed_and_not_retried():
            try:
                if self._has_part(job):
                    check_supported(job.request)
                    parts.append(job)
                else:
                    again.append((job, resolve_request(job.request, hash_once)))
            except ProblemError as error:
                refused.append(error.problem)
        unlisted = [job for job in parts if self._may_have_unlisted(job)]
        adopt(self._database, self._writer, self._root, unlisted)
        resumed = [self._resumed(job.id, "") for job in parts]
        return [*resumed, *self._repeated(again, naming=True)], refused

    def _has_part(self, job: Job) -> bool:
        return bool(job.done_rows and rows_left(job)) or self._may_have_unlisted(job)

    def _may_have_unlisted(self, job: Job) -> bool:
        """Tell whether a file may have got its name when its row could not be written."""
        is_full = job.problem is not None and job.problem.kind == "disk_full"
        return is_full or job.id in self._unlisted

    def _failed_and_not_retried(self) -> list[Job]:
        """Return the failed jobs that no other job repeats, oldest first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{SELECT_JOBS} WHERE status = 'failed' AND id NOT IN "
                "(SELECT retried_from FROM jobs WHERE retried_from IS NOT NULL) ORDER BY number"
            ).fetchall()
        return [job_of(row, self._database.path) for row in rows]

    def _resumed(self, job_id: str, owner: str) -> Job:
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
        return self._queue.require(job_id)

    def _repeated(self, jobs: Sequence[tuple[Job, Request]], *, naming: bool) -> list[Job]:
        """Store each job once more with the request given, all at the end of the queue.

        With `naming` a new job says which one it was retried from.
        """
        created = now()
        new = [
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
        ]
        with self._database.write() as db:
            return insert_jobs(db, new)
