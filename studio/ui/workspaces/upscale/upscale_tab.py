"""The Upscale tab: pictures and controls on the left, before and after on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QVBoxLayout,
    QWidget,
)

from studio.formats.untrusted_files import is_file, is_folder, user_path
from studio.kinds.upscale import KIND, UpscaleRequest
from studio.protocol import Loading, Problem, Progress, Request, Warned
from studio.ui.gallery.shown_result_menu import ShownResultMenu
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.model_wait import ModelWait
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.run_bar import RunBar
from studio.ui.workspaces.upscale.compare_panel import ComparePanel
from studio.ui.workspaces.upscale.input_list import Input
from studio.ui.workspaces.upscale.input_panel import InputPanel
from studio.ui.workspaces.upscale.running_jobs import RunningJobs
from studio.ui.workspaces.upscale.upscale_controls import UpscaleControls
from studio.ui.workspaces.upscale.values import UpscaleValues

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.records import Asset
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values

TASK = KIND.task

WIDTH = 43 * GRID
"""Of the panel, as in the tabs of other kinds."""


class UpscaleTab(QWidget):
    """Submits one request per picture; Stop cancels all that have not ended."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, UpscaleValues)
        self._running = RunningJobs()
        self._assets: dict[str, str] = {}
        self._menu = ShownResultMenu(state, self)
        self._is_waiting_for_inputs = False
        self.setAcceptDrops(True)
        self.controls = UpscaleControls(state, self)
        self.model, self.scale = self.controls.model, self.controls.scale
        self.drawing, self.output = self.controls.drawing, self.controls.output
        self.panel = InputPanel(state, self)
        self.inputs, self.view = self.panel.inputs, self.panel.view
        self.run_bar = RunBar(TASK, generate_text=self.tr("Enlarge"), stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.run_bar.extra.addWidget(self.model.notices)
        self._empty = EmptyState(
            "image-upscale",
            self.tr("Enlarge pictures"),
            self.tr(
                "Drop photographs or folders on the left and press Enlarge. The originals are "
                "never changed; colour profile, EXIF and transparency are kept."
            ),
            parent=self,
        )
        self._offers = model_offers_of(state)
        self._offers.changed.connect(self._show_empty_actions)
        state.models_changed.connect(self._show_empty_actions)
        self._show_empty_actions()
        self.result = ComparePanel(self._empty, self)
        self.result.setObjectName("upscale.result")
        self.result.setAccessibleName(self.tr("Result"))
        self.columns = Columns(self._make_left_column(), self.result, self, left_width=WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._load_values()
        self._connect()

    def _show_empty_actions(self) -> None:
        actions: list[tuple[str, Callable[[], object]]] = [
            (self.tr("Add pictures…"), self.panel.choose_files)
        ]
        if self._state.models_known and not self._state.models(TASK):
            actions.insert(0, self._offers.action(TASK))
        self._empty.set_actions(actions)

    def _make_left_column(self) -> QWidget:
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
        self.panel.settled.connect(self._inputs_settled)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._show_current())
        self.inputs.dataChanged.connect(lambda *_: self._show_current())
        self.result.folder_requested.connect(self._open_folder)
        self.result.menu_requested.connect(self._open_menu)
        self.controls.changed.connect(self.values_to_settings)
        estimate = RequestEstimate(
            self._state, self.run_bar, lambda: self._requests(self._inputs_to_run()), self
        )
        for changed in (
            self.controls.changed,
            self.inputs.rowsInserted,
            self.inputs.rowsRemoved,
            self.inputs.dataChanged,
        ):
            changed.connect(estimate.update_soon)
        # Always connected, as `Notices` leaves out warnings that were shown here with a file name.
        self._state.reports.warned.connect(self._warned)
        self._state.closing.connect(self.close_down)
        self._model_wait = ModelWait(self._state, self.generate, self)

    def slices(self) -> Iterator[Callable[[], object]]:
        """Yield the check of the restored pictures, for after the first paint."""
        yield lambda: self.panel.check([item.path for item in self.inputs.inputs()])

    # ---- the list

    def take(self, paths: Sequence[Path]) -> None:
        """Add files, and the pictures in folders."""
        self.panel.add(paths)

    def _added(self, found: list[Path]) -> None:
        if not self.view.currentIndex().isValid() or self._running.is_empty:
            self.panel.set_current(found[0])
        self.values_to_settings()

    def _removed(self) -> None:
        if not self.inputs.rowCount():
            self.result.clear()
        self.values_to_settings()

    # ---- running

    def generate(self) -> None:
        """Upscale the pictures that are not done yet, or all of them again if all are done."""
        self._is_waiting_for_inputs = self.panel.is_adding
        if self._model_wait.is_needed() or self._is_waiting_for_inputs:
            return
        if not self.controls.has_what_it_needs:
            self._state.show_message(
                self.tr("There is no upscaler yet. Install the starter models, or add your own."),
                "warning",
                *self._offers.action(TASK),
            )
            return
        inputs = self._inputs_to_run()
        if not inputs:
            if self._running.is_empty:
                self._state.show_message(
                    self.tr("None of the files on the list is a readable picture.")
                    if self.inputs.rowCount()
                    else self.tr("Add a picture first."),
                    "warning",
                )
            return
        requests = self._requests(inputs)
        output = self.output.text().strip()
        if output and not is_folder(user_path(output)):
            self._state.show_message(
                self.tr("The output folder {path} does not exist.").format(path=output), "error"
            )
            return
        paths = [item.path for item in inputs]
        for path in paths:
            self.inputs.set_state(path, "waiting")
        was_running = not self._running.is_empty
        self._follow(self._state.submit(requests, output), paths)
        self.run_bar.set_running(True)
        if not was_running:
            self.run_bar.set_waiting()
        self.values_to_settings()

    def _inputs_settled(self) -> None:
        if self._is_waiting_for_inputs:
            self.generate()

    def _inputs_to_run(self) -> list[Input]:
        busy = ("waiting", "running", "unreadable")
        idle = [item for item in self.inputs.inputs() if item.state not in busy]
        return [item for item in idle if item.state != "done"] or idle

    def _requests(self, inputs: Sequence[Input]) -> list[UpscaleRequest]:
        return [self.controls.request(item.path) for item in inputs]

    def run(self, request: Request) -> None:
        """Add the picture of a request and upscale it at once."""
        assert isinstance(request, UpscaleRequest)
        path = Path(request.input.path)
        self.inputs.add([path])
        self.panel.set_current(path)
        self.controls.show_request(request)
        self.generate()

    def stop(self) -> None:
        """Cancel every picture that is not finished."""
        self._model_wait.cancel()
        self._is_waiting_for_inputs = False
        self._running.cancel()

    def focus_prompt(self) -> None:
        """Focus the list of pictures."""
        self.view.setFocus()

    # ---- events

    def _follow(self, token: str, paths: list[Path]) -> None:
        watch = JobWatch(self._state, self, token=token)
        self._running.add_submission(watch, paths)
        watch.enqueued.connect(lambda jobs: self._running.add_jobs(watch, jobs))
        watch.refused.connect(lambda problem: self._refused(watch, problem))
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.preview.connect(self._preview)
        watch.saved.connect(self._saved)
        watch.ended.connect(self._ended)

    def _refused(self, watch: JobWatch, problem: Problem) -> None:
        for path in self._running.remove_submission(watch):
            self.inputs.set_state(path, "failed", message=translated(problem.message))
        self._finish_if_over()

    def _loading(self, event: Loading) -> None:
        self.inputs.set_state(self._running.path(event.job), "running")
        self.run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        path = self._running.path(event.job)
        item = self.inputs.at(self.inputs.row_of(path))
        if item is not None and item.state == "waiting":
            self.inputs.set_state(path, "running")
        self.run_bar.set_progress(event.step, event.steps, event.seconds_left)
        text = self.tr("Tile {step} of {steps}").format(step=event.step, steps=event.steps)
        if self._running.count > 1:
            picture = self.tr("Picture {number} of {all}").format(
                number=self._running.ended + 1, all=self._running.count
            )
            text = f"{picture}, {text}"
        self.run_bar.set_status(text)
        if event.seconds_left is not None:
            self.run_bar.count_down(event.seconds_left)

    def _preview(self, event: PreviewSaved) -> None:
        self.result.show_preview(str(self._running.path(event.job)), str(event.path))

    def _warned(self, event: Warned) -> None:
        if event.job in self._running:
            name = self._running.path(event.job).name
            self._state.show_message(f"{name}: {translated(event.message)}", "warning")

    def _saved(self, asset: Asset) -> None:
        self._set_result(self._running.path(asset.job), asset)

    def _ended(self, end: Ended) -> None:
        path = self._running.path(end.job)
        item = self.inputs.at(self.inputs.row_of(path))
        if end.problem is not None:
            self.inputs.set_state(path, "failed", message=translated(end.problem.message))
        elif item is not None and item.state in ("waiting", "running"):
            self.inputs.set_state(path, "cancelled")
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        """Show the summary and reset once all jobs have ended."""
        if not self._running.is_over:
            return
        paths = self._running.paths()
        done = sum(item.state == "done" and item.path in paths for item in self.inputs.inputs())
        text = self.tr("{made} of {count} finished").format(made=done, count=self._running.count)
        self.run_bar.set_running(False)
        self.run_bar.set_status(text if paths else "")
        self._running.clear()

    def _show_current(self) -> None:
        item = self.inputs.at(self.view.currentIndex().row())
        if item is not None:
            self.result.show_picture(str(item.path), item.output)

    # ---- settings

    def _load_values(self) -> None:
        values = self._values
        self.controls.show_values(values)
        self.inputs.add([Path(path) for path in values.inputs if is_file(Path(path))])
        if self.inputs.rowCount():
            self.view.setCurrentIndex(self.inputs.index(0))
            self._show_current()

    def values_to_settings(self) -> None:
        """Store the values of the controls; they are written to the file soon."""
        values = self._values
        self.controls.store_values(values)
        values.inputs = [
            str(item.path) for item in self.inputs.inputs()[:500] if item.state != "done"
        ]
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or those in an asset's recipe."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, UpscaleRequest):
            return
        path = Path(request.input.path)
        self.controls.show_request(request)
        self.inputs.add([path])
        if not isinstance(source, Request):
            self._set_result(path, source)
        self.panel.set_current(path)
        self.values_to_settings()

    def close_down(self) -> None:
        """Stop loading pictures before the window closes."""
        self.inputs.stop()
        self.result.stop()

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = accepted_paths(event, dropped_paths)
        if paths:
            self.take(paths)

    def _set_result(self, path: Path, asset: Asset) -> None:
        self._assets[str(asset.path)] = asset.id
        self.inputs.set_state(path, "done", str(asset.path))

    def _open_menu(self, path: str, at: QPoint) -> None:
        if path in self._assets:
            self._menu.open(self._assets[path], at)

    def _open_folder(self, path: str) -> None:
        if path:
            open_path(Path(path).parent, self._state.show_message)
