"""The Image tab: prompt and settings in a panel, the pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.kinds.image import KIND, ImageRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile, Request
from studio.ui.gallery.outgoing_files import outgoing_results
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.model_wait import ModelWait
from studio.ui.shell.reports import ModelDescribed
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.open_path import open_path
from studio.ui.workspaces.image.adapter_choice import AdapterChoice
from studio.ui.workspaces.image.image_panel import WIDTH, ImagePanel
from studio.ui.workspaces.image.mask_editing import MaskEditing
from studio.ui.workspaces.image.result_library import ResultLibrary
from studio.ui.workspaces.image.result_panel import ResultPanel
from studio.ui.workspaces.image.settings_from_file import SettingsFromFile
from studio.ui.workspaces.image.shown_job import ShownJob
from studio.ui.workspaces.image.values import (
    ImageValues,
    show_request,
    show_values,
    store_values,
)

if TYPE_CHECKING:
    from studio.library.records import Asset, Job
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values

TASK = KIND.task

_UPSCALE_FACTOR: Literal[4] = 4
"""Scale of the button "Enlarge ×4"."""


class ImageTab(QWidget):
    """Submits one request for all variations, and shows the job submitted last."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, ImageValues)
        self._described_model = ""
        self._start_picture_sent = False
        self.setAcceptDrops(True)
        self._panel = ImagePanel(state, self)
        self.model, self.prompt = self._panel.model, self._panel.prompt
        self.controls, self.run_bar = self._panel.controls, self._panel.run_bar
        self.chips = self._panel.chips
        self._adapters = AdapterChoice(state, self.controls.adapters, self.model, self.prompt)
        self._settings_from_file = SettingsFromFile(state, self, self._adapters, self)
        self._mask_editing = MaskEditing(state, self.controls.start_picture)
        self._empty = EmptyState("image", "", "", parent=self)
        self._offers = model_offers_of(state)
        self._offers.changed.connect(self._show_empty_state)
        self.result = ResultPanel(self._empty, self)
        self.result.model.outgoing = partial(outgoing_results, state)
        self.result.setObjectName("image.result")
        self.result.setAccessibleName(self.tr("Result"))
        self._result_library = ResultLibrary(state, self.result)
        self._job = ShownJob(state, self.run_bar, self.result, self)
        self.columns = Columns(self._panel, self.result, self, left_width=WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._show_values(self._values)
        self._show_empty_state()
        self._connect()

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.generate)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.result.enlarge_requested.connect(self._enlarge)
        self.result.start_from_requested.connect(self.start_from)
        self.result.folder_requested.connect(self._open_folder)
        self.result.recipe_toggled.connect(lambda _: self.values_to_settings())
        self._result_library.seed_chosen.connect(self.controls.seed.set_value)
        self._job.begun.connect(self.controls.seed.set_last)
        self.model.changed.connect(self._describe_model)
        for changed in (
            self.prompt.textChanged,
            self.controls.changed,
            self.model.changed,
            self.run_bar.count_changed,
        ):
            changed.connect(self.values_to_settings)
        estimate = RequestEstimate(self._state, self.run_bar, lambda: [self.request()], self)
        for changed in (self.controls.changed, self.model.changed, self.run_bar.count_changed):
            changed.connect(estimate.update_soon)
        self._state.reports.model_described.connect(estimate.update_soon)
        self._state.reports.model_described.connect(self._model_described)
        self._state.closing.connect(self.close_down)
        self._state.models_changed.connect(self._show_empty_state)
        self._model_wait = ModelWait(self._state, self.generate, self)

    # ---- running

    def request(self) -> ImageRequest:
        """Return the request for the current values, without what the model does not support."""
        return self._panel.request()

    def generate(self) -> None:
        """Submit the request, or show why it cannot be submitted."""
        if self._model_wait.is_needed():
            return
        if not self._state.models(TASK):
            self._state.show_message(
                self.tr("There is no image model yet. Add one first."),
                "warning",
                *self._offers.action(TASK),
            )
            return
        request = self.request()
        self.values_to_settings()
        labels = self._settings_from_file.labels_for(request)
        self._job.follow_submitted(self._state.submit([request], labels=[labels]))

    def show_job(self, job: Job) -> None:
        """Show a job that was submitted elsewhere as if this tab had submitted it."""
        self._job.show(job)

    def stop(self) -> None:
        """Cancel the shown job, or the one that was just submitted."""
        self._model_wait.cancel()
        self._job.cancel()

    def take(self, paths: Sequence[Path]) -> None:
        """Use the first of the files as the start picture."""
        self.start_from(str(paths[0]))

    def start_from(self, path: str) -> None:
        """Set the start picture; warn if the model does not support one."""
        self.controls.start_picture.set_path(path)
        self._start_picture_sent = True
        self._check_start_picture()

    def _enlarge(self, path: str) -> None:
        # What is drawn on plain white, which can be made transparent, is no photograph.
        drawing = self.controls.is_known and self.controls.supports("transparent")
        enlarged = UpscaleRequest(input=InputFile(path), scale=_UPSCALE_FACTOR, drawing=drawing)
        self._state.destinations.run(enlarged)

    def focus_prompt(self) -> None:
        """Focus the prompt."""
        self.prompt.setFocus()

    # ---- model

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._describe_model()

    def _describe_model(self) -> None:
        """Query the capabilities of the chosen model if the tab is visible."""
        ref = self.model.ref()
        if ref is None or not self.isVisible() or ref.id == self._described_model:
            return
        self._described_model = ref.id
        self.controls.apply_capabilities(None)
        self._state.worker.describe(ref)

    def _model_described(self, report: ModelDescribed) -> None:
        if report.model != self._described_model:
            return
        if report.capabilities is None:
            self._described_model = ""
            if report.problem is not None:
                self._state.problem.emit(report.problem)
        else:
            self.controls.apply_capabilities(report.capabilities)
            self._check_start_picture()

    def _check_start_picture(self) -> None:
        """Warn if the model does not support the new start picture, once that is known."""
        if not self.controls.is_known:
            return
        supported = self.controls.supports("image")
        self.result.set_start_supported(supported)
        if self._start_picture_sent and not supported:
            ref = self.model.ref()
            self._state.show_message(
                self.tr(
                    "{model} does not support a start picture. Choose or add an image model that "
                    "does."
                ).format(model=ref.name if ref is not None else ""),
                "warning",
                self.tr("Add a model…"),
                lambda: self._state.destinations.open_models(TASK),
            )
        self._start_picture_sent = False

    def _show_empty_state(self) -> None:
        if self._state.models_known and not self._state.models(TASK):
            self._empty.set_text(
                self.tr("No image model yet"),
                self.tr(
                    "Get one that suits this computer, or add a diffusers folder or a single "
                    ".safetensors checkpoint. It is used in place and never uploaded."
                ),
            )
            self._empty.set_actions(
                [
                    self._offers.action(TASK),
                    (self.tr("Add a model…"), lambda: self._state.destinations.open_models(TASK)),
                ]
            )
        else:
            self._empty.set_text(
                self.tr("Your pictures appear here"),
                self.tr(
                    "Write a prompt and press Generate. Every picture is kept in the library "
                    "with the recipe that made it."
                ),
            )
            self._empty.set_actions([])
        self._describe_model()

    # ---- settings

    def values_to_settings(self) -> None:
        """Store the values of the controls; they are written to the file soon."""
        store_values(self, self._values)
        self._values.recipe_open = self.result.recipe_wanted
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or those in an asset's recipe."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, ImageRequest):
            return
        self.values_to_settings()
        before = copy(self._values)
        show_request(self, request)
        if not isinstance(source, Request):
            self.controls.seed.set_value(source.recipe.seed)
            if not self._job.is_running and not self.result.show_asset(source.id):
                self.result.begin(source.recipe.seed, 1)
                self.result.update_row(0, "done", str(source.path), asset=source.id)
        self._describe_model()
        self.values_to_settings()
        if self._values != before:
            self._state.show_message(
                self.tr("The settings were taken over, with the prompt and the seed."),
                "info",
                self.tr("Undo"),
                lambda: self._show_again(before),
            )

    def _show_values(self, values: ImageValues) -> None:
        show_values(self, values)
        self.result.set_recipe_wanted(values.recipe_open)

    def _show_again(self, values: ImageValues) -> None:
        self._show_values(values)
        self._describe_model()
        self.values_to_settings()

    def close_down(self) -> None:
        """Stop loading pictures before the window closes."""
        self.controls.stop()
        self.result.stop()

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event)

    def dropEvent(self, event: QDropEvent) -> None:
        for path in accepted_paths(event)[:1]:
            self.open_settings(path)

    def open_settings(self, path: Path) -> None:
        """Restore the settings embedded in a picture; without any, make it the start picture."""
        self._settings_from_file.open(path)

    def _open_folder(self, path: str) -> None:
        open_path(Path(path).parent, self._state.show_message)
