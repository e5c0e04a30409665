"""The job that the Image tab shows: its progress in the run bar, its pictures in the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.kinds.image import ImageRequest
from studio.protocol import Loading, Problem, Progress, RowFailed
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.image.result_panel import ResultPanel

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.records import Asset, Job


class ShownJob(QObject):
    """Follows the job submitted last; an earlier one continues in the background."""

    begun = Signal(object)
    """A job is shown; its seed."""

    def __init__(
        self, state: AppState, run_bar: RunBar, result: ResultPanel, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._run_bar = run_bar
        self._result = result
        self._submitted: JobWatch | None = None
        self._watch: JobWatch | None = None
        self._submitted_here: JobWatch | None = None
        self._estimated: float | None = None
        self._count = 0

    @property
    def is_running(self) -> bool:
        """Whether the shown job has not ended."""
        return self._watch is not None and not self._watch.is_over

    def follow_submitted(self, token: str) -> None:
        """Show the job of a submit as soon as it is stored."""
        if self._submitted is not None:
            self._submitted.close()
        self._submitted = JobWatch(self._state, self, token=token)
        self._submitted.enqueued.connect(self._enqueued)
        self._submitted.refused.connect(self._refused)
        if not self.is_running:
            self._run_bar.set_running(True)
            self._run_bar.set_waiting()

    def show(self, job: Job) -> None:
        """Show a job that was submitted elsewhere."""
        self._show(JobWatch(self._state, self, jobs=[job]), job)

    def cancel(self) -> None:
        """Cancel the shown job, or the one that was just submitted."""
        watch = self._watch if self.is_running else self._submitted
        if watch is not None:
            watch.cancel()

    # ---- events

    def _enqueued(self, jobs: Sequence[Job]) -> None:
        watch, self._submitted = self._submitted, None
        if watch is not None:
            self._submitted_here = watch
            self._show(watch, jobs[0])

    def _refused(self, _: Problem) -> None:
        self._submitted = None
        if not self.is_running:
            self._run_bar.set_running(False)
            self._run_bar.set_status("")

    def _show(self, watch: JobWatch, job: Job) -> None:
        if not isinstance(job.request, ImageRequest):
            watch.close()
            return
        if self._watch is not None:
            self._watch.close()
        self._watch, self._count = watch, job.request.count
        watch.changed.connect(self._changed)
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.preview.connect(self._preview)
        watch.saved.connect(self._saved)
        watch.row_failed.connect(self._row_failed)
        watch.ended.connect(self._ended)
        seed = job.request.seed or 0
        self._result.begin(seed, self._count)
        # An estimate was made for the settings that are shown, not for a job from elsewhere.
        self._estimated = self._run_bar.estimated if watch is self._submitted_here else None
        self._run_bar.set_running(True)
        self._run_bar.set_waiting()
        self.begun.emit(seed)

    def _changed(self, job: Job) -> None:
        if job.status == "running":
            self._run_bar.set_status(self.tr("Starting"))
            self._run_bar.count_down(self._estimated)

    def _loading(self, event: Loading) -> None:
        self._run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self._run_bar.set_progress(event.step, event.steps, event.seconds_left)
        self._result.set_progress(event.step, event.steps)
        text = self.tr("Generating: step {step} of {steps}").format(
            step=event.step, steps=event.steps
        )
        self._run_bar.set_status(text)
        if event.seconds_left is not None:
            self._run_bar.count_down(event.seconds_left)

    def _preview(self, event: PreviewSaved) -> None:
        self._result.update_row(event.row, "running", str(event.path))

    def _saved(self, asset: Asset) -> None:
        self._result.update_row(asset.row, "done", str(asset.path), asset=asset.id)

    def _row_failed(self, event: RowFailed) -> None:
        self._result.update_row(event.row, "failed", message=translated(event.problem.message))

    def _ended(self, end: Ended) -> None:
        made = self._watch.saved_count if self._watch is not None else 0
        if end.problem is not None:
            text = translated(end.problem.message)
            for row in range(self._count):
                variation = self._result.model.at(row)
                if variation is not None and variation.state not in ("done", "deleted"):
                    self._result.update_row(row, "failed", message=text)
        elif end.status == "done":
            text = self.tr("{made} of {count} finished").format(made=made, count=self._count)
            seconds = end.stats.get("seconds")
            if seconds is not None:
                text += ", " + duration_text(seconds)
        else:
            text = self.tr("Stopped. {made} of {count} finished and kept.").format(
                made=made, count=self._count
            )
        self._result.end()
        self._run_bar.set_running(False)
        self._run_bar.set_status(text)
