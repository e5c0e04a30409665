"""The Image tab: prompt and controls on the left, the pictures on the right."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from studio.kinds.image import KIND, ImageRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile, Loading, Problem, Progress, Request, RowFailed
from studio.ui.fields.language_hint import LanguageHint
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import optional_int
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.value_chips import ValueChips, value_texts
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.reports import ModelDescribed
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.image.adapter_choice import AdapterChoice
from studio.ui.workspaces.image.domain_hint import DomainHint
from studio.ui.workspaces.image.image_controls import ImageControls
from studio.ui.workspaces.image.mask_editing import MaskEditing
from studio.ui.workspaces.image.result_library import ResultLibrary
from studio.ui.workspaces.image.result_panel import ResultPanel
from studio.ui.workspaces.image.settings_from_file import SettingsFromFile
from studio.ui.workspaces.image.values import (
    ImageValues,
    show_request,
    show_values,
    store_values,
)

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
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
        self._submitted: JobWatch | None = None
        self._watch: JobWatch | None = None
        self._count = 0
        self._described_model = ""
        self._start_picture_sent = False
        self.setAcceptDrops(True)
        self.model = ModelPicker(state, TASK, self)
        self.prompt = PromptEdit(
            self.tr("Describe the picture: subject, style, lighting"), "image.prompt"
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.set_minimum_lines(4)
        self.controls = ImageControls(self)
        self._adapters = AdapterChoice(state, self.controls.adapters, self.model, self.prompt)
        self._settings_from_file = SettingsFromFile(state, self, self._adapters, self)
        self._mask_editing = MaskEditing(state, self.controls.start_picture)
        self.run_bar = RunBar(TASK, KIND.fields["count"], parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.chips = ValueChips("image.values")
        self.run_bar.extra.addWidget(self.chips)
        self._empty = EmptyState("image", "", "", parent=self)
        self._offers = model_offers_of(state)
        self._offers.changed.connect(self._show_empty_state)
        self.result = ResultPanel(self._empty, self)
        self.result.setObjectName("image.result")
        self.result.setAccessibleName(self.tr("Result"))
        self._result_library = ResultLibrary(state, self.result)
        self.columns = Columns(self._make_left_column(), self.result, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        show_values(self, self._values)
        self._show_empty_state()
        self._connect()

    def _make_left_column(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.prompt, 1)
        domain = DomainHint(self._state, self.prompt, self.model, inside)
        language = LanguageHint(self._state, TASK, self.model, self.prompt, inside)
        for part in (domain, self.controls.negative, self.model, language, self.controls):
            column.addWidget(part)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidget(inside)
        left = QWidget()
        outer = QVBoxLayout(left)
        outer.setContentsMargins(0, 0, GRID // 2, 0)
        outer.setSpacing(GRID)
        outer.addWidget(area, 1)
        outer.addWidget(self.run_bar)
        return left

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.generate)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.result.enlarge_requested.connect(self._enlarge)
        self.result.start_from_requested.connect(self.start_from)
        self.result.folder_requested.connect(self._open_folder)
        self.model.changed.connect(self._describe_model)
        self.chips.removed.connect(self.controls.reset)
        for changed in (self.controls.changed, self.model.changed):
            changed.connect(self._show_set_values)
        self._show_set_values()
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

    def _show_set_values(self) -> None:
        """Show what the next job uses of the controls that are folded away."""
        folded = {
            name: text
            for name, text in value_texts(self.request()).items()
            if name in self.controls.folded
        }
        self.controls.more.set_badge(len(folded))
        self.chips.show_values({} if self.controls.more.is_open() else folded)

    # ---- running

    def request(self) -> ImageRequest:
        """Return the request for the current values, without what the model does not support."""
        controls = self.controls
        source = controls.start_picture.path() if controls.supports("image") else ""
        mask = controls.start_picture.mask_path() if source and controls.supports("mask") else ""
        return ImageRequest(
            prompt=self.prompt.text().strip(),
            negative_prompt=(
                controls.negative.text().strip() if controls.supports("negative_prompt") else ""
            ),
            model=self.model.model_id(),
            seed=controls.seed.value(),
            count=self.run_bar.count.value(),
            width=optional_int(controls.width_field.value()),
            height=optional_int(controls.height_field.value()),
            steps=optional_int(controls.steps.value()),
            guidance_scale=controls.guidance.value()
            if controls.supports("guidance_scale")
            else None,
            scheduler=controls.scheduler_name() if controls.supports("scheduler") else "",
            image=InputFile(source) if source else None,
            strength=float(controls.strength.value() or 0.0),
            mask=InputFile(mask) if mask else None,
            adapters=controls.adapters.adapters() if controls.supports("adapters") else (),
            transparent=controls.transparent.isChecked() and controls.supports("transparent"),
        )

    def generate(self) -> None:
        """Submit the request, or show why it cannot be submitted."""
        if not self._state.models(TASK):
            self._state.show_message(
                self.tr("There is no image model yet. Add one first."),
                "warning",
                *self._offers.action(TASK),
            )
            return
        request = self.request()
        self.values_to_settings()
        if self._submitted is not None:
            self._submitted.close()
        self._submitted = JobWatch(self._state, self, token=self._submit(request))
        self._submitted.enqueued.connect(self._enqueued)
        self._submitted.refused.connect(self._refused)
        if not self._is_running:
            self.run_bar.set_running(True)
            self.run_bar.set_waiting()

    def _submit(self, request: ImageRequest) -> str:
        labels = self._settings_from_file.labels_for(request)
        return self._state.submit([request], labels=[labels])

    def show_job(self, job: Job) -> None:
        """Show a job that was submitted elsewhere as if this tab had submitted it."""
        self._show(JobWatch(self._state, self, jobs=[job]), job)

    def stop(self) -> None:
        """Cancel the shown job, or the one that was just submitted."""
        watch = self._watch if self._is_running else self._submitted
        if watch is not None:
            watch.cancel()

    def take(self, paths: Sequence[Path]) -> None:
        """Use the first of the files as the start picture."""
        self.start_from(str(paths[0]))

    def start_from(self, path: str) -> None:
        """Set the start picture; warn if the model does not support one."""
        self.controls.start_picture.set_path(path)
        self.controls.more.set_open(True)
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

    # ---- events

    @property
    def _is_running(self) -> bool:
        """Whether the shown job has not ended."""
        return self._watch is not None and not self._watch.is_over

    def _enqueued(self, jobs: Sequence[Job]) -> None:
        watch, self._submitted = self._submitted, None
        if watch is not None:
            self._show(watch, jobs[0])

    def _refused(self, _: Problem) -> None:
        self._submitted = None
        if not self._is_running:
            self.run_bar.set_running(False)
            self.run_bar.set_status("")

    def _show(self, watch: JobWatch, job: Job) -> None:
        """Show another job; the previous one continues in the background."""
        if not isinstance(job.request, ImageRequest):
            watch.close()
            return
        if self._watch is not None:
            self._watch.close()
        self._watch, self._count = watch, job.request.count
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.preview.connect(self._preview)
        watch.saved.connect(self._saved)
        watch.row_failed.connect(self._row_failed)
        watch.ended.connect(self._ended)
        seed = job.request.seed or 0
        self.controls.seed.set_last(seed)
        self.result.begin(seed, self._count)
        self.run_bar.set_running(True)
        self.run_bar.set_waiting()

    def _loading(self, event: Loading) -> None:
        self.run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self.run_bar.set_progress(event.step, event.steps, event.seconds_left)
        text = self.tr("Generating: step {step} of {steps}").format(
            step=event.step, steps=event.steps
        )
        if event.seconds_left is not None:
            text += ", " + self.tr("{time} left").format(time=duration_text(event.seconds_left))
        self.run_bar.set_status(text)

    def _preview(self, event: PreviewSaved) -> None:
        self.result.update_row(event.row, "running", str(event.path))

    def _saved(self, asset: Asset) -> None:
        self.result.update_row(asset.row, "done", str(asset.path), asset=asset.id)

    def _row_failed(self, event: RowFailed) -> None:
        self.result.update_row(event.row, "failed", message=translated(event.problem.message))

    def _ended(self, end: Ended) -> None:
        made = self._watch.saved_count if self._watch is not None else 0
        if end.problem is not None:
            text = translated(end.problem.message)
            for row in range(self._count):
                variation = self.result.model.at(row)
                if variation is not None and variation.state != "done":
                    self.result.update_row(row, "failed", message=text)
        elif end.status == "done":
            text = self.tr("{made} of {count} finished").format(made=made, count=self._count)
            seconds = end.stats.get("seconds")
            if seconds is not None:
                text += ", " + duration_text(seconds)
        else:
            text = self.tr("Stopped. {made} of {count} finished and kept.").format(
                made=made, count=self._count
            )
        self.run_bar.set_running(False)
        self.run_bar.set_status(text)

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
            self._show_set_values()
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
            if not self._is_running:
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

    def _show_again(self, values: ImageValues) -> None:
        show_values(self, values)
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
