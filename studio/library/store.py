"""The library: what the user asked for, and what came of it, on the disk before anything else.

A folder with the results as plain files, each with its recipe inside, `marks.jsonl` (stars, tags
and collections), and `library.db`, an index that `rebuild` can make again from the other two.
"""

from __future__ import annotations

import contextlib
import functools
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec.structs import replace

from studio.formats.aigc import AigcLabel
from studio.formats.suffixes import TEXTS
from studio.kinds.kind import Medium
from studio.kinds.registry import medium_of
from studio.library.folder import files
from studio.library.folder.mark_changes import Marking, retagged
from studio.library.folder.trash import Trash
from studio.library.folder.work_folders import WorkFolders
from studio.library.index import rebuild, salvage
from studio.library.index.assets import Assets, Found
from studio.library.index.database import (
    FILE_NAME,
    DamagedDatabaseError,
    Database,
    file_problem,
    gone,
)
from studio.library.index.facets import Used, collections, used
from studio.library.index.search import Wanted
from studio.library.queue.job_queue import Queue, now
from studio.library.queue.resolve_request import refuse_obstacle, resolve_request
from studio.library.queue.stored_job import destination, missing_rows, rows_left
from studio.library.recipes import metadata
from studio.library.records import Asset, Job
from studio.protocol import JobStatus, Problem, ProblemError, Recipe, Request, problem

_QUEUE_LOCK = ".queue.lock"


class Library:
    """An open library. Made by `Library.open`. All methods may be called from any thread.

    `notice` is what the user should hear about the opening (a damaged database set aside), or
    None. `label` is the AIGC label that new results get, none unless it is set. Methods raise
    `ProblemError` when the disk fails them or the call makes no sense.
    """

    def __init__(self, root: Path, database: Database, notice: Problem | None) -> None:
        self.root = root
        self.notice = notice
        self.label: AigcLabel | None = None
        self._database = database
        self._queue = Queue(database)
        self._assets = Assets(database, root)
        self._marking = Marking(database, self._assets, root)
        self._trash = Trash(database, self._assets, root)
        self._work = WorkFolders(root)
        # What could not be written down when the disk was full or gone.
        self._owed: dict[str, tuple[JobStatus, Problem | None]] = {}
        self._unlisted: set[str] = set()
        self._lock = FileLock(root / _QUEUE_LOCK, timeout=0, thread_local=False)

    @classmethod
    def open(cls, root: Path, *, run_queue: bool = True) -> Library:
        """Open the library in `root`, made if it is not there, and settle what a crash left.

        With `run_queue` this process becomes the one that runs waiting jobs, unless another
        is (`is_owner`). Raises `ProblemError`: the folder cannot be written, or a newer
        version made the library.
        """
        root = root.expanduser().absolute()
        files.make_folder(root)
        try:
            return cls._opened(root, run_queue)
        except DamagedDatabaseError as error:
            try:
                with FileLock(root / _QUEUE_LOCK, timeout=0):
                    aside, saved = salvage.set_aside(root)
            except Timeout:
                # The window still works on it; it does this at its own next start.
                raise error from None
            library = cls._opened(root, run_queue, saved)
            library.notice = salvage.notice(aside, len(saved), error.problem.detail)
            return library

    @classmethod
    def _opened(
        cls, root: Path, run_queue: bool, saved: list[salvage.SavedJob] | None = None
    ) -> Library:
        """Do `open`; `saved` are jobs of a damaged index that was set aside."""
        held = root / FILE_NAME
        # An empty file is a database to SQLite, but none that ever held anything.
        is_new = not held.exists() or held.stat().st_size == 0
        database = Database(root)
        library = cls(root, database, None)
        try:
            if saved:
                salvage.take_over(database, saved)
            if is_new and (saved is not None or rebuild.has_results(root)):
                library.rebuild()
                rebuild.adopt(database, library._assets, root, library.jobs(limit=1_000_000))
            if run_queue:
                library.take_queue()
            library._settle()
        except ProblemError as error:
            if error.problem.kind != "disk_full":
                library.close()
                raise
            # What is there can still be looked at, and deleted to make room.
            library.notice = error.problem
        except BaseException:
            library.close()
            raise
        return library

    def close(self) -> None:
        """Let go of everything. Jobs that this process was running become interrupted."""
        with contextlib.suppress(Exception):
            if self._work.taken_token:
                self._queue.abandon(self._work.taken_token)
        self._work.close()
        self._lock.release()
        self._database.close()

    # ---- whose queue it is

    @property
    def is_owner(self) -> bool:
        """Whether this process runs the waiting jobs."""
        return self._lock.is_locked

    def take_queue(self) -> bool:
        """Try to become the process that runs the waiting jobs; returns `is_owner`."""
        if not self._lock.is_locked:
            try:
                self._lock.acquire()
            except Timeout:
                return False
            except OSError as error:
                raise file_problem(error, self.root) from error
        return True

    # ---- jobs

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
        hash_file = functools.cache(files.hash_file)
        prepared = [resolve_request(request, hash_file) for request in requests]
        return self._queue.add(
            prepared,
            batch=batch,
            priority=priority,
            output=str(Path(output).expanduser().absolute()) if output else "",
            labels=[labels] * len(prepared)
            if isinstance(labels, Mapping)
            else labels or [{}] * len(prepared),
            owner=self._work.token if claim else "",
        )

    def next_job(self, suits: Callable[[Job], bool] = lambda _: True) -> Job | None:
        """Return the job whose turn it is, of those that suit.

        None where none waits, the queue is paused, or is not ours.
        """
        with contextlib.suppress(ProblemError):
            self._finish_owed()
        if not self.is_owner or self._queue.paused:
            return None
        return self._queue.next(suits)

    def companions(self, job: Job, rows: int) -> Sequence[Job]:
        """Return waiting jobs that can be run together with `job`: at most `rows` rows in all.

        They are of the same batch, with the same model and settings, and stand where overtaking
        the others is allowed.
        """
        if not self.is_owner or self._queue.paused:
            return []
        return self._queue.companions(job, rows)

    def job(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        return self._queue.get(job_id)

    def jobs(self, status: JobStatus | None = None, limit: int = 500) -> list[Job]:
        """Return jobs newest first; queued ones, asked for alone, in the order of their turn."""
        return self._queue.list(status, limit)

    def ended_jobs(self, limit: int) -> Sequence[Job]:
        """Return jobs that neither wait nor run, newest first."""
        return self._queue.ended(limit)

    def waiting(self) -> Sequence[str]:
        """Return the ids of the jobs that wait, in the order of their turn."""
        return self._queue.waiting()

    def job_counts(self) -> dict[JobStatus, int]:
        """Return how many jobs there are of each status that occurs."""
        return self._queue.counts()

    def interrupted(self) -> list[Job]:
        """Return the jobs that a crash or the app's end interrupted, newest first."""
        return self._queue.list("interrupted", 10_000)

    def missing_rows(self, job: Job) -> tuple[int, ...]:
        """Return the rows that have no asset yet, as the database says now."""
        return missing_rows(self._queue.get(job.id) or job)

    def start(self, job: Job) -> Job:
        """Mark a queued job as running here. Returns it as it is now: look at its status."""
        return self._queue.start(job.id, self._work.token)

    def finish(self, job_id: str, status: JobStatus, problem: Problem | None = None) -> Job:
        """Set the final status of a job and throw away what was half done.

        Where the disk refuses (`ProblemError`), it is tried again before the next job.
        """
        try:
            job = self._queue.finish(job_id, status, problem)
        except ProblemError:
            self._owed[job_id] = status, problem
            raise
        self._owed.pop(job_id, None)
        self._work.release(destination(job, self.root), job.id)
        return job

    def _finish_owed(self) -> None:
        for job_id, (status, trouble) in list(self._owed.items()):
            self.finish(job_id, status, trouble)

    def record_row_failure(self, job_id: str, row: int, problem: Problem) -> None:
        """Note that one row failed while others go on."""
        self._queue.row_failed(job_id, row, problem)

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or interrupted job; False for one that runs or has ended."""
        return self._queue.cancel(job_id)

    def resume(self, job_id: str, *, claim: bool = False) -> Job:
        """Put a job that ended early back into the queue; only missing rows will run.

        With `claim` it is this process's own instead, as with `enqueue`.
        """
        self._finish_owed()
        job = self._queue.require(job_id)
        refuse_obstacle(job.request)
        if self._may_have_unlisted(job):
            rebuild.adopt(self._database, self._assets, self.root, [job])
        return self._queue.resume(job_id, self._work.token if claim else "")

    def cancel_claimed(self) -> None:
        """Cancel every job that this process claimed and has not ended."""
        if self._work.taken_token:
            self._queue.cancel_owned(self._work.taken_token)

    def runs_elsewhere(self, job_ids: Collection[str]) -> bool:
        """Tell whether another living process runs one of these jobs."""
        return any(
            job.id in job_ids and owner != self._work.taken_token and self._work.is_alive(owner)
            for job, owner in self._queue.running()
        )

    def retry(self, job_id: str) -> Job:
        """Enqueue the request of an ended job once more, as a new job that names the old one.

        One that has made a part of its results goes on instead, as with `resume`: nothing is
        made twice.
        """
        old = self._queue.require(job_id)
        if self._has_part(old):
            return self.resume(job_id)
        return self._queue.repeat([(old, resolve_request(old.request))], naming=True)[0]

    def _has_part(self, job: Job) -> bool:
        return bool(job.done_rows and rows_left(job)) or self._may_have_unlisted(job)

    def _may_have_unlisted(self, job: Job) -> bool:
        """Tell whether a file may have got its name when its row could not be written."""
        is_full = job.problem is not None and job.problem.kind == "disk_full"
        return is_full or job.id in self._unlisted

    def duplicate(self, job_id: str) -> Job:
        """Enqueue the request of a job once more, with its seed, as a job of its own."""
        old = self._queue.require(job_id)
        return self._queue.repeat([(old, resolve_request(old.request))], naming=False)[0]

    def retry_failed(self) -> tuple[list[Job], list[Problem]]:
        """Retry every failed job that was not retried yet, each as `retry` does it.

        Returns the jobs that wait now, and why others could not be tried again (an input that
        is gone).
        """
        self._finish_owed()
        hash_file = functools.cache(files.hash_file)
        again: list[tuple[Job, Request]] = []
        parts: list[Job] = []
        refused: list[Problem] = []
        for job in self._queue.failed_and_not_retried():
            try:
                if self._has_part(job):
                    refuse_obstacle(job.request)
                    parts.append(job)
                else:
                    again.append((job, resolve_request(job.request, hash_file)))
            except ProblemError as error:
                refused.append(error.problem)
        unlisted = [job for job in parts if self._may_have_unlisted(job)]
        rebuild.adopt(self._database, self._assets, self.root, unlisted)
        resumed = [self._queue.resume(job.id, "") for job in parts]
        return [*resumed, *self._queue.repeat(again, naming=True)], refused

    def resume_interrupted(self) -> int:
        """Put every interrupted job back into the queue; returns how many."""
        return self._queue.resume_interrupted()

    def cancel_waiting(self, job_ids: Collection[str] | None = None) -> Sequence[str]:
        """Cancel those of these jobs that wait, or all that wait; returns which."""
        return self._queue.cancel_waiting(job_ids)

    def uncancel(self, job_ids: Collection[str]) -> int:
        """Let cancelled jobs wait again in their old places; returns how many."""
        return self._queue.uncancel(job_ids)

    def remove(self, job_id: str) -> bool:
        """Forget a job that does not run; its assets stay. Returns whether it was there."""
        return self._queue.remove(job_id)

    def clear_ended(self) -> int:
        """Forget every job that is done, failed or cancelled; returns how many."""
        return self._queue.clear_ended()

    def move(self, job_ids: str | Sequence[str], before: str | None = None) -> None:
        """Put waiting jobs, in this order, in front of another, or at the end of the queue."""
        self._queue.move([job_ids] if isinstance(job_ids, str) else job_ids, before)

    def pause(self, paused: bool) -> None:
        """Take no new job after the current one, or go on. Kept over a restart."""
        self._queue.pause(paused)

    @property
    def is_paused(self) -> bool:
        """Whether the queue is paused."""
        return self._queue.paused

    def work_dir(self, job: Job) -> Path:
        """Return a folder for half-done files, on the file system of the destination.

        Raises `ProblemError` when the destination cannot be written.
        """
        place = destination(job, self.root)
        self._check_there()
        if job.output:
            files.make_folder(place)
        return self._work.folder(place, job.id)

    def check_destination(self, job: Job) -> None:
        """Raise `ProblemError` where nothing can be written to the folder of a job any more."""
        self._check_there()
        files.make_folder(destination(job, self.root))

    def _check_there(self) -> None:
        # Where a disk was unplugged, its empty mount point may still be there.
        if not (self.root / FILE_NAME).is_file():
            raise ProblemError(gone(self.root, f"{FILE_NAME} is not in it"))

    # ---- assets

    def record_asset(self, job: Job, row: int, temporary: Path, recipe: Recipe) -> Asset:
        """Keep one result: recipe into the file, onto the disk, its final name, then the row.

        `temporary` is taken away. A row that has its asset already keeps that one. Raises
        `ProblemError` (disk_full, bad_input); then `temporary` is left where it is.
        """
        known = self._assets.of_row(job.id, row)
        if known is not None:
            temporary.unlink(missing_ok=True)
            return known
        recipe = self._completed(job, row, recipe)
        place = destination(job, self.root)
        is_text = medium_of(recipe.request.task) is Medium.TEXT
        extension = TEXTS[0] if is_text else temporary.suffix.lower() or ".png"
        if job.output:
            wanted = place / files.plain_name(recipe.request, recipe.seed, extension)
        else:
            when = datetime.fromisoformat(recipe.created)
            wanted = place / files.relative_name(recipe.request, recipe.seed, when, extension)
        part = self.work_dir(job) / f"finished-{row}-{time.monotonic_ns()}{extension}"
        try:
            written = metadata.write_with_recipe(temporary, part, recipe, self.label)
            found = Found(
                path=part,
                recipe=recipe,
                size=written.size,
                sha256=files.hash_file(part),
                text=written.content.text,
                width=written.content.width,
                height=written.content.height,
                duration=written.content.duration,
            )
            final = files.place(part, wanted)
        except OSError as error:
            raise file_problem(error, place) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        try:
            asset = self._assets.insert(replace(found, path=final))
        except ProblemError:
            self._unlisted.add(job.id)
            raise
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        return asset

    def _completed(self, job: Job, row: int, recipe: Recipe) -> Recipe:
        created = recipe.created
        try:
            datetime.fromisoformat(created)
        except ValueError:
            created = now()
        return replace(
            recipe,
            job=job.id,
            row=row,
            created=created,
            labels={**recipe.labels, **job.labels},
            parents=self._assets.parents(job.request, recipe.parents),
        )

    def asset(self, asset_id: str) -> Asset | None:
        """Return an asset, or None."""
        return self._assets.get(asset_id)

    def assets_of(self, job_id: str) -> list[Asset]:
        """Return the assets of a job in the order of their rows."""
        return self._assets.of_job(job_id)

    def find(self, wanted: Wanted, limit: int = 200, offset: int = 0) -> list[Asset]:
        """Return the assets that match everything wanted, newest first.

        Words may be cut short; Chinese words of any length are found; "…" is a phrase.
        """
        return self._assets.numbered(self._assets.numbers(wanted, limit, offset))

    def numbers(self, wanted: Wanted) -> array[int]:
        """Return the numbers of all assets that match, newest first, as 64-bit integers."""
        return self._assets.numbers(wanted)

    def assets_numbered(self, numbers: Sequence[int]) -> list[Asset]:
        """Return the assets of these numbers, in this order, without those that are gone."""
        return self._assets.numbered(numbers)

    def recent(self, limit: int = 200, offset: int = 0) -> list[Asset]:
        """Return assets newest first."""
        return self.find(Wanted(), limit, offset)

    def used(self) -> Used:
        """Return which models, tags and labels occur, for filter menus."""
        return used(self._database)

    def asset_count(self) -> int:
        """Return how many assets there are."""
        return self._assets.count()

    # ---- stars, tags, collections

    def set_starred(self, asset_id: str, starred: bool) -> Asset:
        """Star an asset or take the star away."""
        return self._one(asset_id, self.set_starred_many([asset_id], starred))

    def set_starred_many(self, ids: Iterable[str], starred: bool) -> list[Asset]:
        """Star assets or take the stars away. Returns those that are there, as do those below."""
        return self._marking.change(ids, lambda mark: replace(mark, starred=starred))

    def retag(
        self, ids: Iterable[str], remove: Collection[str], add: Collection[str]
    ) -> list[Asset]:
        """Take tags away from assets, in any case, and add others; what else they have stays."""
        return self._marking.change(ids, lambda mark: retagged(mark, remove, add))

    def collections(self) -> list[tuple[str, int]]:
        """Return each collection with the number of its assets (the trash left out), by name."""
        return list(collections(self._database))

    def add_to_collection(self, name: str, ids: Iterable[str]) -> list[Asset]:
        """Put assets into a collection, which begins to exist by it."""
        return self._marking.collect(name, ids)

    def remove_from_collection(self, name: str, ids: Iterable[str]) -> list[Asset]:
        """Take assets out of a collection; without any, it exists no more."""
        return self._marking.drop(name, ids)

    def rename_collection(self, old: str, new: str) -> int:
        """Rename a collection, or merge it into the one that is called so. Returns its assets."""
        return self._marking.rename(old, new)

    @staticmethod
    def _one(asset_id: str, changed: Sequence[Asset]) -> Asset:
        if not changed:
            raise problem("bad_input", "There is no result {id} here.", id=asset_id)
        return changed[0]

    # ---- deleting, with a way back

    def trash(self, ids: Iterable[str]) -> list[str]:
        """Move results to the trash; returns the ids of those that were moved."""
        return self._trash.put(ids)

    def restore(self, ids: Iterable[str]) -> list[Asset]:
        """Bring results back from the trash."""
        return self._trash.restore(ids)

    def trashed(self) -> list[Asset]:
        """Return what is in the trash, last deleted first."""
        return self._trash.list()

    def empty_trash(self) -> int:
        """Delete what is in the trash for good; returns how many results that were."""
        return self._trash.empty()

    # ---- the folder is the truth

    def rebuild(self) -> int:
        """Make the index of assets agree with the files. Returns how many assets there are.

        Raises `DamagedDatabaseError` where the index is damaged: opening the library again
        makes a new one.
        """
        self._database.check()
        return rebuild.rebuild(self._database, self._assets, self.root)

    def _settle(self) -> None:
        """After a crash: keep what was finished, offer the rest again, sweep the leftovers."""
        dead: dict[str, list[Job]] = {}
        for job, owner in self._queue.running():
            dead.setdefault(owner, []).append(job)
        dead = {owner: jobs for owner, jobs in dead.items() if not self._work.is_alive(owner)}
        left = [job for jobs in dead.values() for job in jobs]
        rebuild.adopt(self._database, self._assets, self.root, left)
        for owner in dead:
            self._queue.abandon(owner)
        self._work.sweep(self.root)
