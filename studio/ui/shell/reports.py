"""What the worker's thread and the queue report, as one typed signal for each kind of report."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct
from PySide6.QtCore import QObject, Qt, Signal

from studio.protocol import (
    Cancelled,
    Capabilities,
    Done,
    Event,
    Failed,
    Loading,
    Problem,
    Progress,
    Ready,
    RowFailed,
    TextDelta,
    Warned,
)
from studio.ui.shell.typed_signal import Carries

if TYPE_CHECKING:
    from studio.jobs.runner import AssetSaved, JobChanged, PreviewSaved
    from studio.library.records import Asset, Job
    from studio.library.store import Library

T = TypeVar("T")


class Enqueued(Struct, frozen=True):
    """The requests of one `submit` are in the library, in their order."""

    token: str
    jobs: tuple[Job, ...]


class Refused(Struct, frozen=True):
    """The requests of one `submit` were refused; nothing of them was stored."""

    token: str
    problem: Problem


class LibraryOpened(Struct, frozen=True):
    """The library is open, or could not be opened (`problem`)."""

    library: Library | None
    problem: Problem | None = None


class ModelDescribed(Struct, frozen=True):
    """An answer to `describe`: what a model can do, or why that cannot be told."""

    model: str
    capabilities: Capabilities | None
    problem: Problem | None = None


class Reports(QObject):
    """All signals are emitted on the window's thread, in the order of `tell` and `post`.

    Whoever connects while one is delivered therefore misses nothing that comes after it. What is
    said about one job: see `JobWatch`.
    """

    library_opened = cast("Carries[LibraryOpened]", Signal(object))
    model_described = cast("Carries[ModelDescribed]", Signal(object))
    problem = cast("Carries[Problem]", Signal(object))
    """Trouble that belongs to no job."""

    enqueued = cast("Carries[Enqueued]", Signal(object))
    refused = cast("Carries[Refused]", Signal(object))
    job_changed = cast("Carries[Job]", Signal(object))
    """A job has another status now."""
    asset_saved = cast("Carries[Asset]", Signal(object))
    """A result is in its place on disk and in the library."""

    ready = cast("Carries[Ready]", Signal(object))
    """The engine computes, and has told on which device."""

    # What the engine says of a job.
    loading = cast("Carries[Loading]", Signal(object))
    progress = cast("Carries[Progress]", Signal(object))
    preview = cast("Carries[PreviewSaved]", Signal(object))
    text = cast("Carries[TextDelta]", Signal(object))
    row_failed = cast("Carries[RowFailed]", Signal(object))
    warned = cast("Carries[Warned]", Signal(object))
    done = cast("Carries[Done]", Signal(object))
    failed = cast("Carries[Failed]", Signal(object))
    cancelled = cast("Carries[Cancelled]", Signal(object))

    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._deliveries: deque[Callable[[], None]] = deque()
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def post(self, signal: Carries[T], value: T) -> None:
        """Let one of the signals be emitted on the window's thread. May be called from any."""
        self._deliveries.append(lambda: signal.emit(value))
        self._posted.emit()

    def tell(self, report: Event | AssetSaved | PreviewSaved | JobChanged) -> None:
        """Post what the runner reports."""
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
            case Cancelled():
                self.post(self.cancelled, report)

    def _deliver(self) -> None:
        self._deliveries.popleft()()
