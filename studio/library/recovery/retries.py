"""Resume, retry and duplicate jobs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from studio.library.disk_problems import may_be_unrecorded
from studio.library.folder.file_placing import hash_file
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.database import Database
from studio.library.queue.job_queue import JobQueue
from studio.library.queue.resolve_request import check_supported, resolve_request
from studio.library.queue.stored_job import (
    SELECT_JOBS,
    insert_jobs,
    new_id,
    now,
    read_job,
    rows_left,
)
from studio.library.records import Job
from studio.library.recovery.unrecorded import index_unrecorded
from studio.protocol import Problem, ProblemError, Request

_COPIES = "copies-of-"


class Retries:
    """Resumes, retries and duplicates jobs of a library. Methods may be called from any thread.

    They raise `ProblemError` on disk errors, and for jobs that this version cannot run.
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
        self._unindexed: set[str] = set()

    def mark_unindexed(self, job_id: str) -> None:
        """Remember that a job has a result file that could not be added to the index."""
        self._unindexed.add(job_id)

    def resume(self, job_id: str, *, claim: bool = False) -> Job:
        """Put a job that ended early back into the queue. Only its missing rows will run.

        For `claim`, see `JobQueue.enqueue`.
        """
        self._queue.retry_unsaved()
        job = self._queue.require(job_id)
        check_supported(job.request)
        if self._may_have_unindexed(job):
            index_unrecorded(self._database, self._writer, self._root, [job])
        return self._resume(job_id, self._work.token if claim else "")

    def resume_interrupted(self) -> int:
        """Put all interrupted jobs back into the queue. Returns how many."""
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
        """Enqueue the request of an ended job again, as a new job that refers to the old one.

        A job with partial results is resumed instead, so that no result is made twice.
        """
        old = self._queue.require(job_id)
        if self._has_partial_results(old):
            return self.resume(job_id)
        return self._enqueue_copies([(old, resolve_request(old.request))], is_retry=True)[0]

    def duplicate(self, job_id: str) -> Job:
        """Enqueue the request of a job again, with the same seed, as an independent job.

        It is not a part of the job's batch: resuming the batch does not run it.
        """
        old = self._queue.require(job_id)
        return self._enqueue_copies([(old, resolve_request(old.request))], is_retry=False)[0]

    def retry_failed(self) -> tuple[list[Job], list[Problem]]:
        """Apply `retry` to all failed jobs that have not been retried yet.

        Returns the jobs that are queued now, and the problems of those that could not be retried
        (e.g. a missing input file).
        """
        self._queue.retry_unsaved()
        hash_once = functools.cache(hash_file)
        copies: list[tuple[Job, Request]] = []
        partial: list[Job] = []
        problems: list[Problem] = []
        for job in self._unretried_failures():
            try:
                if self._has_partial_results(job):
                    check_supported(job.request)
                    partial.append(job)
                else:
                    copies.append((job, resolve_request(job.request, hash_once)))
            except ProblemError as error:
                problems.append(error.problem)
        unindexed = [job for job in partial if self._may_have_unindexed(job)]
        index_unrecorded(self._database, self._writer, self._root, unindexed)
        resumed = [self._resume(job.id, "") for job in partial]
        return [*resumed, *self._enqueue_copies(copies, is_retry=True)], problems

    def _has_partial_results(self, job: Job) -> bool:
        return bool(job.done_rows and rows_left(job)) or self._may_have_unindexed(job)

    def _may_have_unindexed(self, job: Job) -> bool:
        """Return whether the job may have a result file that is not in the index."""
        is_likely = job.problem is not None and may_be_unrecorded(job.problem)
        return is_likely or job.id in self._unindexed

    def _unretried_failures(self) -> list[Job]:
        """Return the failed jobs that have not been retried, oldest first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{SELECT_JOBS} WHERE status = 'failed' AND id NOT IN "
                "(SELECT retried_from FROM jobs WHERE retried_from IS NOT NULL) ORDER BY number"
            ).fetchall()
        return [read_job(row, self._database.path) for row in rows]

    def _resume(self, job_id: str, owner: str) -> Job:
        """Set a job that ended early to queued or, with `owner`, to running."""
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

    def _enqueue_copies(self, jobs: Sequence[tuple[Job, Request]], *, is_retry: bool) -> list[Job]:
        """Append copies of jobs with the given requests to the queue.

        With `is_retry`, the copies refer to the original jobs in `retried_from`.
        """
        self._database.require_there()
        created = now()
        new = [
            Job(
                id=new_id(),
                request=request,
                status="queued",
                priority=old.priority,
                batch=old.batch if is_retry or not old.batch else _copies_of(old.batch),
                labels=old.labels,
                output=old.output,
                created=created,
                retried_from=old.id if is_retry else "",
            )
            for old, request in jobs
        ]
        with self._database.write() as db:
            return insert_jobs(db, new)


def _copies_of(batch: str) -> str:
    """Return the batch of copies, which may share calls of the model with each other."""
    return f"{_COPIES}{batch.removeprefix(_COPIES)}"
