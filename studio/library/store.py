"""The library: a folder with the user's jobs and results.

Results are plain files with their recipes inside. `marks.jsonl` holds stars, tags and collections.
`library.db` holds the jobs, and an index of the results that can be rebuilt from the files.
`queue.journal` holds the waiting jobs too, so that they survive the loss of `library.db`.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from filelock import Timeout
from msgspec.structs import replace

from studio.formats.atomic_write import sweep
from studio.formats.folders import FileLock
from studio.formats.recipes.aigc import AigcLabel
from studio.formats.suffixes import TEXTS
from studio.formats.untrusted_files import is_file, is_folder, user_path
from studio.kinds.kind import Medium
from studio.kinds.registry import medium_of
from studio.library.curation.changes import TRASH_FOLDER, Changes
from studio.library.curation.mark_changes import MarkChanges
from studio.library.curation.trash import Trash
from studio.library.disk_problems import file_problem, is_unwritable, missing, read_only_notice
from studio.library.folder.change_lock import held_lock, rebuild_lock, recovery_lock
from studio.library.folder.file_names import plain_name, relative_name
from studio.library.folder.file_placing import check_writable, hash_file, make_folder, place_file
from studio.library.folder.output_list import OutputList
from studio.library.folder.stored_paths import StoredPaths, check_own_files, leads_inside
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.assets import Assets
from studio.library.index.checksums import add_checksums
from studio.library.index.database import FILE_NAME, DamagedDatabaseError, Database, damage_marker
from studio.library.index.file_identity import Identity, identity
from studio.library.index.unapproved import is_from_unapproved
from studio.library.library_place import note_place, require_place
from studio.library.queue.job_queue import JobQueue
from studio.library.queue.journal import Journal, require_readable
from studio.library.queue.stored_job import destination, now
from studio.library.queue.transaction_marks import Mismatch, MisplacedIndexError
from studio.library.recipes import metadata
from studio.library.recipes.drawings import write_drawing_beside
from studio.library.recipes.edited_versions import EditedVersions
from studio.library.records import Asset, Job
from studio.library.recovery import rebuild, salvage
from studio.library.recovery.check import Contradiction, find_contradictions
from studio.library.recovery.earlier_folders import begin_output_list, list_earlier_folders
from studio.library.recovery.foreign_jobs import hold_back_foreign_jobs
from studio.library.recovery.foreign_jobs import notice as foreign_jobs_notice
from studio.library.recovery.read_only import open_index_to_read
from studio.library.recovery.result_files import UnreadFile, has_results
from studio.library.recovery.retries import Retries
from studio.library.recovery.returned_disks import index_returned
from studio.library.recovery.unrecorded import index_unrecorded
from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED, marked_name, review_state
from studio.protocol import Problem, ProblemError, Recipe

_QUEUE_LOCK = ".queue.lock"
_REBUILD_FOLDER = "rebuild"
_WRITTEN = (TRASH_FOLDER, *"conversations corrections documents masks storyboards".split())
"""Folders of the library whose files are replaced as a whole."""


class Library:
    """An open library, created by `Library.open`. Methods may be called from any thread.

    They raise `ProblemError` on disk errors and invalid arguments.

    Attributes:
        queue: the jobs.
        retries: resuming, retrying and duplicating jobs.
        assets: the results.
        marks: stars, tags and collections.
        trash: deleted results.
        versions: edited versions of texts.
        notice: a problem found when opening, e.g. that a damaged database was set aside.
        is_read_only: nothing can be written, because of permissions or a full disk.
        unread: files that the last rebuild of the index could not read.
        label: the AIGC label for new results, None for no label.
    """

    def __init__(self, root: Path, database: Database, notice: Problem | None) -> None:
        self.root = root
        self.notice = notice
        self.is_read_only = False
        self.unread: tuple[UnreadFile, ...] = ()
        self.label: AigcLabel | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._database = database
        self._paths = StoredPaths(root)
        self._outputs = OutputList(root)
        self._work = WorkFolders(root)
        self._journal = Journal(root)
        database.before_commit = self._journal.append_changes
        self._writer = AssetWriter(database, root)
        self.assets = Assets(database, root)
        self.queue = JobQueue(database, self._work, root)
        self.retries = Retries(database, self.queue, self._writer, self._work, root)
        self._changes = Changes(database, self._writer, root)
        self.marks = MarkChanges(database, self.assets, self._changes, root)
        self.trash = Trash(self.assets, self._writer, self._changes, root)
        self.versions = EditedVersions(database, self._writer, self._work, root)
        self._lock = FileLock(root / _QUEUE_LOCK, timeout=0, thread_local=False)

    @staticmethod
    def is_in(root: Path) -> bool:
        """Return whether there is a library in a folder."""
        return is_file(root / FILE_NAME) or has_results(root)

    @classmethod
    def open(cls, root: Path, *, run_queue: bool = True) -> Library:
        """Open the library in `root`, creating it if needed, and recover from a crash.

        With `run_queue`, this process becomes the one that runs queued jobs, unless another
        process already is (`is_owner`). If nothing can be written, an existing library is opened
        `is_read_only`. Raises `ProblemError` if the folder cannot be created or the library needs
        a newer version of the app.
        """
        root = user_path(root)
        require_place(root)
        try:
            make_folder(root, private=True)
        except ProblemError as error:
            if not cls.is_in(root):
                raise
            check_own_files(root)
            return cls._open_to_read(root, error.problem)
        check_own_files(root)
        before = identity(root / FILE_NAME)
        try:
            try:
                opened = cls._open(root, run_queue)
            except (DamagedDatabaseError, MisplacedIndexError) as error:
                with held_lock(recovery_lock(root), root):
                    opened = cls._open_anew(root, run_queue, error, before)
            note_place(root)
            return opened
        except ProblemError as error:
            if not is_unwritable(error.problem, root) or not cls.is_in(root):
                raise
            return cls._open_to_read(root, error.problem)

    @classmethod
    def _open_anew(
        cls,
        root: Path,
        run_queue: bool,
        error: DamagedDatabaseError | MisplacedIndexError,
        before: Identity,
    ) -> Library:
        """Set the index aside because of `error` and open the library with a new one.

        `before` is the identity of the file that was opened.
        """
        if identity(root / FILE_NAME) != before:
            # Another process has set it aside while this one waited.
            damage_marker(root / FILE_NAME).unlink(missing_ok=True)
            return cls._open(root, run_queue)
        mismatch = error.mismatch if isinstance(error, MisplacedIndexError) else None
        try:
            with FileLock(root / _QUEUE_LOCK, timeout=0):
                word = "damaged" if mismatch is None else "replaced"
                aside, saved = salvage.set_aside(root, word)
        except Timeout:
            # Another process has it open and will recover it when it is next started.
            raise error from None
        library = cls._open(root, run_queue, saved, mismatch)
        library.notice = salvage.notice(aside, len(saved), error.problem.detail, mismatch)
        return library

    @classmethod
    def _open_to_read(cls, root: Path, cause: Problem) -> Library:
        """Open a library in which nothing can be written, because of `cause`."""
        index = open_index_to_read(root, cause)
        library = cls(root, index.database, read_only_notice(cause, root))
        library.is_read_only = True
        library.unread = index.unread
        library._temporary = index.temporary
        return library

    @classmethod
    def _open(
        cls,
        root: Path,
        run_queue: bool,
        saved: list[salvage.JobRow] | None = None,
        mismatch: Mismatch | None = None,
    ) -> Library:
        """Implement `open`; `saved` are jobs recovered from a database that was set aside."""
        database = Database(root)
        library = cls(root, database, None)
        try:
            if saved is not None or database.is_incomplete:
                require_readable(root)
            if saved is not None:
                salvage.restore_jobs(database, saved, root, mismatch)
            library._require_place()
            with contextlib.suppress(OSError):
                list_earlier_folders(database, root)
                begin_output_list(database, library._outputs)
            library._check_values()
            library._reconcile_queue()
            library._complete_index()
            index_returned(database, library._writer, root)
            if run_queue:
                library.claim_queue()
            library._recover()
            if count := hold_back_foreign_jobs(database, library.queue, root):
                library.notice = library.notice or foreign_jobs_notice(count)
        except ProblemError as error:
            if error.problem.kind != "disk_full":
                library.close()
                raise
            # Keep the library open, so that results can be viewed, and deleted to free space.
            library.notice = error.problem
        except BaseException:
            library.close()
            raise
        return library

    def close(self) -> None:
        """Close the library and release its locks. Running jobs of this process are interrupted."""
        with contextlib.suppress(Exception):
            if self._work.current_token:
                self.queue.end_running(self._work.current_token)
        self._work.close()
        self._lock.release()
        self._database.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def changed_elsewhere(self) -> bool:
        """Return whether another process has changed jobs or results since the last call.

        Raises `ProblemError`.
        """
        return self._database.changed_elsewhere()

    # ---- ownership of the queue

    @property
    def is_owner(self) -> bool:
        """Whether this process runs the queued jobs."""
        return self._lock.is_locked

    def claim_queue(self) -> bool:
        """Try to become the process that runs the queued jobs. Returns `is_owner`."""
        if not self._lock.is_locked and not self.is_read_only:
            self._database.require_there()
            try:
                self._lock.acquire()
            except Timeout:
                return False
            except OSError as error:
                raise file_problem(error, self.root) from error
        return self._lock.is_locked

    def next_job(self, accepts: Callable[[Job], bool] = lambda _: True) -> Job | None:
        """Return the next job that is accepted (`JobQueue.next`), None if not `is_owner`."""
        return self.queue.next(accepts) if self.is_owner else None

    # ---- results

    def work_dir(self, job: Job) -> Path:
        """Create and return a folder for unfinished files, on the destination's file system.

        Raises `ProblemError` if the destination is not writable.
        """
        folder = destination(job, self.root)
        self._check_root()
        if job.output:
            self._check_output(folder)
        return self._work.folder(folder, job.id)

    def kept_dir(self, job: Job) -> Path:
        """Return the folder for parts of unfinished results that outlive a job.

        It is beside the work folders of the destination, and not created. Raises `ProblemError`.
        """
        return self._work.kept_folder(destination(job, self.root))

    def check_destination(self, job: Job) -> None:
        """Raise `ProblemError` if the destination of a job is not writable."""
        self._check_root()
        folder = destination(job, self.root)
        if job.output:
            self._check_output(folder)
        else:
            check_writable(folder)

    def _check_output(self, folder: Path) -> None:
        self._paths.require_allowed(folder)
        self._paths.require_disk(folder)
        # It was made when it was chosen. If its disk is unplugged, a new one would be hidden
        # as soon as the disk is back.
        if not is_folder(folder):
            raise ProblemError(missing(folder, "the output folder is missing"))
        check_writable(folder)

    def _check_root(self) -> None:
        # The empty mount point of an unplugged disk may still exist.
        self._database.require_there()

    def record_asset(self, job: Job, row: int, temporary: Path, recipe: Recipe) -> Asset:
        """Store a result: embed the recipe, sync, move to the final name, add to the index.

        `temporary` is deleted. If the row already has an asset, that one is returned. Raises
        `ProblemError` (disk_full, bad_input) without deleting `temporary`.
        """
        existing = self.assets.of_row(job.id, row)
        if existing is not None:
            temporary.unlink(missing_ok=True)
            return existing
        recipe = self._with_job_values(job, row, recipe)
        folder = destination(job, self.root)
        is_text = medium_of(recipe.request.task) is Medium.TEXT
        extension = TEXTS[0] if is_text else temporary.suffix.lower() or ".png"
        if job.output:
            name = plain_name(recipe.request, recipe.seed, extension)
            wanted = folder / marked_name(name, review_state(None, recipe.labels))
        else:
            when = datetime.fromisoformat(recipe.created)
            wanted = folder / relative_name(recipe.request, recipe.seed, when, extension)
        self._paths.require_inside(wanted.parent)
        part = self.work_dir(job) / f"finished-{row}-{time.monotonic_ns()}{extension}"
        try:
            written = metadata.write_with_recipe(temporary, part, recipe, self.label)
            finished = FinishedFile(
                path=part,
                recipe=recipe,
                size=written.size,
                sha256=hash_file(part),
                text=written.content.text,
                width=written.content.width,
                height=written.content.height,
                duration=written.content.duration,
            )
            if job.output:
                self._outputs.add(folder)
            final = place_file(part, wanted)
        except OSError as error:
            raise file_problem(error, folder) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        try:
            name = self._writer.insert(replace(finished, path=final))
        except ProblemError:
            self.retries.mark_unindexed(job.id)
            raise
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        self._work.forget_kept(folder, job.id)
        if job.output and medium_of(recipe.request.task) is Medium.PICTURE:
            write_drawing_beside(final, self.work_dir(job))
        asset = self.assets.get(name)
        assert asset is not None
        return asset

    def _with_job_values(self, job: Job, row: int, recipe: Recipe) -> Recipe:
        created = recipe.created
        try:
            datetime.fromisoformat(created)
        except ValueError:
            created = now()
        parents = self._writer.parents(job.request, recipe.parents)
        labels = {**recipe.labels, **job.labels}
        if is_from_unapproved(self._database, job.request, parents):
            labels[REVIEW_LABEL] = REVIEW_REQUIRED
        return replace(recipe, job=job.id, row=row, created=created, labels=labels, parents=parents)

    # ---- recovery

    def rebuild(self) -> int:
        """Make the index anew from the files. Returns the number of assets.

        Jobs and marks are kept, `unread` lists the files that could not be read. Raises
        `DamagedDatabaseError` if the database is damaged; reopening the library then creates a
        new one.
        """
        self._database.require_there()
        with held_lock(rebuild_lock(self.root), self.root):
            self._rebuild()
        return self.assets.count()

    def _rebuild(self) -> None:
        self._database.check()
        beside = self._work.folder(self.root, _REBUILD_FOLDER)
        try:
            self.unread = rebuild.rebuild(self._database, self.root, beside, self._changes)
        finally:
            self._work.release(self.root, _REBUILD_FOLDER)

    def check(self, *, work_in_progress: bool = True) -> list[Contradiction]:
        """Return what the index, the files, the marks, the trash and the queue disagree on.

        Nothing is changed. For `work_in_progress`, see `find_contradictions`.
        """
        return find_contradictions(self._database, self.root, work_in_progress)

    def _complete_index(self) -> None:
        """Make the index of the files if it is new, or if a crash ended a rebuild of it."""
        if not self._database.is_incomplete:
            return
        with held_lock(rebuild_lock(self.root), self.root):
            if not self._is_still_incomplete():
                return
            has_some = has_results(self.root) or self._outputs.folders()
            if not has_some and not self.queue.list(limit=1):
                self._database.set_complete()
                return
            self._rebuild()
            jobs = self.queue.list(limit=1_000_000)
            index_unrecorded(self._database, self._writer, self.root, jobs)
        self.notice = rebuild.notice(self.assets.count(), len(self.unread))

    def _is_still_incomplete(self) -> bool:
        """Return whether no other process has completed the index while this one waited."""
        return self._database.is_incomplete

    def _check_values(self) -> None:
        """Raise `DamagedDatabaseError` for values that contradict recipes or the queue's journal.

        Only if something else wrote the database: SQLite has checked its structure then.
        """
        database = self._database
        if not database.must_check:
            return
        paths = None if database.is_migrated else StoredPaths(self.root)
        with database.write() as db:
            wrong = self._journal.difference(db)
            if wrong is None:
                wrong = add_checksums(db, paths)
        if wrong is not None:
            raise DamagedDatabaseError(database.path, f"values of {wrong!r}")

    def _require_place(self) -> None:
        """Raise `MisplacedIndexError` if the index is an older one, or of another library."""
        with self._database.read() as db:
            if self._journal.is_current(db):
                return
        # Within a transaction, no other process is between journal and commit.
        with self._database.write() as db:
            self._journal.require_place(db)

    def _reconcile_queue(self) -> None:
        """Make the queue and its journal agree; a new index gets the waiting jobs from there."""
        with self._database.read() as db:
            if self._journal.is_current(db):
                return
        with self._database.write() as db:
            self._journal.reconcile(db)

    def _recover(self) -> None:
        """Clean up after dead processes: their changes, jobs and work folders."""
        try:
            self._changes.recover()
        except DamagedDatabaseError:
            raise
        except ProblemError as error:
            # The next change tries it again.
            self.notice = error.problem
        self.release_dead()
        self._work.remove_stale(self.root)
        for folder in (self.root, *(self.root / name for name in _WRITTEN)):
            if leads_inside(self.root, folder):
                sweep(folder)

    def release_dead(self) -> bool:
        """Interrupt the jobs of dead processes, with their results. Returns whether there were any.

        Raises `ProblemError`.
        """
        dead = {owner for owner in self.queue.owners() if not self._work.is_alive(owner)}
        if not dead:
            return False
        orphans = [job for job, owner in self.queue.running() if owner in dead]
        index_unrecorded(self._database, self._writer, self.root, orphans)
        for owner in dead:
            self.queue.end_running(owner)
        return True
