"""The controls of the Image tab; what the pipeline does not support is disabled or not shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.image import KIND
from studio.protocol import Capabilities
from studio.ui.fields.adapter_cards import AdapterCards
from studio.ui.fields.model_defaults_button import ModelDefaultsButton
from studio.ui.fields.number_field import NumberField, number_field
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.seed_field import SeedField
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.side_by_side import SideBySide
from studio.ui.workspaces.image.start_picture import StartPicture

_USUAL_STEPS = (1.0, 60.0)
_USUAL_GUIDANCE = (0.0, 20.0)

_SIDE_WIDTH = 12 * GRID
"""Of the fields for width and height, which stand beside each other."""


class ImageControls(QWidget):
    """Size, LoRA, and the other parameters under "Advanced".

    The tab places `negative_section` and `start_picture` nearer to its prompt.
    """

    changed = Signal()
    described = Signal()
    """What the model supports has become known, or unknown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        negative = KIND.fields["negative_prompt"]
        self.negative = PromptEdit(tr(negative.help), "image.negative")
        self.negative.setAccessibleName(tr(negative.label))
        self.negative.grow(1, 5)
        self.negative_section = CollapsibleSection(tr(negative.label), "image.negative_open", self)
        self.negative_section.add(self.negative)
        self.start_picture = StartPicture(self)
        self.strength = self.start_picture.strength
        self.width_field = number_field(KIND, "width")
        self.height_field = number_field(KIND, "height")
        for side in (self.width_field, self.height_field):
            side.spin.setMinimumWidth(_SIDE_WIDTH)
        self.adapters = AdapterCards("image.adapters")
        self.steps = number_field(KIND, "steps", slider=_USUAL_STEPS)
        self.guidance = number_field(KIND, "guidance_scale", "image.guidance", _USUAL_GUIDANCE)
        self.scheduler = QComboBox(self)
        scheduler_row = self._make_scheduler_row()
        self.seed = SeedField("image.seed")
        self.transparent = QCheckBox(tr(KIND.fields["transparent"].label), self)
        self.transparent.setObjectName("image.transparent")
        self.more = CollapsibleSection(self.tr("Advanced"), "image.more")
        self.defaults = ModelDefaultsButton(
            (self.width_field, self.height_field, self.steps, self.guidance),
            (self.scheduler,),
            "image.defaults",
            lambda: self._scheduler_picked(0),
            self,
        )
        for widget in (
            self.steps,
            self.guidance,
            scheduler_row,
            self.seed,
            self.transparent,
            self.defaults,
        ):
            self.more.add(widget)
        self._places: dict[str, tuple[QWidget, Callable[[], object]]] = {
            "seed": (self.seed, self.seed.randomise),
            "steps": (self.steps, self.steps.reset),
            "guidance_scale": (self.guidance, self.guidance.reset),
            "scheduler": (self.scheduler, lambda: self.set_scheduler("")),
            "transparent": (self.transparent, lambda: self.transparent.setChecked(False)),
            "negative_prompt": (self.negative, self.negative.clear),
            "image": (self.start_picture, lambda: self.start_picture.set_path("")),
            "strength": (self.start_picture, self.strength.reset),
            "mask": (self.start_picture, lambda: self.start_picture.set_mask_path("")),
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(SideBySide(self.width_field, self.height_field, self))
        layout.addWidget(self.adapters)
        layout.addWidget(self.more)
        self._chosen_scheduler = ""
        self._supported: tuple[str, ...] | None = None
        self.is_alike = False
        """Whether the model draws nearly the same picture from every seed."""
        self._connect()
        self._update_enabled()

    def _make_scheduler_row(self) -> QWidget:
        field = KIND.fields["scheduler"]
        self.scheduler.setObjectName("image.scheduler")
        self.scheduler.setAccessibleName(tr(field.label))
        self.scheduler.addItem(self.tr("Auto"), "")
        self.scheduler.setMinimumContentsLength(10)
        self.scheduler.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        whole = QWidget(self)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        label = plain_label(tr(field.label), whole)
        label.setBuddy(self.scheduler)
        row.addWidget(label)
        row.addWidget(self.scheduler, 1)
        return whole

    def _connect(self) -> None:
        fields: tuple[NumberField | SeedField | AdapterCards, ...] = (
            self.width_field,
            self.height_field,
            self.steps,
            self.guidance,
            self.seed,
            self.adapters,
        )
        for field in fields:
            field.changed.connect(self.changed)
        self.negative.textChanged.connect(self._negative_changed)
        self.scheduler.activated.connect(self._scheduler_picked)
        self.start_picture.changed.connect(self.changed)
        self.transparent.toggled.connect(self.changed)
        self.more.toggled.connect(self.changed)

    def apply_capabilities(self, capabilities: Capabilities | None) -> None:
        """Apply ranges and defaults, and enable what is supported; None (unknown) enables all."""
        self._supported = None if capabilities is None else capabilities.controls
        self.is_alike = capabilities is not None and capabilities.alike
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
        self.described.emit()

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

    def place_of(self, name: str) -> QWidget | None:
        """Return the control of a field that can be folded away or scrolled out of sight."""
        return self._places[name][0] if name in self._places else None

    def is_advanced(self, name: str) -> bool:
        """Return whether the control of a field is under "Advanced"."""
        place = self.place_of(name)
        return place is not None and self.more.isAncestorOf(place)

    def reset(self, name: str) -> None:
        """Give the control of one of these fields its default."""
        self._places[name][1]()
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
        self.negative_section.setVisible(self.supports("negative_prompt"))
        self.adapters.setVisible(self.supports("adapters") or bool(self.adapters.values()))
        self.transparent.setVisible(self.supports("transparent"))
        self.start_picture.set_supported(self.supports("image"), self.supports("mask"))

    def _negative_changed(self) -> None:
        if self.negative.text():
            self.negative_section.set_open(True)
        self.changed.emit()

    def _scheduler_picked(self, _index: int) -> None:
        self._chosen_scheduler = self.scheduler_name()
        self.changed.emit()
