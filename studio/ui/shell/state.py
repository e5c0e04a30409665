"""What the parts of the window share: settings, models, the library, and the worker's reports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from studio.protocol import DeviceMemory, ModelRef, Problem, Ready, Request
from studio.settings import Paths, Settings, library_root, save_settings
from studio.ui.shell.destinations import Destinations, Nowhere
from studio.ui.shell.reports import Enqueued, LibraryOpened, Refused, Reports
from studio.ui.shell.typed_signal import Carries
from studio.ui.style.theme import Severity

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.library.store import Library
    from studio.models.fit import Fit
    from studio.models.registry import Registry
    from studio.models.token_counter import TokenCounter
    from studio.ui.shell.background import Background
    from studio.ui.shell.worker_thread import WorkerThread

    _Models = tuple[tuple[ModelRef, ...], dict[str, Fit], dict[str, Problem]]

T = TypeVar("T")


class AppState(QObject):
    """Made before the window; `start` opens the library and the worker once it is painted."""

    models_changed = Signal()
    library_opened = Signal()
    assets_changed = Signal()
    jobs_changed = Signal()
    problem = cast("Carries[Problem]", Signal(object))
    """For the message bar."""
    message = Signal(str, str, str, object)
    """Text, kind, the text of its action, the action: for the message bar."""
    closing = Signal()
    """The window goes: let nothing read on."""

    def __init__(self, paths: Paths, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.paths = paths
        self.settings = settings
        self.reports = Reports(self)
        self.library: Library | None = None
        self.destinations: Destinations = Nowhere()
        """Where parts of the window send what they have; the window sets itself."""
        self.models_known = False
        self._registry: Registry | None = None
        self._registry_lock = threading.Lock()
        self._counter: TokenCounter | None = None
        self._models: tuple[ModelRef, ...] = ()
        self._fits: dict[str, Fit] = {}
        self._model_problems: dict[str, Problem] = {}
        self._waiting: list[Callable[[], None]] | None = []
        self._background: Background | None = None
        self._worker: WorkerThread | None = None
        # Several assets or jobs may change within one turn of the event loop; the views look once.
        self._assets_soon = self._soon(self.assets_changed.emit, 100)
        self._jobs_soon = self._soon(self.jobs_changed.emit, 100)
        self._save_soon = self._soon(self._save_behind, 1000)
        self.reports.library_opened.connect(self._opened)
        self.reports.asset_saved.connect(self._asset_saved)
        self.reports.job_changed.connect(self._queue_changed)
        self.reports.enqueued.connect(self._queue_changed)
        self.reports.refused.connect(self._refused)
        self.reports.problem.connect(self.problem.emit)
        self.reports.ready.connect(self._device_known)

    @property
    def worker(self) -> WorkerThread:
        """The thread that runs the jobs."""
        if self._worker is None:
            from studio.ui.shell.worker_thread import WorkerThread

            self._worker = WorkerThread(
                self.paths,
                self.library_root,
                self.open_registry,
                self.reports,
                device=self.settings.device,
                threads=self.settings.threads,
                parent=self,
            )
        return self._worker

    @property
    def memory(self) -> DeviceMemory | None:
        """The device that jobs run on and its memory; None until the engine has told."""
        return self._worker.memory if self._worker is not None else None

    @property
    def background(self) -> Background:
        """Work off the window's thread."""
        if self._background is None:
            from studio.ui.shell.background import Background

            self._background = Background(self)
        return self._background

    @property
    def library_root(self) -> Path:
        """The folder in which results are kept."""
        return library_root(self.settings, self.paths)

    def start(self) -> None:
        """Open the library and the registry on their threads."""
        self.worker.start()
        self.refresh_models()

    def close(self) -> None:
        """Save the settings, stop the worker and its engine, wait for both."""
        self.save()
        self.closing.emit()
        if self._counter is not None:
            self._counter.stop()
        self.worker.shutdown()
        self.worker.wait()
        self.background.close()
        if self.library is not None:
            self.library.close()
            self.library = None

    # ---- jobs

    def submit(
        self,
        requests: Sequence[Request],
        output: str = "",
        *,
        batch: str = "",
        labels: Sequence[Mapping[str, str]] = (),
    ) -> str:
        """Enqueue requests and run them. Returns a token, for a `JobWatch` to follow them by.

        `output` is a folder to write straight into; empty means the library. `labels` are
        those of each request, if there are any.
        """
        token = urandom(16).hex()

        def enqueue() -> None:
            from studio.ui.shell.background import problem_of

            try:
                library = self._library_or_raise()
                jobs = tuple(
                    library.queue.enqueue(requests, output=output, batch=batch, labels=labels)
                )
            except Exception as error:
                self.reports.post(self.reports.refused, Refused(token, problem_of(error)))
            else:
                self.reports.post(self.reports.enqueued, Enqueued(token, jobs))
                self.worker.wake()

        self._with_library(lambda: self.background.in_order(self, enqueue))
        return token

    def cancel(self, job: str) -> None:
        """Cancel a job, whether it runs or waits."""
        if not self.worker.cancel_running(job):
            self.change_jobs(lambda library: library.queue.cancel(job) and library.queue.get(job))

    def pause(self, paused: bool) -> None:
        """Take no new job after the current one, or go on."""
        self.change_jobs(lambda library: library.queue.set_paused(paused))

    def change_jobs(self, work: Callable[[Library], Any]) -> None:
        """Do something to the library's queue off the window's thread, then look for a job.

        Where `work` returns a job, it is reported as changed.
        """

        def change() -> None:
            from studio.library.records import Job

            job = work(self._library_or_raise())
            if isinstance(job, Job):
                self.reports.post(self.reports.job_changed, job)

        def look(_: object) -> None:
            self.worker.wake()
            self._jobs_soon()

        self._with_library(lambda: self.background.in_order(self, change, look, self.problem.emit))

    def change_assets(
        self,
        owner: QObject,
        work: Callable[[Library], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[], object] | None = None,
    ) -> None:
        """Do something to the library's results off the window's thread, in order.

        The views look again in any case; `then(result)` or, after the problem was said,
        `failed()` follow while `owner` is there.
        """

        def done(result: T) -> None:
            self._assets_soon()
            if then is not None and isValid(owner):
                then(result)

        def refused(problem: Problem) -> None:
            self._assets_soon()
            self.problem.emit(problem)
            if failed is not None and isValid(owner):
                failed()

        self._with_library(
            lambda: self.background.in_order(
                self, lambda: work(self._library_or_raise()), done, refused
            )
        )

    # ---- models

    def models(self, task: str | None = None) -> tuple[ModelRef, ...]:
        """Return the models known now, of one task or of all; it does not touch the disk."""
        return tuple(model for model in self._models if task is None or model.task == task)

    def fit(self, model: ModelRef) -> Fit | None:
        """Return whether a model fits, as it was when the models were last listed."""
        return self._fits.get(model.id)

    def model_problems(self) -> dict[str, Problem]:
        """Return id (or file) → what is wrong, for models that are known but cannot be used."""
        return dict(self._model_problems)

    def refresh_models(self) -> None:
        """List the models again on another thread; `models_changed` follows."""
        told = self.memory

        def look(registry: Registry) -> _Models:
            from studio.models.fit import current_memory, fit

            models = tuple(registry.list())
            memory = current_memory(told)
            return models, {model.id: fit(model, memory) for model in models}, registry.problems()

        def keep(found: _Models) -> None:
            self._models, self._fits, self._model_problems = found
            self.models_known = True
            self.models_changed.emit()

        self.read_models(look, keep)

    def _device_known(self, ready: Ready) -> None:
        """Ask again what fits, where that is not a matter of main memory."""
        if ready.memory is not None and ready.memory.kind == "gpu":
            self.refresh_models()

    def read_models(
        self,
        work: Callable[[Registry], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Ask the registry something on another thread."""
        self.background.read(
            self, lambda: work(self.open_registry()), then, failed or self.problem.emit
        )

    def change_models(
        self,
        work: Callable[[Registry], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Do something to the registry on another thread, then list the models again."""

        def listed(result: T) -> None:
            if then is not None:
                then(result)
            self.refresh_models()

        self.read_models(work, listed, failed)

    @property
    def token_counter(self) -> TokenCounter:
        """Tells how full a text model's context would be; it may block."""
        if self._counter is None:
            from studio.models.token_counter import TokenCounter

            self._counter = TokenCounter(self.paths.cache)
        return self._counter

    # ---- settings and messages

    def save(self) -> None:
        """Write the settings now."""
        problem = save_settings(self.paths.settings, self.settings)
        if problem is not None:
            self.problem.emit(problem)

    def save_soon(self) -> None:
        """Write the settings within a second or so, off the window's thread."""
        self._save_soon()

    def _save_behind(self) -> None:
        from copy import deepcopy

        settings = deepcopy(self.settings)

        def said(problem: Problem | None) -> None:
            if problem is not None:
                self.problem.emit(problem)

        self.background.in_order(
            self, lambda: save_settings(self.paths.settings, settings), said, self.problem.emit
        )

    def show_message(
        self,
        text: str,
        kind: Severity = "info",
        action_text: str = "",
        action: Callable[[], object] | None = None,
    ) -> None:
        """Say something in the window's message bar."""
        self.message.emit(text, kind, action_text, action)

    # ---- inside

    def open_registry(self) -> Registry:
        """Return the registry, created on the first call. Reads the disk; any thread may call it.

        There is only one: it keeps scans and capabilities that the worker and the window share.
        """
        from studio.models.registry import Registry

        with self._registry_lock:
            if self._registry is None:
                self._registry = Registry(self.paths)
            return self._registry

    def _library_or_raise(self) -> Library:
        from studio.protocol import problem

        if self.library is None:
            raise problem(
                "bad_input", "The library is not open. Choose its folder in the settings."
            )
        return self.library

    def _with_library(self, work: Callable[[], None]) -> None:
        """Do it now, or as soon as the library has been opened (or has failed to)."""
        if self._waiting is None:
            work()
        else:
            self._waiting.append(work)

    def _opened(self, report: LibraryOpened) -> None:
        self.library = report.library
        trouble = report.problem or (report.library.notice if report.library else None)
        if trouble is not None:
            self.problem.emit(trouble)
        waiting, self._waiting = self._waiting, None
        for work in waiting or ():
            work()
        self.library_opened.emit()
        self._jobs_soon()
        self._assets_soon()

    def _asset_saved(self, _: Asset) -> None:
        self._assets_soon()
        self._jobs_soon()

    def _queue_changed(self, _: object) -> None:
        self._jobs_soon()

    def _refused(self, report: Refused) -> None:
        self.problem.emit(report.problem)

    def _soon(self, work: Callable[[], object], delay_ms: int = 0) -> Callable[[], None]:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(delay_ms)
        timer.timeout.connect(lambda: work())

        def ask() -> None:
            if not timer.isActive():
                timer.start()

        return ask
