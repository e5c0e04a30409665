"""The controls of the Image tab; those that the pipeline does not support are disabled."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.image import KIND
from studio.protocol import Capabilities
from studio.ui.fields.adapter_cards import AdapterCards
from studio.ui.fields.model_defaults_button import ModelDefaultsButton
from studio.ui.fields.number_field import number_field
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.seed_field import SeedField
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.side_by_side import SideBySide
from studio.ui.workspaces.image.start_picture import StartPicture


class ImageControls(QWidget):
    """Size, and the other parameters under "More". The tab places `negative` below its prompt."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        negative, scheduler = KIND.fields["negative_prompt"], KIND.fields["scheduler"]
        self.negative = PromptEdit(tr(negative.help), "image.negative")
        self.negative.setAccessibleName(tr(negative.label))
        self.negative.set_minimum_lines(1)
        self.negative.setMaximumHeight(self.negative.fontMetrics().lineSpacing() * 3)
        self.width_field = number_field(KIND, "width")
        self.height_field = number_field(KIND, "height")
        self.steps = number_field(KIND, "steps")
        self.guidance = number_field(KIND, "guidance_scale", "image.guidance")
        self.scheduler = QComboBox(self)
        self.scheduler.setObjectName("image.scheduler")
        self.scheduler.setAccessibleName(tr(scheduler.label))
        self.scheduler.addItem(self.tr("Auto"), "")
        scheduler_row = QWidget(self)
        row = QHBoxLayout(scheduler_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        label = plain_label(tr(scheduler.label), scheduler_row)
        label.setBuddy(self.scheduler)
        row.addWidget(label)
        row.addWidget(self.scheduler, 1)
        self.adapters = AdapterCards("image.adapters")
        self.seed = SeedField("image.seed")
        self.start_picture = StartPicture()
        self.strength = number_field(KIND, "strength")
        self.transparent = QCheckBox(tr(KIND.fields["transparent"].label), self)
        self.transparent.setObjectName("image.transparent")
        self.more = CollapsibleSection(self.tr("More"), "image.more")
        self.defaults = ModelDefaultsButton(
            (self.width_field, self.height_field, self.steps, self.guidance),
            (self.scheduler,),
            "image.defaults",
            lambda: self._scheduler_picked(0),
            self,
        )
        for widget in (
            self.seed,
            self.steps,
            self.guidance,
            scheduler_row,
            self.defaults,
            self.start_picture,
            self.strength,
            self.transparent,
        ):
            self.more.add(widget)
        self._resets: dict[str, Callable[[], object]] = {
            "seed": self.seed.randomise,
            "steps": self.steps.reset,
            "guidance_scale": self.guidance.reset,
            "scheduler": lambda: self.set_scheduler(""),
            "image": lambda: self.start_picture.set_path(""),
            "strength": self.strength.reset,
            "mask": lambda: self.start_picture.set_mask_path(""),
            "transparent": lambda: self.transparent.setChecked(False),
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(SideBySide(self.width_field, self.height_field, self))
        layout.addWidget(self.adapters)
        layout.addWidget(self.more)
        self._chosen_scheduler = ""
        self._supported: tuple[str, ...] | None = None
        for field in (
            self.width_field,
            self.height_field,
            self.steps,
            self.guidance,
            self.strength,
            self.seed,
            self.adapters,
        ):
            field.changed.connect(self.changed)
        self.negative.textChanged.connect(self.changed)
        self.scheduler.activated.connect(self._scheduler_picked)
        self.start_picture.changed.connect(self._source_changed)
        self.transparent.toggled.connect(self.changed)
        self.more.toggled.connect(self.changed)
        self._update_enabled()

    def apply_capabilities(self, capabilities: Capabilities | None) -> None:
        """Apply ranges and defaults, and enable what is supported; None (unknown) enables all."""
        self._supported = None if capabilities is None else capabilities.controls
        can = capabilities
        self.width_field.set_auto(can.width if can else None)
        self.height_field.set_auto(can.height if can else None)
        self.steps.set_auto(can.steps if can else None)
        self.guidance.set_auto(can.guidance_scale if can else None)
        self.scheduler.clear()
        self.scheduler.addItem(self.tr("Auto"), "")
        if capabilities is not None:
            for name in capabilities.schedulers:
                self.scheduler.addItem(one_line(name.removesuffix("Scheduler")), name)
            for field, default in (
                (self.width_field, capabilities.width),
                (self.height_field, capabilities.height),
            ):
                field.set_range(
                    capabilities.min_side, capabilities.max_side, max(1, capabilities.multiple)
                )
                field.setToolTip(self.tr("Auto is {number} px").format(number=default))
            self.steps.setToolTip(
                self.tr("More steps take longer and add detail. Auto is {number}").format(
                    number=capabilities.steps
                )
            )
        self.set_scheduler(self._chosen_scheduler)
        self._update_enabled()

    @property
    def is_known(self) -> bool:
        """Whether the capabilities of the model are known."""
        return self._supported is not None

    def supports(self, control: str) -> bool:
        """Return whether the pipeline supports a field of `ImageRequest`; True while unknown."""
        return self._supported is None or control in self._supported

    def set_scheduler(self, name: str) -> None:
        """Choose a scheduler by class name; "Auto" if the pipeline does not have it."""
        self._chosen_scheduler = name
        self.scheduler.setCurrentIndex(max(0, self.scheduler.findData(name)))

    def scheduler_name(self) -> str:
        """Return the class name of the chosen scheduler, empty for "Auto"."""
        return str(self.scheduler.currentData() or "")

    @property
    def folded(self) -> tuple[str, ...]:
        """The fields of the request whose controls are under "More"."""
        return tuple(self._resets)

    def reset(self, name: str) -> None:
        """Give the control of one of these fields its default."""
        self._resets[name]()
        self.changed.emit()

    def stop(self) -> None:
        """Stop loading the start picture."""
        self.start_picture.stop()

    def _update_enabled(self) -> None:
        reason = self.tr("Not supported by this model")
        pairs: tuple[tuple[QWidget, str], ...] = (
            (self.negative, "negative_prompt"),
            (self.width_field, "width"),
            (self.height_field, "height"),
            (self.steps, "steps"),
            (self.guidance, "guidance_scale"),
            (self.scheduler, "scheduler"),
            (self.start_picture, "image"),
            (self.transparent, "transparent"),
            (self.adapters, "adapters"),
        )
        for widget, control in pairs:
            supported = self.supports(control)
            widget.setEnabled(supported)
            if not supported:
                widget.setToolTip(plain_tooltip(reason))
            elif widget.toolTip() == reason:
                widget.setToolTip("")
        self.start_picture.set_mask_supported(self.supports("mask"))
        self.strength.setEnabled(self.supports("image") and bool(self.start_picture.path()))

    def _scheduler_picked(self, _index: int) -> None:
        self._chosen_scheduler = self.scheduler_name()
        self.changed.emit()

    def _source_changed(self) -> None:
        self._update_enabled()
        self.changed.emit()
