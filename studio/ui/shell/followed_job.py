"""The job that a tab has submitted last, or shows: its state stands in the tab's run bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Signal

from studio.protocol import Loading, Problem, Progress, Request
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.translations import translated
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text

if TYPE_CHECKING:
    from studio.library.records import Job
    from studio.ui.shell.state import AppState


class FollowedJob(QObject):
    """Follows one job at a time; what a tab shows of its results it connects to `watched`.

    Args:
        doing: returns what is being done, for the status; the time that is left is added.
    """

    watched = cast("TypedSignal[JobWatch]", Signal(object))
    """Another job is followed from now on; its results follow."""

    def __init__(
        self, state: AppState, run_bar: RunBar, doing: Callable[[Progress], str], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._run_bar = run_bar
        self._doing = doing
        self._watch: JobWatch | None = None

    @property
    def watch(self) -> JobWatch | None:
        """The job, None before the first one."""
        return self._watch

    def submit(self, requests: Sequence[Request]) -> None:
        """Submit requests and follow them."""
        self._follow(JobWatch(self._state, self, token=self._state.submit(list(requests))))
        self._run_bar.set_waiting()

    def show(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        self._follow(JobWatch(self._state, self, jobs=[job]))

    def cancel(self) -> None:
        """Cancel the job."""
        if self._watch is not None:
            self._watch.cancel()

    def _follow(self, watch: JobWatch) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = watch
        watch.refused.connect(self._refused)
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        self.watched.emit(watch)
        # After what the tab does at the end, such as counting what is missing.
        watch.ended.connect(self._ended)
        self._run_bar.set_running(True)

    def _refused(self, problem: Problem) -> None:
        self._run_bar.set_running(False)
        self._run_bar.set_status(translated(problem.message))

    def _loading(self, event: Loading) -> None:
        self._run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self._run_bar.set_progress(event.step, event.steps, event.seconds_left)
        text = self._doing(event)
        if event.seconds_left is not None:
            left = duration_text(event.seconds_left)
            text = self.tr("{text}, {time} left").format(text=text, time=left)
        self._run_bar.set_status(text)

    def _ended(self, end: Ended) -> None:
        self._run_bar.set_running(False)
        if end.problem is not None:
            self._run_bar.set_status(translated(end.problem.message))
        elif end.status == "cancelled":
            self._run_bar.set_status(self.tr("Stopped"))
        else:
            self._run_bar.set_status(self.tr("Finished"))
