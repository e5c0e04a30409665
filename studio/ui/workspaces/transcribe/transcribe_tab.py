"""The Transcribe tab: recordings and controls on the left, what is said on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from studio.formats.untrusted_files import is_file
from studio.kinds.registry import prompted_kind
from studio.kinds.transcribe import KIND, TranscribeRequest
from studio.protocol import Loading, Problem, Progress, Request, TextDelta, Warned
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.model_wait import ModelWait
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.transcribe.recording_panel import RecordingPanel
from studio.ui.workspaces.transcribe.transcribe_controls import TranscribeControls
from studio.ui.workspaces.transcribe.transcript_part import TranscriptPart
from studio.ui.workspaces.transcribe.values import TranscribeValues

if TYPE_CHECKING:
    from studio.library.records import Asset, Job

TASK = KIND.task
WIDTH = 43 * GRID
"""Of the panel, as in the tabs of other kinds."""
_KEPT_INPUTS = 500
_EMPTY, _LIVE, _RESULT = range(3)


class TranscribeTab(QWidget):
    """Submits one request per recording; Stop cancels all that have not ended."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, TranscribeValues)
        self._watches: list[JobWatch] = []
        self._paths: dict[str, Path] = {}
        self._assets: dict[str, Asset] = {}
        self._texts: dict[Path, str] = {}
        self._is_waiting_for_inputs = False
        self.setAcceptDrops(True)
        self.controls = TranscribeControls(state, self)
        self.panel = RecordingPanel(state, self)
        self.recordings = self.panel.recordings
        self.run_bar = RunBar(TASK, generate_text=self.tr("Transcribe"), stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self._offers = model_offers_of(state)
        self._empty = EmptyState(
            KIND.icon,
            self.tr("Write down what is said"),
            self.tr(
                "Drop sounds or videos on the left and press Transcribe. The text knows when each "
                "word is said, and can be saved as subtitles."
            ),
            parent=self,
        )
        self.live = QPlainTextEdit(self)
        self.live.document().setDocumentMargin(GRID + GRID // 2)
        break_long_words(self.live)
        self.live.setObjectName("transcribe.text")
        self.live.setAccessibleName(self.tr("What is said"))
        self.live.setReadOnly(True)
        self.live.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.transcript = TranscriptPart(state, self)
        self.transcript.send_requested.connect(self._send_text)
        self.result = QStackedWidget(self)
        self.result.setObjectName("transcribe.result")
        self.result.setAccessibleName(self.tr("Result"))
        for part in (self._empty, self.live, self.transcript):
            self.result.addWidget(part)
        self.columns = Columns(self._left_column(), self.result, self, left_width=WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._load_values()
        self._connect()
        self._show_empty_actions()

    # ---- running

    def take(self, paths: Sequence[Path]) -> None:
        """Add files, and the recordings in folders."""
        self.panel.add(paths)

    def generate(self) -> None:
        """Transcribe the recordings that are not done yet, or all of them if all are done."""
        self._is_waiting_for_inputs = self.panel.is_adding
        if self._model_wait.is_needed() or self._is_waiting_for_inputs:
            return
        if self._state.models_known and not self._state.models(TASK):
            self._state.show_message(tr(KIND.no_model), "warning", *self._offers.action(TASK))
            return
        paths = self._paths_to_run()
        if not paths:
            if not self._watches:
                text = (
                    self.tr("There is nothing to hear in any of the files on the list.")
                    if self.recordings.rowCount()
                    else self.tr("Add a recording first.")
                )
                self._state.show_message(text, "warning")
            return
        for path in paths:
            self.recordings.change(path, state="waiting", message="", progress=None)
            self._texts.pop(path, None)
        watch = JobWatch(self._state, self, token=self._state.submit(self._requests(paths)))
        watch.enqueued.connect(
            lambda jobs: self._paths.update(
                {job.id: path for job, path in zip(jobs, paths, strict=True)}
            )
        )
        watch.refused.connect(lambda problem: self._refused(watch, paths, problem))
        self._follow(watch)
        self.run_bar.set_waiting()
        self.values_to_settings()

    def run(self, request: Request) -> None:
        """Add the recording of a request and transcribe it at once."""
        assert isinstance(request, TranscribeRequest)
        self._show_request(request)
        self.recordings.change(Path(request.input.path), state="new", asset="")
        self.generate()

    def show_job(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        if isinstance(job.request, TranscribeRequest):
            path = Path(job.request.input.path)
            self._show_request(job.request)
            self._paths[job.id] = path
            self.recordings.change(path, state="waiting", message="", progress=None)
            self._follow(JobWatch(self._state, self, jobs=[job]))

    def stop(self) -> None:
        """Cancel every recording that is not finished."""
        self._model_wait.cancel()
        self._is_waiting_for_inputs = False
        for watch in self._watches:
            watch.cancel()

    def focus_prompt(self) -> None:
        """Focus the list of recordings."""
        self.panel.view.setFocus()

    def _paths_to_run(self) -> list[Path]:
        busy = ("waiting", "running", "unreadable")
        idle = [each for each in self.recordings.recordings() if each.state not in busy]
        return [each.path for each in idle if each.state != "done"] or [each.path for each in idle]

    def _requests(self, paths: Sequence[Path]) -> list[TranscribeRequest]:
        return [self.controls.request(path) for path in paths]

    # ---- events

    def _follow(self, watch: JobWatch) -> None:
        self._watches.append(watch)
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.text.connect(self._heard)
        watch.saved.connect(self._saved)
        watch.ended.connect(lambda end: self._ended(end))
        self.run_bar.set_running(True)

    def _refused(self, watch: JobWatch, paths: Sequence[Path], problem: Problem) -> None:
        self._watches.remove(watch)
        for path in paths:
            self.recordings.change(path, state="failed", message=translated(problem.message))
        self._finish_if_over()

    def _loading(self, event: Loading) -> None:
        self._mark_running(event.job)
        self.run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        path = self._mark_running(event.job)
        if path is not None:
            fraction = event.step / event.steps if event.steps else 0.0
            self.recordings.change(path, progress=fraction)
        self.run_bar.set_progress(event.step, event.steps, event.seconds_left)
        text = self.tr("Listening")
        if event.seconds_left is not None:
            text = self.tr("Listening, {time} left").format(time=duration_text(event.seconds_left))
        self.run_bar.set_status(text)

    def _mark_running(self, job: str) -> Path | None:
        path = self._paths.get(job)
        recording = self.recordings.at(self.recordings.row_of(path)) if path else None
        if recording is None:
            return None
        if recording.state == "waiting":
            self.recordings.change(recording.path, state="running")
            if not self._is_shown_done():
                self.panel.set_current(recording.path)
            self._show_current()
        return path

    def _is_shown_done(self) -> bool:
        """Whether the user looks at a finished transcript."""
        recording = self.recordings.at(self.panel.view.currentIndex().row())
        return recording is not None and recording.state == "done" and len(self._paths) > 1

    def _heard(self, event: TextDelta) -> None:
        path = self._paths.get(event.job)
        if path is None:
            return
        self._texts[path] = self._texts.get(path, "") + event.text
        if path == self._current_path() and self.result.currentIndex() == _LIVE:
            self.live.appendPlainText(event.text.rstrip("\n"))

    def _warned(self, event: Warned) -> None:
        path = self._paths.get(event.job)
        if path is not None:
            self._state.show_message(f"{path.name}: {translated(event.message)}", "warning")

    def _saved(self, asset: Asset) -> None:
        path = self._paths.get(asset.job)
        if path is not None:
            self._assets[asset.id] = asset
            self._texts.pop(path, None)
            self.recordings.change(path, state="done", asset=asset.id, progress=None)
            self._show_current()

    def _ended(self, end: Ended) -> None:
        path = self._paths.get(end.job)
        recording = self.recordings.at(self.recordings.row_of(path)) if path else None
        if recording is not None and end.problem is not None:
            message = translated(end.problem.message)
            self.recordings.change(recording.path, state="failed", message=message, progress=None)
        elif recording is not None and recording.state in ("waiting", "running"):
            self.recordings.change(recording.path, state="cancelled", progress=None)
        self._show_current()
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        """Show the summary and reset once all jobs have ended."""
        if not all(watch.is_over for watch in self._watches):
            return
        count = sum(watch.ended_jobs for watch in self._watches)
        made = sum(watch.saved_count for watch in self._watches)
        self.run_bar.set_running(False)
        text = self.tr("{made} of {count} finished").format(made=made, count=count)
        self.run_bar.set_status(text if count else "")
        self._watches.clear()
        self._paths.clear()

    # ---- showing

    def _current_path(self) -> Path | None:
        recording = self.recordings.at(self.panel.view.currentIndex().row())
        return recording.path if recording is not None else None

    def _show_current(self) -> None:
        recording = self.recordings.at(self.panel.view.currentIndex().row())
        asset = self._assets.get(recording.asset) if recording is not None else None
        if recording is None or (asset is None and recording.state not in ("running", "waiting")):
            self.transcript.clear()
            self.result.setCurrentIndex(_EMPTY)
        elif asset is not None and recording.state == "done":
            if self.transcript.asset is not asset:
                self.transcript.show_asset(asset)
            self.result.setCurrentIndex(_RESULT)
        else:
            self.transcript.clear()
            self.live.setPlainText(self._texts.get(recording.path, "").rstrip("\n"))
            self.result.setCurrentIndex(_LIVE)

    def _send_text(self, text: str) -> None:
        self._state.destinations.send_text(prompted_kind(KIND.medium).task, text)

    def _show_empty_actions(self) -> None:
        actions: list[tuple[str, Callable[[], object]]] = [
            (self.tr("Add recordings…"), self.panel.choose_files)
        ]
        if self._state.models_known and not self._state.models(TASK):
            actions.insert(0, self._offers.action(TASK))
        self._empty.set_actions(actions)

    # ---- set-up

    def _left_column(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, GRID // 2, 0)
        column.setSpacing(GRID)
        column.addWidget(self.panel, 1)
        column.addWidget(self.controls)
        column.addWidget(self.run_bar)
        return left

    def _connect(self) -> None:
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.panel.added.connect(self._added)
        self.panel.removed.connect(self._removed)
        self.panel.settled.connect(self._settled)
        self.panel.view.selectionModel().currentChanged.connect(lambda *_: self._show_current())
        self.controls.changed.connect(self.values_to_settings)
        estimate = RequestEstimate(
            self._state, self.run_bar, lambda: self._requests(self._paths_to_run()), self
        )
        for changed in (
            self.controls.changed,
            self.recordings.rowsInserted,
            self.recordings.modelReset,
            self.recordings.dataChanged,
        ):
            changed.connect(estimate.update_soon)
        self._offers.changed.connect(self._show_empty_actions)
        self._state.models_changed.connect(self._show_empty_actions)
        self._state.reports.warned.connect(self._warned)
        self._state.closing.connect(self.transcript.finish)
        self._state.closing.connect(self.transcript.panel.playback.stop)
        self._model_wait = ModelWait(self._state, self.generate, self)

    def _added(self, found: list[Path]) -> None:
        if not self.panel.view.currentIndex().isValid() or not self._watches:
            self.panel.set_current(found[0])
        self.values_to_settings()

    def _settled(self) -> None:
        if self._is_waiting_for_inputs:
            self.generate()

    def _removed(self) -> None:
        self._show_current()
        self.values_to_settings()

    def _load_values(self) -> None:
        self.controls.set_values(self._values)
        paths = [Path(path) for path in self._values.inputs]
        self.panel.check(self.recordings.add([path for path in paths if is_file(path)]))

    def values_to_settings(self) -> None:
        """Store the values of the controls; they are written to the file soon."""
        self.controls.read_values(self._values)
        self._values.inputs = [
            str(each.path)
            for each in self.recordings.recordings()[:_KEPT_INPUTS]
            if each.state != "done"
        ]
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or a transcript with its recording."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, TranscribeRequest):
            return
        self._show_request(request)
        if not isinstance(source, Request):
            self._assets[source.id] = source
            self.recordings.change(Path(request.input.path), state="done", asset=source.id)
        self._show_current()
        self.values_to_settings()

    def _show_request(self, request: TranscribeRequest) -> None:
        path = Path(request.input.path)
        self.controls.model.set_model_id(request.model)
        self.controls.set_language(request.language)
        self.panel.check(self.recordings.add([path]))
        self.panel.set_current(path)

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = accepted_paths(event, dropped_paths)
        if paths:
            self.take(paths)
