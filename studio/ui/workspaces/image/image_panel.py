"""The panel of the Image tab: prompt, start picture and settings, with the run bar below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.kinds.image import KIND, ImageRequest
from studio.protocol import InputFile
from studio.ui.fields.language_hint import LanguageHint
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import optional_int
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.value_chips import ValueChips
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.image.domain_hint import DomainHint
from studio.ui.workspaces.image.image_controls import ImageControls
from studio.ui.workspaces.image.prompt_ideas import PromptIdeas
from studio.ui.workspaces.image.request_hints import RequestHints
from studio.ui.workspaces.image.values_out_of_sight import ValuesOutOfSight

if TYPE_CHECKING:
    from studio.ui.workspaces.image.prompt_helper import PromptHelper

WIDTH = 43 * GRID
"""340 pixels and the margin at the divider."""

_LINES = (4, 14)
"""Least and most lines of the prompt."""


class ImagePanel(QWidget):
    """The controls scroll where the window is low; the run bar stays in sight."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        task = KIND.task
        self.helper: PromptHelper | None = None
        self.model = ModelPicker(state, task, self)
        self.prompt = PromptEdit(
            self.tr("Describe the picture: subject, style, lighting"), "image.prompt", self
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.grow(*_LINES)
        self.controls = ImageControls(self)
        self.run_bar = RunBar(task, KIND.fields["count"], stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, task))
        self.run_bar.extra.addWidget(self.model.notices)
        self.chips = ValueChips("image.values")
        self.run_bar.extra.addWidget(self.chips)
        self._hints = RequestHints(self.controls, self.model, self.request, self)
        column = ScrollColumn(self, fills=True)
        for part in (
            self.prompt,
            PromptIdeas(self.prompt, self.model, self.controls, self),
            self._helper(state),
            DomainHint(state, self.prompt, self.model, self),
            self._hints,
            LanguageHint(state, task, self.model, self.prompt, self),
            self.controls.negative_section,
            self.controls.start_picture,
            self.model,
            self.controls,
        ):
            column.add(part)
        self._out_of_sight = ValuesOutOfSight(
            self.chips, self.controls, column.content, self.request
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, GRID // 2, 0)
        layout.setSpacing(GRID)
        layout.addWidget(column, 1)
        layout.addWidget(self.run_bar)
        self._connect()

    def _helper(self, state: AppState) -> CollapsibleSection:
        """Return the section with the prompt helper, which is made when it is first opened."""
        section = CollapsibleSection(self.tr("Prompt helper"), "image.helper", self)

        def opened(is_open: bool) -> None:
            if is_open and self.helper is None:
                from studio.ui.workspaces.image.prompt_helper import PromptHelper

                self.helper = PromptHelper(state, self.prompt, self.model, self.controls)
                section.add(self.helper)

        section.toggled.connect(opened)
        return section

    def _connect(self) -> None:
        refreshes: tuple[Callable[..., object], ...] = (
            self._hints.refresh,
            self._out_of_sight.refresh,
            self._out_of_sight.refresh_soon,
        )
        for refresh in refreshes:
            self.controls.changed.connect(lambda refresh=refresh: refresh())
            self.controls.described.connect(lambda refresh=refresh: refresh())
            self.model.changed.connect(lambda refresh=refresh: refresh())
        self.prompt.textChanged.connect(self._hints.refresh)
        self.run_bar.count_changed.connect(self._count_changed)
        self._count_changed()

    def _count_changed(self) -> None:
        count = self.run_bar.count.value()
        text = self.tr("Generate") if count == 1 else self.tr("Generate {n}").format(n=count)
        self.run_bar.generate.setText(text)
        self.run_bar.generate.setAccessibleName(text)
        self._hints.refresh()

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
