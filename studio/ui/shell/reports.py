"""Events of the worker threads and the queue, as typed signals on the GUI thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct
from PySide6.QtCore import QObject, Qt, Signal

from studio.protocol import (
    AlternativesListed,
    Cancelled,
    Capabilities,
    Done,
    Failed,
    Loading,
    NotResponding,
    Problem,
    Progress,
    Ready,
    Responding,
    RowFailed,
    TextDelta,
    Warned,
)
from studio.ui.shell.typed_signal import TypedSignal

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved, RunnerEvent
    from studio.library.records import Asset, Job
    from studio.library.store import Library

T = TypeVar("T")


class Enqueued(Struct, frozen=True):
    """The requests of one `submit` were stored as these jobs, in the same order."""

    token: str
    jobs: tuple[Job, ...]


class Refused(Struct, frozen=True):
    """The requests of one `submit` were refused; no job was stored."""

    token: str
    problem: Problem


class LibraryOpened(Struct, frozen=True):
    """The library was opened, or could not be opened (`problem`)."""

    library: Library | None
    problem: Problem | None = None


class ModelDescribed(Struct, frozen=True):
    """The answer to `describe`: the capabilities of a model, or why they are unknown."""

    model: str
    capabilities: Capabilities | None
    problem: Problem | None = None


class AlternativesFound(Struct, frozen=True):
    """The answer to `list_alternatives`, which returned the `token`."""

    token: int
    listed: AlternativesListed | None
    problem: Problem | None = None


class Tried(Struct, frozen=True):
    """The answer to `try_out`, which returned the `token`: a file, or why there is none."""

    token: int
    path: Path | None
    problem: Problem | None = None


class Reports(QObject):
    """All signals are emitted on the GUI thread, in the order of `post` and `post_report`.

    A slot connected during delivery therefore receives everything that follows. To follow the
    events of particular jobs, use `JobWatch`.
    """

    library_opened = cast("TypedSignal[LibraryOpened]", Signal(object))
    model_described = cast("TypedSignal[ModelDescribed]", Signal(object))
    alternatives_found = cast("TypedSignal[AlternativesFound]", Signal(object))
    tried = cast("TypedSignal[Tried]", Signal(object))
    problem = cast("TypedSignal[Problem]", Signal(object))
    """A problem that does not belong to a job."""

    enqueued = cast("TypedSignal[Enqueued]", Signal(object))
    refused = cast("TypedSignal[Refused]", Signal(object))
    job_changed = cast("TypedSignal[Job]", Signal(object))
    """The status of a job changed."""
    asset_saved = cast("TypedSignal[Asset]", Signal(object))
    """A result was saved to disk and added to the library."""

    ready = cast("TypedSignal[Ready]", Signal(object))
    """The engine is ready and has reported its device."""

    not_responding = cast("TypedSignal[NotResponding]", Signal(object))
    """The engine of a job has been silent for a while."""
    responding = cast("TypedSignal[Responding]", Signal(object))
    """It is not silent any more."""

    # Engine events of a job.
    loading = cast("TypedSignal[Loading]", Signal(object))
    progress = cast("TypedSignal[Progress]", Signal(object))
    preview = cast("TypedSignal[PreviewSaved]", Signal(object))
    text = cast("TypedSignal[TextDelta]", Signal(object))
    row_failed = cast("TypedSignal[RowFailed]", Signal(object))
    warned = cast("TypedSignal[Warned]", Signal(object))
    done = cast("TypedSignal[Done]", Signal(object))
    failed = cast("TypedSignal[Failed]", Signal(object))
    cancelled = cast("TypedSignal[Cancelled]", Signal(object))

    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._deliveries: deque[Callable[[], None]] = deque()
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def post(self, signal: TypedSignal[T], value: T) -> None:
        """Emit one of the signals on the GUI thread. Callable from any thread."""
        self._deliveries.append(lambda: signal.emit(value))
        self._posted.emit()

    def post_report(self, report: RunnerEvent) -> None:
        """Post an event of the runner to its signal. Callable from any thread."""
        from studio.jobs.runner import AssetSaved, JobChanged, PreviewSaved

        match report:
            case TextDelta():
                self.post(self.text, report)
            case Progress():
                self.post(self.progress, report)
            case PreviewSaved():
                self.post(self.preview, report)
            case Loading():
                self.post(self.loading, report)
            case AssetSaved():
                self.post(self.asset_saved, report.asset)
            case JobChanged():
                self.post(self.job_changed, report.job)
            case RowFailed():
                self.post(self.row_failed, report)
            case Warned():
                self.post(self.warned, report)
            case Done():
                self.post(self.done, report)
            case Failed():
                self.post(self.failed, report)
            case Ready():
                self.post(self.ready, report)
            case NotResponding():
                self.post(self.not_responding, report)
            case Responding():
                self.post(self.responding, report)
            case Cancelled():
                self.post(self.cancelled, report)

    def _deliver(self) -> None:
        self._deliveries.popleft()()
