"""The Video tab: videos and controls on the left, before and after on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.formats.untrusted_files import is_file
from studio.kinds.video import KIND, VideoRequest
from studio.protocol import Loading, Problem, Progress, Request
from studio.ui.gallery.shown_result_menu import ShownResultMenu
from studio.ui.media.video.video_panel import VideoPanel
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.video.input_card import InputCard
from studio.ui.workspaces.video.values import VideoValues
from studio.ui.workspaces.video.video_controls import VideoControls

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.records import Asset, Job

TASK = KIND.task
_PREVIEW_SECONDS = 1.0
_WIDTH = 43 * GRID


class VideoTab(QWidget):
    """Submits one request for each video; Stop cancels all that have not ended."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, VideoValues)
        self._watch: JobWatch | None = None
        self._shown: Asset | None = None
        self._results: dict[str, Asset] = {}
        self._menu = ShownResultMenu(state, self)
        self.setAcceptDrops(True)
        self.inputs = InputCard(state, self)
        self.controls = VideoControls(state, self)
        self.run_bar = RunBar(TASK, generate_text=self.tr("Make video"), stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.preview = dialog_button(
            self.tr("Preview one second"), "video.preview", self.make_preview, self, "play"
        )
        self.preview.setToolTip(
            self.tr("Makes one second from the place that is shown, to compare before you start.")
        )
        self._offers = model_offers_of(state)
        self._empty = EmptyState(
            KIND.icon,
            self.tr("Enlarge and smooth videos"),
            self.tr(
                "Drop videos on the left, choose a scale or a smoothing, and press Make video. "
                "Sound, subtitles and chapters are kept; the originals are never changed."
            ),
            parent=self,
        )
        self.panel = VideoPanel("video", state.background, self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.panel.menu_requested.connect(self._open_menu)
        self.result = QStackedWidget(self)
        self.result.setObjectName("video.result")
        self.result.setAccessibleName(self.tr("Result"))
        self.result.addWidget(self._empty)
        self.result.addWidget(self.panel)
        self.columns = Columns(self._left_column(), self.result, self, left_width=_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._load_values()
        self._connect()
        self._show_empty_actions()

    @property
    def _is_running(self) -> bool:
        return self._watch is not None and not self._watch.is_over

    # ---- running

    def generate(self) -> None:
        """Work on all videos of the list."""
        requests = self._requests()
        if not requests:
            self._state.show_message(self.tr("Add a video first."), "warning")
            return
        self._submit(requests)

    def make_preview(self) -> None:
        """Make one second of the chosen video, from the place that is shown."""
        path = self.inputs.current()
        if path is None or path not in self.inputs.paths():
            self._state.show_message(self.tr("Add a video first."), "warning")
            return
        request = self.controls.request(path)
        start = self.panel.seconds if self._shown is None else 0.0
        self._submit([request.with_values(start=round(start, 2), length=_PREVIEW_SECONDS)])

    def run(self, request: Request) -> None:
        """Show the settings of a request and submit it."""
        assert isinstance(request, VideoRequest)
        self.restore(request)
        self._submit([request])

    def show_job(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        self._follow(JobWatch(self._state, self, jobs=[job]))

    def stop(self) -> None:
        """Cancel every job that has not ended."""
        if self._watch is not None:
            self._watch.cancel()

    def take(self, paths: Sequence[Path]) -> None:
        """Add files, and the videos in folders."""
        self.inputs.add(paths)

    def focus_prompt(self) -> None:
        """Focus the list of videos."""
        self.inputs.list.setFocus()

    def _submit(self, requests: Sequence[VideoRequest]) -> None:
        message = next((text for each in requests for _, text in KIND.check(each)), None)
        if message is not None:
            self._state.show_message(translated(message), "warning")
            return
        self._follow(JobWatch(self._state, self, token=self._state.submit(list(requests))))
        self.run_bar.set_waiting()
        self.values_to_settings()

    def _follow(self, watch: JobWatch) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = watch
        watch.refused.connect(self._refused)
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.preview.connect(self._preview)
        watch.saved.connect(self._saved)
        watch.ended.connect(self._ended)
        self.run_bar.set_running(True)
        self.preview.setEnabled(False)

    def _refused(self, problem: Problem) -> None:
        self.run_bar.set_running(False)
        self.run_bar.set_status(translated(problem.message))
        self.preview.setEnabled(True)

    def _loading(self, event: Loading) -> None:
        self.run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self.run_bar.set_progress(event.step, event.steps, event.seconds_left)
        text = self.tr("Frame {step} of {steps}").format(step=event.step, steps=event.steps)
        if self._watch is not None and len(self._watch.jobs) > 1:
            video = self.tr("Video {number} of {all}").format(
                number=self._watch.ended_jobs + 1, all=len(self._watch.jobs)
            )
            text = f"{video}, {text}"
        if event.seconds_left is not None:
            left = duration_text(event.seconds_left)
            text = self.tr("{text}, {time} left").format(text=text, time=left)
        self.run_bar.set_status(text)

    def _preview(self, event: PreviewSaved) -> None:
        path = event.path

        def show(image: QImage) -> None:
            if self._is_running and not image.isNull():
                self.panel.set_playable(False)
                self.panel.comparison.set_before(QImage())
                self.panel.show_picture(image, QImage())
                self.result.setCurrentIndex(1)

        self._state.background.read(self, lambda: QImage(str(path)), show)

    def _saved(self, asset: Asset) -> None:
        request = asset.recipe.request
        if isinstance(request, VideoRequest):
            self._results[request.input.path] = asset
        self._show_asset(asset)

    def _ended(self, end: Ended) -> None:
        if self._watch is None or self._watch.is_over:
            self.run_bar.set_running(False)
            self.preview.setEnabled(True)
        if end.problem is not None:
            self.run_bar.set_status(translated(end.problem.message))
        elif end.status == "cancelled":
            self.run_bar.set_status(
                self.tr("Stopped. What is done is kept for two weeks, to go on from there.")
            )
        else:
            self.run_bar.set_status(self.tr("Finished"))

    # ---- showing

    def _show_asset(self, asset: Asset) -> None:
        request = asset.recipe.request
        before, offset = None, 0.0
        if isinstance(request, VideoRequest):
            path = Path(request.input.path)
            before, offset = (path if is_file(path) else None), request.start
        self._shown = asset
        self.panel.show_video(asset.path, asset.duration or 0.0, before, offset)
        width, height = asset.width or 0, asset.height or 0
        self.panel.caption.set_text(
            self.tr("{name}, {width} × {height} px").format(
                name=asset.path.name, width=width, height=height
            )
        )
        self.result.setCurrentIndex(1)

    def _show_current(self) -> None:
        """Show the chosen video, with its result if there is one."""
        path = self.inputs.current()
        if self._is_running:
            return
        if path is None:
            self.panel.stop()
            self._shown = None
            self.result.setCurrentIndex(0)
        elif str(path) in self._results:
            self._show_asset(self._results[str(path)])
        else:
            self._show_input(path)

    def _show_input(self, path: Path) -> None:
        from studio.formats.videos.probe import video_facts

        def show(seconds: float) -> None:
            if self.inputs.current() == path and not self._is_running:
                self._shown = None
                self.panel.show_video(path, seconds)
                self.panel.caption.set_text(path.name)
                self.result.setCurrentIndex(1)

        self._state.background.read(
            self, lambda: video_facts(path).seconds, show, lambda _problem: None
        )

    def _open_menu(self, at: QPoint) -> None:
        if self._shown is not None:
            self._menu.open(self._shown.id, at)

    def _show_empty_actions(self) -> None:
        actions: list[tuple[str, Callable[[], object]]] = [
            (self.tr("Add videos…"), self.inputs.choose)
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
        controls = ScrollColumn(left)
        controls.add(self.controls)
        column.addWidget(self.inputs, 1)
        column.addWidget(controls)
        column.addWidget(self.preview)
        column.addWidget(self.run_bar)
        return left

    def _connect(self) -> None:
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        estimate = RequestEstimate(self._state, self.run_bar, self._requests, self)
        self.controls.changed.connect(estimate.update_soon)
        self.inputs.changed.connect(estimate.update_soon)
        self.controls.changed.connect(self.values_to_settings)
        self.inputs.changed.connect(self.values_to_settings)
        self.inputs.current_changed.connect(self._show_current)
        self._offers.changed.connect(self._show_empty_actions)
        self._state.models_changed.connect(self._show_empty_actions)
        self._state.closing.connect(self.panel.stop)

    def _requests(self) -> list[VideoRequest]:
        return [self.controls.request(path) for path in self.inputs.paths()]

    def _load_values(self) -> None:
        self.controls.set_values(self._values)

    def slices(self) -> Iterator[Callable[[], object]]:
        """Yield the listing of the stored videos, for after the first paint."""
        paths = [Path(path) for path in self._values.inputs]
        yield lambda: self.inputs.add_again(paths)

    def values_to_settings(self) -> None:
        """Store the values of the controls; they are written to the file soon."""
        self.controls.read_values(self._values)
        self._values.inputs = [str(path) for path in self.inputs.paths()]
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or those in an asset's recipe."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, VideoRequest):
            return
        self.controls.show_request(request)
        path = Path(request.input.path)
        if is_file(path):
            self.inputs.add([path])
        if not isinstance(source, Request):
            self._results[request.input.path] = source
            self._show_asset(source)
        self.values_to_settings()

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = accepted_paths(event, dropped_paths)
        if paths:
            self.take(paths)
