"""Application state shared by all parts of the window: settings, models, library, reports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from studio.protocol import DeviceMemory, ModelRef, Problem, Ready, Request
from studio.settings import Paths, Settings, file_content, library_root, save_settings
from studio.ui.shell.destinations import Destinations, NullDestinations
from studio.ui.shell.reports import Enqueued, LibraryOpened, Refused, Reports
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.theme import Severity

if TYPE_CHECKING:
    from studio.library.records import Asset, Job
    from studio.library.store import Library
    from studio.models.catalogue.smaller import SmallerVersion
    from studio.models.fit import Fit
    from studio.models.registry import Registry
    from studio.models.token_counter import TokenCounter
    from studio.ui.shell.background import Background
    from studio.ui.shell.model_listing import Listing
    from studio.ui.shell.worker_thread import WorkerThread

T = TypeVar("T")


class AppState(QObject):
    """Created before the window. After the first paint, `start` opens the library and the worker.

    All methods must be called on the GUI thread unless stated otherwise.
    """

    models_changed = Signal()
    library_opened = Signal()
    assets_changed = Signal()
    jobs_changed = Signal()
    sheets_changed = Signal()
    """A contact sheet has been made in this window."""
    changed_elsewhere = Signal()
    """Another process has changed the library."""
    problem = cast("TypedSignal[Problem]", Signal(object))
    """A problem to show in the message bar."""
    message = Signal(str, str, str, object)
    """A message to show in the message bar: text, kind, action text, action."""
    closing = Signal()
    """The window is closing: stop background work."""

    def __init__(self, paths: Paths, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.paths = paths
        self.settings = settings
        self.reports = Reports(self)
        self.library: Library | None = None
        self.destinations: Destinations = NullDestinations()
        """The window's navigation targets; the window sets itself."""
        self.models_known = False
        self._registry: Registry | None = None
        self._registry_lock = threading.Lock()
        self._counter: TokenCounter | None = None
        self._models: tuple[ModelRef, ...] = ()
        self._fits: dict[str, Fit] = {}
        self._smaller: dict[str, SmallerVersion] = {}
        self._model_problems: dict[str, Problem] = {}
        self._waiting: list[Callable[[], None]] | None = []
        self._background: Background | None = None
        self._worker: WorkerThread | None = None
        # Many assets or jobs may change in quick succession; the views refresh once.
        self._emit_assets_changed = self._delayed(self.assets_changed.emit, 100)
        self._emit_jobs_changed = self._delayed(self.jobs_changed.emit, 100)
        self.save_soon = self._delayed(self._save_in_background, 1000)
        """Write the settings within about a second, on another thread."""
        self.changed_elsewhere.connect(self._emit_assets_changed)
        self.changed_elsewhere.connect(self._emit_jobs_changed)
        self.reports.library_opened.connect(self._library_opened)
        self.reports.asset_saved.connect(self._asset_saved)
        self.reports.job_changed.connect(self._queue_changed)
        self.reports.enqueued.connect(self._queue_changed)
        self.reports.refused.connect(self._refused)
        self.reports.problem.connect(self.problem.emit)
        self.reports.ready.connect(self._device_known)

    @property
    def worker(self) -> WorkerThread:
        """The thread that runs the jobs, created on first use."""
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
        """The device that jobs run on and its memory; None until the engine has reported it."""
        return self._worker.memory if self._worker is not None else None

    @property
    def background(self) -> Background:
        """The background threads, created on first use."""
        if self._background is None:
            from studio.ui.shell.background import Background

            self._background = Background(self)
        return self._background

    @property
    def library_root(self) -> Path:
        """The folder in which results are kept."""
        return library_root(self.settings, self.paths)

    def start(self) -> None:
        """Start the worker, which opens the library, and list the models."""
        self.worker.start()
        self.refresh_models()

    def close(self) -> None:
        """Save the settings, stop the worker and its engines, wait for them, close the library."""
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
        """Enqueue requests; return the token with which a `JobWatch` follows them.

        Results are written to the folder `output`, or to the library if it is empty. `labels`
        holds one mapping per request, or is empty.
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
        """Cancel a running or waiting job."""
        if not self.worker.cancel_running(job):
            self.change_jobs(lambda library: _cancelled(library, job))

    def set_paused(self, paused: bool) -> None:
        """Pause the queue after the current job, or resume it."""
        self.change_jobs(lambda library: library.queue.set_paused(paused))

    def change_jobs(self, work: Callable[[Library], Any]) -> None:
        """Run `work` on the library's queue on another thread, then wake the worker.

        If `work` returns a job, it is reported as changed.
        """

        def change() -> None:
            from studio.library.records import Job

            job = work(self._library_or_raise())
            if isinstance(job, Job):
                self.reports.post(self.reports.job_changed, job)

        def changed(_: object) -> None:
            self.worker.wake()
            self._emit_jobs_changed()

        self._with_library(
            lambda: self.background.in_order(self, change, changed, self.problem.emit)
        )

    def change_assets(
        self,
        owner: QObject,
        work: Callable[[Library], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[], object] | None = None,
    ) -> None:
        """Run `work` on the library's results on another thread, in the order of the calls.

        Afterwards the views refresh and `then(result)` is called; if `work` raised, the problem
        is shown and `failed()` is called. Neither is called after `owner` has been deleted.
        """

        def done(result: T) -> None:
            self._emit_assets_changed()
            if then is not None and isValid(owner):
                then(result)

        def refused(problem: Problem) -> None:
            self._emit_assets_changed()
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
        """Return the models found by the last listing, of one task or of all."""
        found = (model for model in self._models if task is None or model.task == task)
        return tuple(model for model in found if not model.is_companion)

    @property
    def all_models(self) -> tuple[ModelRef, ...]:
        """All models found by the last listing, also those that work only with others."""
        return self._models

    def companions(self, task: str) -> tuple[ModelRef, ...]:
        """Return the models of a task that work only together with others, such as LoRA."""
        return tuple(model for model in self._models if model.task == task and model.is_companion)

    def fit(self, model: ModelRef) -> Fit | None:
        """Return how well a model fits into memory, as of the last listing."""
        return self._fits.get(model.id)

    def smaller_version(self, model: ModelRef) -> SmallerVersion | None:
        """Return a version that fits of a model that does not, None if none is known."""
        return self._smaller.get(model.id)

    def model_problems(self) -> dict[str, Problem]:
        """Return the problem of each model that cannot be used, by model id or file."""
        return dict(self._model_problems)

    def refresh_models(self) -> None:
        """List the models again on another thread, then emit `models_changed`."""
        library, memory, may_use_gpu = self.library, self.memory, self.settings.device != "cpu"

        def list_all(registry: Registry) -> Listing:
            from studio.ui.shell.model_listing import list_models

            return list_models(registry, self.paths, library, memory, may_use_gpu=may_use_gpu)

        def listed(found: Listing) -> None:
            self._models, self._fits, self._model_problems, self._smaller = found
            self.models_known = True
            self.models_changed.emit()

        self.read_models(list_all, listed)

    def _device_known(self, ready: Ready) -> None:
        # On the CPU, what fits depends on main memory and was known before.
        if ready.memory is not None and ready.memory.kind == "gpu":
            self.refresh_models()

    def read_models(
        self,
        work: Callable[[Registry], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Run `work(registry)` on another thread; see `Background.read` for the callbacks."""
        self.background.read(
            self, lambda: work(self.open_registry()), then, failed or self.problem.emit
        )

    def change_models(
        self,
        work: Callable[[Registry], T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[Problem], object] | None = None,
    ) -> None:
        """Like `read_models`, for work that changes the registry; then list the models again."""

        def done(result: T) -> None:
            if then is not None:
                then(result)
            self.refresh_models()

        self.read_models(work, done, failed)

    @property
    def token_counter(self) -> TokenCounter:
        """The token counter, created on first use. Its methods may block."""
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

    def _save_in_background(self) -> None:
        from copy import deepcopy

        settings, before = deepcopy(self.settings), self.settings.rest
        # Later changes are told from what this save writes.
        self.settings.rest = file_content(settings)

        def saved(problem: Problem | None) -> None:
            if problem is not None:
                self.settings.rest = before
                self.problem.emit(problem)

        self.background.in_order(
            self, lambda: save_settings(self.paths.settings, settings), saved, self.problem.emit
        )

    def show_message(
        self,
        text: str,
        kind: Severity = "info",
        action_text: str = "",
        action: Callable[[], object] | None = None,
    ) -> None:
        """Show a message in the window's message bar."""
        self.message.emit(text, kind, action_text, action)

    # ---- private

    def open_registry(self) -> Registry:
        """Return the registry, created on the first call. Reads the disk; any thread may call it.

        There is only one: it keeps scans and capabilities that the worker and the window share.
        """
        from studio.models.registry import Registry

        with self._registry_lock:
            if self._registry is None:
                self._registry = Registry(self.paths, waits_for_writers=True)
            return self._registry

    def _library_or_raise(self) -> Library:
        from studio.protocol import problem

        if self.library is None:
            raise problem(
                "bad_input", "The library is not open. Choose its folder in the settings."
            )
        return self.library

    def _with_library(self, work: Callable[[], None]) -> None:
        """Run `work` now, or as soon as opening the library has succeeded or failed."""
        if self._waiting is None:
            work()
        else:
            self._waiting.append(work)

    def _library_opened(self, report: LibraryOpened) -> None:
        self.library = report.library
        problem = report.problem or (report.library.notice if report.library else None)
        if problem is not None:
            self.problem.emit(problem)
        waiting, self._waiting = self._waiting, None
        for work in waiting or ():
            work()
        self.library_opened.emit()
        self._emit_jobs_changed()
        self._emit_assets_changed()

    def _asset_saved(self, _: Asset) -> None:
        self._emit_assets_changed()
        self._emit_jobs_changed()

    def _queue_changed(self, _: object) -> None:
        self._emit_jobs_changed()

    def _refused(self, report: Refused) -> None:
        self.problem.emit(report.problem)

    def _delayed(self, work: Callable[[], object], delay_ms: int) -> Callable[[], None]:
        """Return a call that runs `work` after the delay; calls in between have no effect."""
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(delay_ms)
        timer.timeout.connect(lambda: work())

        def start() -> None:
            if not timer.isActive():
                timer.start()

        return start


def _cancelled(library: Library, job: str) -> Job | None:
    """Cancel a waiting job. Raises `ProblemError` if another process runs it."""
    from studio.protocol import problem

    if library.queue.cancel(job):
        return library.queue.get(job)
    if library.queue.claimed_elsewhere([job]):
        raise problem("bad_input", "The job runs in another process. Cancel it there.")
    return None
