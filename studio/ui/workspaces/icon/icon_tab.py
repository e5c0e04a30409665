"""The Icons tab: prompt and controls on the left, a grid of icons on the right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.formats.icons.drawing import Drawing
from studio.kinds.icon import KIND, IconRequest
from studio.protocol import Request, RowFailed
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.followed_job import FollowedJob
from studio.ui.shell.job_watch import JobWatch
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
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.icon.icon_actions import IconActions
from studio.ui.workspaces.icon.icon_controls import IconControls
from studio.ui.workspaces.icon.icon_files import IconFile
from studio.ui.workspaces.icon.icon_grid import IconGrid, IconModel
from studio.ui.workspaces.icon.values import IconValues

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.records import Asset, Job

TASK = KIND.task

_WIDTH = 43 * GRID
_LINES = (3, 8)
"""Least and most lines of the prompt."""
_SENT = (
    *("corners", "weight", "family", "temperature", "guidance_scale", "seed", "begin", "model"),
    *("stroke_width", "colour"),
)
"""The fields of a request that the controls hold."""


class IconTab(QWidget):
    """Submits one request for all variations, and shows the job submitted last."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, IconValues)
        self._reading = 0
        self.setAcceptDrops(True)
        self.prompt = PromptEdit(
            self.tr("One thing or two, in English or Chinese"), "icon.prompt", self
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.grow(*_LINES)
        # Files that are dropped there too are for the tab.
        self.prompt.setAcceptDrops(False)
        self.controls = IconControls(state, self)
        self.run_bar = RunBar(TASK, KIND.fields["count"], stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.job = FollowedJob(state, self.run_bar, lambda _: self.tr("Drawing"), self)
        self.job.watched.connect(self._follow)
        self._offers = model_offers_of(state)
        self._empty = EmptyState(KIND.icon, "", "", parent=self)
        self.icons = IconModel(self)
        self.grid = IconGrid(self.icons, self.controls.look.chosen, self)
        self.actions_bar = IconActions(
            state, self._chosen_files, lambda: self.controls.look.size_in_pixels, self
        )
        self.result = QStackedWidget(self)
        self.result.setObjectName("icon.result")
        self.result.setAccessibleName(self.tr("Result"))
        self.result.addWidget(self._empty)
        self.result.addWidget(self._shown_part())
        self.columns = Columns(self._left_column(), self.result, self, left_width=_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._load_values()
        self._connect()
        self._show_empty_state()
        self._show_actions()

    # ---- running

    def request(self) -> IconRequest:
        """Return the request that the controls describe."""
        values = IconValues()
        self.controls.read_values(values)
        fields = {name: getattr(values, name) for name in _SENT}
        return IconRequest(
            prompt=self.prompt.text().strip(), **fields, count=self.run_bar.count.value()
        )

    def generate(self) -> None:
        """Draw icons; an empty prompt draws anything."""
        if self._model_wait.is_needed():
            return
        if not self._state.models(TASK):
            self._state.show_message(tr(KIND.no_model), "warning", *self._offers.action(TASK))
            return
        self._submit(self.request())

    def run(self, request: Request) -> None:
        """Show the settings of a request and submit it."""
        assert isinstance(request, IconRequest)
        self.restore(request)
        self._submit(request)

    def show_job(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        self.job.show(job)
        self._begin([job])

    def stop(self) -> None:
        """Cancel the job."""
        self._model_wait.cancel()
        self.job.cancel()

    def focus_prompt(self) -> None:
        """Focus the prompt."""
        self.prompt.setFocus()

    def _submit(self, request: IconRequest) -> None:
        message = next((text for _, text in KIND.check(request)), None)
        if message is not None:
            self._state.show_message(translated(message), "warning")
            return
        self.job.submit([request])
        self.values_to_settings()

    def _follow(self, watch: JobWatch) -> None:
        watch.enqueued.connect(self._begin)
        watch.preview.connect(self._preview)
        watch.saved.connect(self._saved)
        watch.row_failed.connect(self._row_failed)
        watch.ended.connect(lambda _: self._mark_what_was_not_made())

    def _begin(self, jobs: object) -> None:
        """Show as many waiting icons as the job will draw."""
        assert isinstance(jobs, list | tuple)
        request = jobs[0].request
        self.icons.begin(request.seed or 0, request.count)
        self.controls.seed.set_last(request.seed)
        self.result.setCurrentIndex(1)

    def _preview(self, event: PreviewSaved) -> None:
        path, row, watch = event.path, event.row, self.job.watch

        def show(picture: QImage) -> None:
            if watch is self.job.watch and not picture.isNull():
                self.icons.show_begun(row, picture)

        self._state.background.read(self, lambda: QImage(str(path)), show)

    def _saved(self, asset: Asset) -> None:
        self._read(asset, asset.row)

    def _row_failed(self, event: RowFailed) -> None:
        self.icons.fail(event.row, translated(event.problem.message))

    # ---- showing

    def _read(self, asset: Asset, row: int) -> None:
        """Show the drawing in the file of a result, which is read on another thread."""
        watch = self.job.watch

        def read() -> tuple[Drawing, str] | None:
            from studio.library.recipes.drawings import drawing_in

            return drawing_in(asset.path)

        def show(found: tuple[Drawing, str] | None) -> None:
            if found is None:
                end(self.tr("There is no drawing in its file."))
                return
            if watch is self.job.watch:
                self.icons.finish(row, *found, asset.id, asset.path.stem)
            end()

        def end(message: str = "") -> None:
            self._reading -= 1
            if watch is self.job.watch:
                if message:
                    self.icons.fail(row, message)
                self._mark_what_was_not_made()
                self._show_actions()

        self._reading += 1
        self._state.background.read(
            self, read, show, lambda problem: end(translated(problem.message))
        )

    def _mark_what_was_not_made(self) -> None:
        """When the job has ended and every result of it has been read."""
        if not self._reading and (self.job.watch is None or self.job.watch.is_over):
            self.icons.end()

    def _chosen_files(self) -> Callable[[], list[IconFile]]:
        """Return what makes the selected icons in their look, for another thread."""
        look, results = self.controls.look.chosen(), self.grid.selected()
        library = self._state.library

        def make() -> list[IconFile]:
            ids = [each.asset for each in results]
            states = library.assets.review_states(ids) if library is not None else {}
            return [
                IconFile(
                    each.name,
                    look.apply(each.drawing),
                    each.recipe,
                    states.get(each.asset, ""),
                )
                for each in results
                if each.drawing is not None
            ]

        return make

    def more_like_this(self) -> None:
        """Draw on from the first half of the strokes of the selected icon."""
        chosen = self.grid.selected()
        icon = chosen[0].drawing.icon if chosen and chosen[0].drawing is not None else None
        if not icon:
            return
        from studio.formats.icons.drawing import path_data

        self.controls.set_begin(path_data(icon[: max(1, len(icon) // 2)]))
        self.controls.seed.set_value(None)
        self.generate()

    def _show_actions(self) -> None:
        rows = {index.row() for index in self.grid.selectionModel().selectedIndexes()}
        finished = self.icons.finished()
        self.actions_bar.show_state(len(finished), sum(each.row in rows for each in finished))

    def _show_empty_state(self) -> None:
        if self._state.models_known and not self._state.models(TASK):
            self._empty.set_text(self.tr("No icon model yet"), tr(KIND.no_model))
            self._empty.set_actions(
                [
                    (self.tr("Add a model…"), lambda: self._state.destinations.open_models(TASK)),
                ]
            )
            return
        examples = (self.tr("house"), self.tr("calendar heart"), self.tr("cloud download"))
        actions: list[tuple[str, Callable[[], object]]] = [
            (text, partial(self._try, text)) for text in examples
        ]
        self._empty.set_text(
            self.tr("Icons from a few words"),
            self.tr(
                "Name a thing, or two together. Each variation is a new drawing in strokes, which "
                "stays sharp in every size; width, colour and padding can be changed afterwards."
            ),
        )
        self._empty.set_actions(actions)

    def _try(self, prompt: str) -> None:
        self.prompt.set_text(prompt)
        self.focus_prompt()

    # ---- set-up

    def _left_column(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, GRID // 2, 0)
        column.setSpacing(GRID)
        controls = ScrollColumn(left, fills=True)
        controls.add(self.prompt)
        controls.add(self.controls)
        column.addWidget(controls, 1)
        column.addWidget(self.controls.model.notices)
        column.addWidget(self.run_bar)
        return left

    def _shown_part(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(GRID, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.actions_bar)
        column.addWidget(self.grid, 1)
        return part

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.generate)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        estimate = RequestEstimate(self._state, self.run_bar, lambda: [self.request()], self)
        for changed in (
            self.prompt.textChanged,
            self.run_bar.count_changed,
            self.controls.changed,
        ):
            changed.connect(self.values_to_settings)
            changed.connect(estimate.update_soon)
        self.controls.look_changed.connect(self.grid.show_look)
        self.grid.selection_changed.connect(self._show_actions)
        self.grid.menu_requested.connect(self.actions_bar.open_menu)
        self.actions_bar.more_like_requested.connect(self.more_like_this)
        self._offers.changed.connect(self._show_empty_state)
        self._state.models_changed.connect(self._show_empty_state)
        self._model_wait = ModelWait(self._state, self.generate, self)

    def _load_values(self) -> None:
        self.prompt.set_text(self._values.prompt)
        self.run_bar.count.setValue(self._values.count)
        self.controls.set_values(self._values)

    def values_to_settings(self) -> None:
        """Store the values of the controls; they are written to the file soon."""
        self.controls.read_values(self._values)
        self._values.prompt = self.prompt.text()
        self._values.count = self.run_bar.count.value()
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or those in an asset's recipe."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, IconRequest):
            return
        values = IconValues()
        self.controls.read_values(values)
        for name in _SENT:
            setattr(values, name, getattr(request, name))
        self.prompt.set_text(request.prompt)
        self.run_bar.count.setValue(request.count)
        self.controls.set_values(values)
        if not isinstance(source, Request):
            self.controls.seed.set_value(source.recipe.seed)
            if self.job.watch is None or self.job.watch.is_over:
                self.icons.begin(source.recipe.seed, 1)
                self.result.setCurrentIndex(1)
                self._read(source, 0)
        self.grid.show_look()
        self.values_to_settings()

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        for path in accepted_paths(event, dropped_paths)[:1]:
            self.open_settings(path)

    def open_settings(self, path: Path) -> None:
        """Restore the settings in an icon's file; any other file is refused and not opened."""

        def read() -> Request:
            from studio.library.recipes.drawings import request_in

            return request_in(path)

        def show(request: Request) -> None:
            if not isinstance(request, IconRequest):
                text = self.tr("There is no icon with its recipe in {name}.")
                self._state.show_message(text.format(name=path.name), "warning")
                return
            self.restore(request)
            self._state.show_message(
                self.tr("The settings of {name} were restored.").format(name=path.name), "info"
            )

        self._state.background.read(self, read, show, self._state.problem.emit)
