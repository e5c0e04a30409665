"""The Image tab: a prompt and a few controls on the left, the pictures on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from studio.kinds.image import KIND, ImageRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile, Loading, Problem, Progress, Request, RowFailed
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.reports import ModelDescribed
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import seconds_text
from studio.ui.workspaces.image.controls import ImageControls
from studio.ui.workspaces.image.mask_editing import MaskEditing
from studio.ui.workspaces.image.result_panel import ResultPanel
from studio.ui.workspaces.image.shown_pictures import ShownPictures
from studio.ui.workspaces.image.values import (
    ImageValues,
    keep_values,
    show_request,
    show_values,
    whole,
)

if TYPE_CHECKING:
    from studio.jobs.runner import PreviewSaved
    from studio.library.recipes.settings_in_file import FoundSettings
    from studio.library.records import Asset, Job
    from studio.ui.shell.state import AppState

TASK = KIND.task

_ENLARGED: Literal[4] = 4
"""Times as wide and high, by the button of a finished picture."""


class ImageTab(QWidget):
    """Sends one request for all variations and shows the job that was asked for last."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = state.settings.tab(TASK, ImageValues)
        self._asked: JobWatch | None = None
        self._watch: JobWatch | None = None
        self._count = 0
        self._described = ""
        self._start_asked = False
        self.setAcceptDrops(True)
        self.model = ModelPicker(state, TASK, self)
        self.prompt = PromptEdit(
            self.tr("Describe the picture: what it shows, its style, its light"), "image.prompt"
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.set_minimum_lines(4)
        self.controls = ImageControls(self)
        self._mask_editing = MaskEditing(state, self.controls.source)
        self.run_bar = RunBar(TASK, KIND.fields["count"], parent=self)
        self._empty = EmptyState("image", "", "", parent=self)
        self.result = ResultPanel(self._empty, self)
        self.result.setObjectName("image.result")
        self.result.setAccessibleName(self.tr("Result"))
        self._shown = ShownPictures(state, self.result)
        self.columns = Columns(self._left(), self.result, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        show_values(self, self._values)
        self._tell_empty()
        self._connect()

    def _left(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.prompt, 1)
        column.addWidget(self.controls.negative)
        column.addWidget(self.model)
        column.addWidget(self.controls)
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
        self.result.enlarge_wanted.connect(self._enlarge)
        self.result.start_from_wanted.connect(self.start_from)
        self.result.folder_wanted.connect(self._open_folder)
        self.model.changed.connect(self._describe)
        for changed in (
            self.prompt.textChanged,
            self.controls.changed,
            self.model.changed,
            self.run_bar.count_changed,
        ):
            changed.connect(self.values_to_settings)
        expected = RequestEstimate(self._state, self.run_bar, lambda: [self.request()], self)
        for changed in (self.controls.changed, self.model.changed, self.run_bar.count_changed):
            changed.connect(expected.soon)
        self._state.reports.model_described.connect(expected.soon)
        self._state.reports.model_described.connect(self._apply)
        self._state.closing.connect(self.close_down)
        self._state.models_changed.connect(self._tell_empty)

    # ---- asking

    def request(self) -> ImageRequest:
        """Return what the controls say now. Controls the model does not use are left out."""
        controls = self.controls
        source = controls.source.path() if controls.uses("image") else ""
        mask = controls.source.mask_path() if source and controls.uses("mask") else ""
        return ImageRequest(
            prompt=self.prompt.text().strip(),
            negative_prompt=(
                controls.negative.text().strip() if controls.uses("negative_prompt") else ""
            ),
            model=self.model.model_id(),
            seed=controls.seed.value(),
            count=self.run_bar.count.value(),
            width=whole(controls.width_field.value()),
            height=whole(controls.height_field.value()),
            steps=whole(controls.steps.value()),
            guidance_scale=controls.guidance.value() if controls.uses("guidance_scale") else None,
            scheduler=controls.scheduler_name() if controls.uses("scheduler") else "",
            image=InputFile(source) if source else None,
            strength=float(controls.strength.value() or 0.0),
            mask=InputFile(mask) if mask else None,
            transparent=controls.transparent.isChecked() and controls.uses("transparent"),
        )

    def generate(self) -> None:
        """Send the request, or say what is missing."""
        if not self._state.models(TASK):
            self._state.show_message(
                self.tr("There is no image model yet. Add one first."),
                "warning",
                self.tr("Add a model…"),
                lambda: self._state.destinations.open_models(TASK),
            )
            return
        request = self.request()
        self.values_to_settings()
        if self._asked is not None:
            self._asked.close()
        self._asked = JobWatch(self._state, self, token=self._state.submit([request]))
        self._asked.enqueued.connect(self._enqueued)
        self._asked.refused.connect(self._refused)
        if not self._runs:
            self.run_bar.set_running(True)
            self.run_bar.set_status(self.tr("Waiting for its turn"))

    def show_job(self, job: Job) -> None:
        """Show a job that was asked for elsewhere as one of this tab's own."""
        self._show(JobWatch(self._state, self, jobs=[job]), job)

    def stop(self) -> None:
        """Cancel the job that is shown, or the one that was just asked for."""
        watch = self._watch if self._runs else self._asked
        if watch is not None:
            watch.cancel()

    def take(self, paths: Sequence[Path]) -> None:
        """Start from a picture that was sent here."""
        self.start_from(str(paths[0]))

    def start_from(self, path: str) -> None:
        """Use a picture as the one to start from, or say that the model does not."""
        self.controls.source.set_path(path)
        self.controls.more.set_open(True)
        self._start_asked = True
        self._tell_start()

    def _enlarge(self, path: str) -> None:
        enlarged = UpscaleRequest(input=InputFile(path), scale=_ENLARGED)
        self._state.destinations.run(enlarged)

    def focus_prompt(self) -> None:
        """Put the cursor into the prompt."""
        self.prompt.setFocus()

    # ---- hearing

    @property
    def _runs(self) -> bool:
        """Whether the job that is shown has not ended."""
        return self._watch is not None and not self._watch.is_over

    def _enqueued(self, jobs: Sequence[Job]) -> None:
        watch, self._asked = self._asked, None
        if watch is not None:
            self._show(watch, jobs[0])

    def _refused(self, _: Problem) -> None:
        self._asked = None
        if not self._runs:
            self.run_bar.set_running(False)
            self.run_bar.set_status("")

    def _show(self, watch: JobWatch, job: Job) -> None:
        """Show another job; the one before goes on."""
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
        self.run_bar.set_status(self.tr("Waiting for its turn"))

    def _loading(self, event: Loading) -> None:
        self.run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self.run_bar.set_progress(event.step, event.steps, event.seconds_left)
        text = self.tr("Drawing: step {step} of {steps}").format(step=event.step, steps=event.steps)
        if event.seconds_left is not None:
            text += ", " + self.tr("{time} left").format(time=seconds_text(event.seconds_left))
        self.run_bar.set_status(text)

    def _preview(self, event: PreviewSaved) -> None:
        self.result.update_row(event.row, "drawing", str(event.path))

    def _saved(self, asset: Asset) -> None:
        self.result.update_row(asset.row, "done", str(asset.path), asset=asset.id)

    def _row_failed(self, event: RowFailed) -> None:
        self.result.update_row(event.row, "failed", message=translated(event.problem.message))

    def _ended(self, end: Ended) -> None:
        made = self._watch.made if self._watch is not None else 0
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
                text += ", " + seconds_text(seconds)
        else:
            text = self.tr("Stopped. {made} of {count} finished and kept.").format(
                made=made, count=self._count
            )
        self.run_bar.set_running(False)
        self.run_bar.set_status(text)

    # ---- models

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._describe()

    def _describe(self) -> None:
        """Ask what the chosen model can do, once the tab is in sight."""
        ref = self.model.ref()
        if ref is None or not self.isVisible() or ref.id == self._described:
            return
        self._described = ref.id
        self.controls.apply(None)
        self._state.worker.describe(ref)

    def _apply(self, report: ModelDescribed) -> None:
        if report.model != self._described:
            return
        if report.capabilities is None:
            self._described = ""
            if report.problem is not None:
                self._state.problem.emit(report.problem)
        else:
            self.controls.apply(report.capabilities)
            self._tell_start()

    def _tell_start(self) -> None:
        """Once it is known, say whether the model uses a picture to start from."""
        if not self.controls.is_known:
            return
        uses = self.controls.uses("image")
        self.result.set_start_usable(uses)
        if self._start_asked and not uses:
            ref = self.model.ref()
            self._state.show_message(
                self.tr(
                    "{model} draws from the prompt alone and does not use the picture. Choose or "
                    "add an image model that starts from a picture."
                ).format(model=ref.name if ref is not None else ""),
                "warning",
                self.tr("Add a model…"),
                lambda: self._state.destinations.open_models(TASK),
            )
        self._start_asked = False

    def _tell_empty(self) -> None:
        if self._state.models_known and not self._state.models(TASK):
            self._empty.set_text(
                self.tr("No image model yet"),
                self.tr(
                    "Add a diffusers folder or a single .safetensors checkpoint that lies on "
                    "this computer. It is used where it is and never leaves it."
                ),
            )
            self._empty.set_actions(
                [(self.tr("Add a model…"), lambda: self._state.destinations.open_models(TASK))]
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
        self._describe()

    # ---- keeping

    def values_to_settings(self) -> None:
        """Keep what the controls say; it is written soon."""
        keep_values(self, self._values)
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or of the recipe of an asset."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, ImageRequest):
            return
        show_request(self, request)
        if not isinstance(source, Request):
            self.controls.seed.set_value(source.recipe.seed)
            if not self._runs:
                self.result.begin(source.recipe.seed, 1)
                self.result.update_row(0, "done", str(source.path), asset=source.id)
        self._describe()
        self.values_to_settings()

    def close_down(self) -> None:
        """Wait for what is being read, before the window goes."""
        self.controls.stop()
        self.result.stop()

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event)

    def dropEvent(self, event: QDropEvent) -> None:
        for path in accepted_paths(event)[:1]:
            self.open_settings(path)

    def open_settings(self, path: Path) -> None:
        """Restore the settings inside a picture; one without any is what to start from."""
        from studio.library.recipes.settings_in_file import read_settings

        self._state.background.read(
            self,
            lambda: read_settings(path),
            lambda found: self._taken(path, found),
            self._state.problem.emit,
        )

    def _taken(self, path: Path, found: FoundSettings | None) -> None:
        if found is None or not isinstance(found.request, ImageRequest):
            self.start_from(str(path))
            return
        model = next(
            (m.id for m in self._state.models(TASK) if found.model_name in (m.id, m.name)), ""
        )
        self.restore(msgspec.structs.replace(found.request, model=found.request.model or model))
        text = self.tr("The settings of {name} are restored (made by {program}).").format(
            name=path.name, program=found.made_by
        )
        if found.model_name and not model:
            text += " " + self.tr("Its model {model} is not here.").format(model=found.model_name)
        text = " ".join([text, *(translated(lost) for lost in found.lost)])
        self._state.show_message(
            text,
            "warning" if found.lost else "info",
            self.tr("Start from the picture instead"),
            lambda: self.start_from(str(path)),
        )

    def _open_folder(self, path: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent)))
