"""The library: what the user asked for, and what came of it, on the disk before anything else.

A folder with the results as plain files, each with its recipe inside, `marks.jsonl` (stars, tags
and collections), and `library.db`, an index that `rebuild` can make again from the other two.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec.structs import replace

from studio.formats.aigc import AigcLabel
from studio.formats.suffixes import TEXTS
from studio.kinds.kind import Medium
from studio.kinds.registry import medium_of
from studio.library.curation.mark_changes import MarkChanges
from studio.library.curation.trash import Trash
from studio.library.disk_problems import file_problem, gone
from studio.library.folder.file_names import plain_name, relative_name
from studio.library.folder.file_placing import hash_file, make_folder, place_file
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.assets import Assets
from studio.library.index.database import FILE_NAME, DamagedDatabaseError, Database
from studio.library.queue.job_queue import JobQueue
from studio.library.queue.stored_job import destination, now
from studio.library.recipes import metadata
from studio.library.records import Asset, Job
from studio.library.recovery import rebuild, salvage
from studio.library.recovery.retries import Retries
from studio.protocol import Problem, ProblemError, Recipe

_QUEUE_LOCK = ".queue.lock"


class Library:
    """An open library. Made by `Library.open`. All methods may be called from any thread.

    They raise `ProblemError` when the disk fails them or the call makes no sense.

    Attributes:
        queue: the jobs and their turn.
        retries: jobs once more: resumed, tried again, repeated.
        assets: the results, to be found and read.
        marks: stars, tags and collections.
        trash: deleting, with a way back.
        notice: what the user should hear about the opening (a damaged database set aside).
        label: the AIGC label that new results get, none unless it is set.
    """

    def __init__(self, root: Path, database: Database, notice: Problem | None) -> None:
        self.root = root
        self.notice = notice
        self.label: AigcLabel | None = None
        self._database = database
        self._work = WorkFolders(root)
        self._writer = AssetWriter(database, root)
        self.assets = Assets(database, root)
        self.queue = JobQueue(database, self._work, root)
        self.retries = Retries(database, self.queue, self._writer, self._work, root)
        self.marks = MarkChanges(database, self.assets, self._writer, root)
        self.trash = Trash(database, self.assets, self._writer, root)
        self._lock = FileLock(root / _QUEUE_LOCK, timeout=0, thread_local=False)

    @classmethod
    def open(cls, root: Path, *, run_queue: bool = True) -> Library:
        """Open the library in `root`, made if it is not there, and settle what a crash left.

        With `run_queue` this process becomes the one that runs waiting jobs, unless another
        is (`is_owner`). Raises `ProblemError`: the folder cannot be written, or a newer
        version made the library.
        """
        root = root.expanduser().absolute()
        make_folder(root)
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
                rebuild.adopt(database, library._writer, root, library.queue.list(limit=1_000_000))
            if run_queue:
                library.claim_queue()
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
                self.queue.abandon(self._work.taken_token)
        self._work.close()
        self._lock.release()
        self._database.close()

    # ---- whose queue it is

    @property
    def is_owner(self) -> bool:
        """Whether this process runs the waiting jobs."""
        return self._lock.is_locked

    def claim_queue(self) -> bool:
        """Try to become the process that runs the waiting jobs; returns `is_owner`."""
        if not self._lock.is_locked:
            try:
                self._lock.acquire()
            except Timeout:
                return False
            except OSError as error:
                raise file_problem(error, self.root) from error
        return True

    def next_job(self, suits: Callable[[Job], bool] = lambda _: True) -> Job | None:
        """Return the job whose turn it is, of those that suit.

        None where none waits, the queue is paused, or is not ours.
        """
        return self.queue.next(suits) if self.is_owner else None

    # ---- results

    def work_dir(self, job: Job) -> Path:
        """Return a folder for half-done files, on the file system of the destination.

        Raises `ProblemError` when the destination cannot be written.
        """
        place = destination(job, self.root)
        self._check_there()
        if job.output:
            make_folder(place)
        return self._work.folder(place, job.id)

    def check_destination(self, job: Job) -> None:
        """Raise `ProblemError` where nothing can be written to the folder of a job any more."""
        self._check_there()
        make_folder(destination(job, self.root))

    def _check_there(self) -> None:
        # Where a disk was unplugged, its empty mount point may still be there.
        if not (self.root / FILE_NAME).is_file():
            raise ProblemError(gone(self.root, f"{FILE_NAME} is not in it"))

    def record_asset(self, job: Job, row: int, temporary: Path, recipe: Recipe) -> Asset:
        """Keep one result: recipe into the file, onto the disk, its final name, then the row.

        `temporary` is taken away. A row that has its asset already keeps that one. Raises
        `ProblemError` (disk_full, bad_input); then `temporary` is left where it is.
        """
        known = self.assets.of_row(job.id, row)
        if known is not None:
            temporary.unlink(missing_ok=True)
            return known
        recipe = self._completed(job, row, recipe)
        place = destination(job, self.root)
        is_text = medium_of(recipe.request.task) is Medium.TEXT
        extension = TEXTS[0] if is_text else temporary.suffix.lower() or ".png"
        if job.output:
            wanted = place / plain_name(recipe.request, recipe.seed, extension)
        else:
            when = datetime.fromisoformat(recipe.created)
            wanted = place / relative_name(recipe.request, recipe.seed, when, extension)
        part = self.work_dir(job) / f"finished-{row}-{time.monotonic_ns()}{extension}"
        try:
            written = metadata.write_with_recipe(temporary, part, recipe, self.label)
            found = FinishedFile(
                path=part,
                recipe=recipe,
                size=written.size,
                sha256=hash_file(part),
                text=written.content.text,
                width=written.content.width,
                height=written.content.height,
                duration=written.content.duration,
            )
            final = place_file(part, wanted)
        except OSError as error:
            raise file_problem(error, place) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        try:
            name = self._writer.insert(replace(found, path=final))
        except ProblemError:
            self.retries.note_unlisted(job.id)
            raise
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        asset = self.assets.get(name)
        assert asset is not None
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
            parents=self._writer.parents(job.request, recipe.parents),
        )

    # ---- the folder is the truth

    def rebuild(self) -> int:
        """Make the index of assets agree with the files. Returns how many assets there are.

        Raises `DamagedDatabaseError` where the index is damaged: opening the library again
        makes a new one.
        """
        self._database.check()
        return rebuild.rebuild(self._database, self.assets, self._writer, self.root)

    def _settle(self) -> None:
        """After a crash: keep what was finished, offer the rest again, sweep the leftovers."""
        dead: dict[str, list[Job]] = {}
        for job, owner in self.queue.running():
            dead.setdefault(owner, []).append(job)
        dead = {owner: jobs for owner, jobs in dead.items() if not self._work.is_alive(owner)}
        left = [job for jobs in dead.values() for job in jobs]
        rebuild.adopt(self._database, self._writer, self.root, left)
        for owner in dead:
            self.queue.abandon(owner)
        self._work.sweep(self.root)
