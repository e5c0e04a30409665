"""The threads that take jobs from the queue, run them on the engines and report the events."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread

from studio.kinds.model_defaults import capabilities_with, with_model_defaults
from studio.kinds.registry import task_of_format
from studio.protocol import (
    AlternativesListed,
    ConvertModel,
    Described,
    DescribeModel,
    DeviceMemory,
    Event,
    Failed,
    ListAlternatives,
    ModelRef,
    NotResponding,
    Problem,
    ProblemError,
    Request,
    Responding,
    Sentence,
)
from studio.settings import sweep_state
from studio.ui.shell.background import problem_of
from studio.ui.shell.reports import (
    AlternativesFound,
    LibraryOpened,
    ModelDescribed,
    Reports,
    Tried,
)

if TYPE_CHECKING:
    from studio.engine.api import Engine
    from studio.jobs.lanes import Lane, Lanes
    from studio.library.records import Job
    from studio.library.store import Library
    from studio.models.registry import Registry
    from studio.settings import Paths

POLL_SECONDS = 3.0
"""How often the queue is polled for jobs of other processes."""


class WorkerThread(QThread):
    """Owns the engines and their lanes. All public methods may be called from any thread.

    This thread serves the lane of the first engine, and runs `describe` and `convert` between
    its jobs. Each other lane has a thread of its own, which ends with this one.
    """

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
        self._last_token = 0
        self._last_try = 0
        self._calls: deque[Callable[[], None]] = deque()
        self._idle_calls: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._wakes = 0
        self._last_problem: Sentence | None = None
        self._engines: tuple[Engine, ...] = ()
        self._lanes: Lanes | None = None
        self.engine_has_run = False
        """Whether the engine has been started: its libraries are imported then."""
        self.library: Library | None = None

    # ---- called by the window; only `convert` blocks

    def wake(self) -> None:
        """Check the queue for jobs: something was enqueued, resumed or retried."""
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    @property
    def memory(self) -> DeviceMemory | None:
        """The device that jobs run on and its memory; None until the engine has reported it."""
        return self._engines[0].memory if self._engines else None

    @property
    def running_jobs(self) -> tuple[str, ...]:
        """The ids of the running jobs: in one call, on several lanes, or none."""
        return self._lanes.running if self._lanes is not None else ()

    @property
    def running_job(self) -> str:
        """The id of the (first) running job, or an empty string."""
        return next(iter(self.running_jobs), "")

    def cancel_running(self, job: str) -> bool:
        """Cancel a job if it is running; return whether it is."""
        return self._lanes is not None and self._lanes.cancel(job)

    def restart_engine(self, job: str) -> None:
        """Restart the engine that runs a job or call, also if it does not respond.

        A job then continues with its missing results.
        """
        if self._lanes is not None and self._lanes.restart_engine(job):
            return
        for engine in self._engines[:1]:
            engine.restart()

    def describe(self, model: ModelRef) -> None:
        """Read the capabilities of a model between two jobs; reported as `ModelDescribed`."""
        self._between_jobs(lambda: self._describe(model))

    def list_alternatives(self, request: Request) -> int:
        """Ask what could come after the start of a result; reported as `AlternativesFound`.

        It is asked between two jobs. Of several calls that wait, only the last is answered.
        Returns the token of the report.
        """
        self._last_token += 1
        token = self._last_token
        self._between_jobs(lambda: self._list_alternatives(request, token))
        return token

    def try_out(self, request: Request, folder: Path) -> int:
        """Run a request between two jobs, outside of the queue; reported as `Tried`.

        Its file is put below `folder`. A later call replaces one that waits, and stops one that
        runs. Returns the token of the report.
        """
        self.stop_trying()
        token = self._last_try
        self._between_jobs(lambda: self._try_out(request, folder, token))
        return token

    def stop_trying(self) -> None:
        """Stop what `try_out` began, which is not reported then."""
        for engine in self._engines[:1]:
            engine.cancel(f"try-{self._last_try}")
        self._last_try += 1

    @property
    def is_stopping(self) -> bool:
        """Whether `shutdown` was called: what waits for an engine waits in vain."""
        return self._stopping

    def between_jobs(self, work: Callable[[Engine], None]) -> None:
        """Call `work` on the worker's thread with the first engine, between two jobs."""
        self._between_jobs(lambda: self._with_engine(work))

    def when_idle(self, work: Callable[[Engine], None]) -> None:
        """Call `work` as `between_jobs` does, but only while no job can run. It should be short."""
        with self._changed:
            self._idle_calls.append(lambda: self._with_engine(work))
            self._changed.notify_all()

    def convert(self, source: Path, target: Path) -> Problem | None:
        """Convert a GGUF file between two jobs; return the problem, or None on success.

        Blocks until then: call it from a background thread.
        """
        results: list[Problem | None] = []
        done = threading.Event()

        def work() -> None:
            try:
                results.append(self._convert(source, target))
            finally:
                done.set()

        self._between_jobs(work)
        while not done.wait(0.5):
            if self._stopping:
                return Problem("cancelled", Sentence("The app was closed in the meantime."))
        return results[0] if results else None

    def shutdown(self) -> None:
        """Stop the engines and end the threads. Running jobs are interrupted."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        # The library marks the jobs that were running as interrupted.
        self._stop_engines()

    # ---- on the threads

    def run(self) -> None:
        """Open the library, then work until `shutdown`."""
        self._open()
        first, *others = self._lanes.lanes if self._lanes is not None else (None,)
        threads = [
            threading.Thread(
                target=self._work, args=(lane,), kwargs={"answers": False}, name="studio-lane"
            )
            for lane in others
        ]
        for thread in threads:
            thread.start()
        try:
            self._work(first, answers=True)
        finally:
            self._stop_engines()
            for thread in threads:
                thread.join()

    def _work(self, lane: Lane | None, *, answers: bool) -> None:
        """Serve a lane until `shutdown`: jobs, and if it `answers`, calls before and after them."""
        seen_wakes = -1
        while True:
            step: Callable[[], None] | None = None
            with self._changed:
                if self._stopping:
                    return
                if answers and self._calls:
                    step = self._calls.popleft()
                elif seen_wakes == self._wakes and answers and self._idle_calls:
                    step = self._idle_calls.popleft()
                elif seen_wakes == self._wakes:
                    # Another process may add jobs, or release its ownership of the queue.
                    if not self._changed.wait(POLL_SECONDS):
                        seen_wakes = -1
                    continue
                else:
                    seen_wakes = self._wakes
            try:
                if step is not None:
                    step()
                elif lane is not None:
                    self._run_next(lane)
            except Exception as error:
                self._reports.post(self._reports.problem, problem_of(error))

    def _stop_engines(self) -> None:
        from studio.jobs.lanes import stop_engines

        stop_engines(self._engines)

    def _open(self) -> None:
        from studio.engine.factory import make_engines
        from studio.library.folder.file_placing import check_library_folder
        from studio.library.recipes.aigc_setting import label_from_settings
        from studio.library.store import Library
        from studio.settings import load_settings

        self._engines = make_engines(
            logs=self._paths.logs,
            cache=self._paths.cache,
            device=self._device,
            threads=self._threads,
        )
        library: Library | None = None
        sweep_state(self._paths)
        try:
            settings, found = load_settings(self._paths.settings)
            if settings.is_unknown and found is not None:
                raise ProblemError(found)
            if self._root != self._paths.library:
                check_library_folder(self._root)
            library = Library.open(self._root)
            library.label = label_from_settings(settings)
            from studio.jobs.lanes import Lanes, LibraryQueue

            queue = LibraryQueue(library)
            self._lanes = Lanes(library, self._engines, self._registry(), queue)
        except Exception as error:
            if library is not None:
                library.close()
            self._reports.post(self._reports.library_opened, LibraryOpened(None, problem_of(error)))
            return
        self.library = library
        self._reports.post(self._reports.library_opened, LibraryOpened(library))

    def _run_next(self, lane: Lane) -> None:
        assert self._lanes is not None
        jobs = self._take_jobs(lane)
        if jobs:
            try:
                self.engine_has_run = True
                self._lanes.run(lane, jobs, self._reports.post_report)
            finally:
                self.wake()

    def _take_jobs(self, lane: Lane) -> list[Job]:
        assert self._lanes is not None and self.library is not None
        try:
            jobs = self._lanes.take(lane) if self.library.claim_queue() else []
        except Exception as error:
            # The queue is polled every few seconds; the same problem is reported once.
            problem = problem_of(error)
            if problem.message != self._last_problem:
                self._last_problem = problem.message
                self._reports.post(self._reports.problem, problem)
            return []
        self._last_problem = None
        return jobs

    def _between_jobs(self, work: Callable[[], None]) -> None:
        with self._changed:
            self._calls.append(work)
            self._changed.notify_all()

    def _with_engine(self, work: Callable[[Engine], None]) -> None:
        work(self._engines[0])
        self.engine_has_run = True

    def _describe(self, model: ModelRef) -> None:
        registry = self._registry()
        capabilities = registry.capabilities(model)
        if capabilities is None:
            events: list[Event] = []

            def on_event(event: Event) -> None:
                events.append(event)
                if isinstance(event, NotResponding | Responding):
                    self._reports.post_report(event)

            started = time.monotonic()
            self._engines[0].run(DescribeModel(job=urandom(16).hex(), model=model), on_event)
            if not self.engine_has_run:
                from studio.jobs.start_up import write_engine_start

                write_engine_start(self._paths.cache, time.monotonic() - started)
            self.engine_has_run = True
            for event in events:
                if isinstance(event, Described):
                    capabilities = event.capabilities
                    registry.remember_capabilities(model, capabilities)
                    capabilities = capabilities_with(capabilities, registry.defaults(model))
                elif isinstance(event, Failed):
                    self._reports.post(
                        self._reports.model_described, ModelDescribed(model.id, None, event.problem)
                    )
                    return
        self._reports.post(self._reports.model_described, ModelDescribed(model.id, capabilities))

    def _list_alternatives(self, request: Request, token: int) -> None:
        if token != self._last_token:
            return
        found: list[AlternativesListed] = []

        def on_event(event: Event) -> None:
            if isinstance(event, AlternativesListed):
                found.append(event)
            elif isinstance(event, NotResponding | Responding):
                self._reports.post_report(event)

        problem: Problem | None = None
        try:
            registry = self._registry()
            model = registry.resolve_all(request)[0]
            request = with_model_defaults(request, registry.defaults(model))
            command = ListAlternatives(job=urandom(16).hex(), request=request, model=model)
            final = self._engines[0].run(command, on_event)
            problem = final.problem if isinstance(final, Failed) else None
        except ProblemError as error:
            problem = error.problem
        listed = next(iter(found), None)
        self._reports.post(
            self._reports.alternatives_found, AlternativesFound(token, listed, problem)
        )

    def _try_out(self, request: Request, folder: Path, token: int) -> None:
        from studio.jobs.try_request import try_request

        def on_event(event: Event) -> None:
            if isinstance(event, NotResponding | Responding):
                self._reports.post_report(event)

        if token != self._last_try:
            return
        path: Path | None = None
        problem: Problem | None = None
        try:
            path = try_request(
                f"try-{token}", request, folder, self._engines[0], self._registry(), on_event
            )
            self.engine_has_run = True
        except Exception as error:
            problem = problem_of(error)
        if token == self._last_try:
            self._reports.post(self._reports.tried, Tried(token, path, problem))

    def _convert(self, source: Path, target: Path) -> Problem | None:
        command = ConvertModel(
            job=urandom(16).hex(),
            task=task_of_format("gguf"),
            source=str(source),
            target=str(target),
        )
        final = self._engines[0].run(command, self._reports.post_report)
        return final.problem if isinstance(final, Failed) else None
