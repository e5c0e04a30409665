"""The thread that takes the next job, drives the engine and reports. Nothing here waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread

from studio.kinds.registry import task_of_format
from studio.protocol import (
    ConvertModel,
    Described,
    DescribeModel,
    Event,
    Failed,
    ModelRef,
    Problem,
    Sentence,
)
from studio.ui.shell.background import problem_of
from studio.ui.shell.reports import LibraryOpened, ModelDescribed, Reports

if TYPE_CHECKING:
    from studio.engine.api import Engine
    from studio.jobs.runner import AssetSaved, JobChanged, PreviewSaved, Runner
    from studio.library.records import Job
    from studio.library.store import Library
    from studio.models.registry import Registry
    from studio.settings import Paths

LOOK_SECONDS = 3.0
"""How often the queue is looked at without being asked."""


class WorkerThread(QThread):
    """Owns the engine and the runner. All methods may be called from the window."""

    def __init__(
        self,
        paths: Paths,
        library_root: Path,
        registry: Callable[[], Registry],
        reports: Reports,
        *,
        device: str = "",
        threads: int = 0,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._paths = paths
        self._root = library_root
        self._registry = registry
        self._reports = reports
        self._device = device
        self._threads = threads
        self._changed = threading.Condition()
        self._tasks: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._look = True
        self._running: tuple[str, ...] = ()
        self._trouble: Sentence | None = None
        self._engine: Engine | None = None
        self._runner: Runner | None = None
        self.library: Library | None = None

    # ---- asked by the window; none of these waits

    def wake(self) -> None:
        """Look for a job again: something was enqueued, resumed or retried."""
        with self._changed:
            self._look = True
            self._changed.notify_all()

    @property
    def running_jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that run now: those that run together, or one, or none."""
        return self._running

    @property
    def running_job(self) -> str:
        """The id of the job that runs now, the first of several, or an empty string."""
        return next(iter(self._running), "")

    def cancel_running(self, job: str) -> bool:
        """Cancel a job if it runs now; returns whether it does."""
        runner = self._runner
        if runner is None or job not in self._running:
            return False
        runner.cancel(job)
        return True

    def describe(self, model: ModelRef) -> None:
        """Ask what an image model can do; `ModelDescribed` is the answer."""
        self._between_jobs(lambda: self._describe(model))

    def convert(self, source: Path, target: Path) -> Problem | None:
        """Convert a GGUF file between two jobs. Blocks: call it from a background thread."""
        answer: list[Problem | None] = []
        done = threading.Event()

        def work() -> None:
            try:
                answer.append(self._convert(source, target))
            finally:
                done.set()

        self._between_jobs(work)
        while not done.wait(0.5):
            if self._stopping:
                return Problem("cancelled", Sentence("The app was closed meanwhile."))
        return answer[0] if answer else None

    def shutdown(self) -> None:
        """Stop the engine, whatever it does, and leave `run`. A running job is interrupted."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        # The job that runs meanwhile is left to the library, which calls it interrupted.
        if self._engine is not None:
            self._engine.stop()

    # ---- the thread itself

    def run(self) -> None:
        """Open the library, then work until `shutdown`."""
        self._open()
        assert self._engine is not None
        try:
            while (step := self._next_step()) is not None:
                try:
                    step()
                except Exception as error:
                    self._reports.post(self._reports.problem, problem_of(error))
        finally:
            self._engine.stop()

    def _open(self) -> None:
        from studio.engine.factory import local_engine
        from studio.library.folder.files import check_chosen
        from studio.library.recipes.aigc_setting import label_of
        from studio.library.store import Library
        from studio.settings import load_settings

        self._engine = local_engine(
            logs=self._paths.logs,
            cache=self._paths.cache,
            device=self._device,
            threads=self._threads,
        )
        library: Library | None = None
        try:
            if self._root != self._paths.library:
                check_chosen(self._root)
            library = Library.open(self._root)
            library.label = label_of(load_settings(self._paths.settings)[0])
            from studio.jobs.runner import Runner

            self._runner = Runner(library, self._engine, self._registry())
        except Exception as error:
            if library is not None:
                library.close()
            self._reports.post(self._reports.library_opened, LibraryOpened(None, problem_of(error)))
            return
        self.library = library
        self._reports.post(self._reports.library_opened, LibraryOpened(library))

    def _next_step(self) -> Callable[[], None] | None:
        """Wait for something to do: a question first, then a job."""
        while True:
            with self._changed:
                if self._stopping:
                    return None
                if self._tasks:
                    return self._tasks.popleft()
                if not self._look:
                    # Another process may put jobs into the queue, or leave it to us.
                    if not self._changed.wait(LOOK_SECONDS):
                        self._look = True
                    continue
                self._look = False
            job = self._take_job()
            if job is not None:
                return lambda: self._run_job(job)

    def _take_job(self) -> Job | None:
        library = self.library
        try:
            if library is None or not library.take_queue():
                return None
            job = library.next_job()
        except Exception as error:
            # It is tried again every few seconds; the same trouble is said once.
            problem = problem_of(error)
            if problem.message != self._trouble:
                self._trouble = problem.message
                self._reports.post(self._reports.problem, problem)
            return None
        self._trouble = None
        return job

    def _run_job(self, job: Job) -> None:
        from studio.jobs.runner import JobChanged

        def report(event: Event | AssetSaved | PreviewSaved | JobChanged) -> None:
            if isinstance(event, JobChanged) and event.job.status != "running":
                self._running = tuple(job for job in self._running if job != event.job.id)
            self._reports.tell(event)

        assert self._runner is not None and self.library is not None
        together = [job]
        try:
            together += self.library.companions(job, self._runner.rows_together(job))
            self._running = tuple(job.id for job in together)
            self._runner.run_together(together, report)
        finally:
            self._running = ()
            self.wake()

    def _between_jobs(self, work: Callable[[], None]) -> None:
        with self._changed:
            self._tasks.append(work)
            self._changed.notify_all()

    def _describe(self, model: ModelRef) -> None:
        registry = self._registry()
        known = registry.capabilities(model)
        if known is None:
            assert self._engine is not None
            answers: list[Event] = []
            self._engine.run(DescribeModel(job=urandom(16).hex(), model=model), answers.append)
            for event in answers:
                if isinstance(event, Described):
                    known = event.capabilities
                    registry.remember_capabilities(model, known)
                elif isinstance(event, Failed):
                    self._reports.post(
                        self._reports.model_described, ModelDescribed(model.id, None, event.problem)
                    )
                    return
        self._reports.post(self._reports.model_described, ModelDescribed(model.id, known))

    def _convert(self, source: Path, target: Path) -> Problem | None:
        command = ConvertModel(
            job=urandom(16).hex(),
            task=task_of_format("gguf"),
            source=str(source),
            target=str(target),
        )
        assert self._engine is not None
        final = self._engine.run(command, self._reports.tell)
        return final.problem if isinstance(final, Failed) else None
