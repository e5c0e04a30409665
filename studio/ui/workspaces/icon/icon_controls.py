"""The controls of the Icons tab: how icons are drawn, and how they look afterwards."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from studio.kinds.icon import KIND, IconRequest, stroke_width
from studio.protocol import ModelRef
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import number_field
from studio.ui.fields.seed_field import SeedField
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.workspaces.icon.look_controls import LookControls
from studio.ui.workspaces.icon.values import IconValues

_FIELDS = KIND.fields
_USUAL_TEMPERATURE = (0.3, 1.3)
_USUAL_GUIDANCE = (1.0, 4.0)
_BOXES = ("corners", "weight", "family")


class IconControls(QWidget):
    """Object names: `icon.corners`, `.weight`, `.family`, `.temperature`, `.begin`, …"""

    changed = Signal()
    look_changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._family = ""
        self._begin = ""
        self.model = ModelPicker(state, KIND.task, self)
        self.boxes = {name: self._box(name) for name in _BOXES}
        for name, titles in (
            ("corners", {"rounded": self.tr("Round"), "sharp": self.tr("Sharp")}),
            (
                "weight",
                {
                    "thin": self.tr("Thin"),
                    "regular": self.tr("Regular"),
                    "bold": self.tr("Bold"),
                },
            ),
        ):
            for choice in _FIELDS[name].choices:
                self.boxes[name].addItem(titles.get(str(choice), str(choice)), choice)
        self.look = LookControls(self)
        self.look_section = CollapsibleSection(self.tr("Look"), "icon.look", self)
        self.look_section.add(self.look)
        self.temperature = number_field(KIND, "temperature", slider=_USUAL_TEMPERATURE)
        self.guidance = number_field(KIND, "guidance_scale", slider=_USUAL_GUIDANCE)
        self.seed = SeedField("icon.seed", self)
        self.more = CollapsibleSection(self.tr("Advanced"), "icon.more", self)
        for widget in (
            self.seed,
            self.temperature,
            self.guidance,
            _row("family", self.boxes["family"])[0],
        ):
            self.more.add(widget)
        self.begin = self._begin_row()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.begin)
        layout.addWidget(self.model)
        rows = [_row(name, self.boxes[name]) for name in ("corners", "weight")]
        labels = [self.model.label, *(label for _, label in rows)]
        width = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setMinimumWidth(width)
        for row, _ in rows:
            layout.addWidget(row)
        layout.addWidget(self.look_section)
        layout.addWidget(self.more)
        self._connect()

    def _connect(self) -> None:
        for box in self.boxes.values():
            box.activated.connect(self._changed)
        for field in (self.temperature, self.guidance, self.seed):
            field.changed.connect(self._changed)
        self.look.changed.connect(self.look_changed)
        self.look.changed.connect(self.changed)
        self.look_section.toggled.connect(lambda _: self.changed.emit())
        self.more.toggled.connect(lambda _: self.changed.emit())
        self.model.changed.connect(self._list_families)
        self._list_families()

    def set_values(self, values: IconValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        for name in ("corners", "weight"):
            self.boxes[name].setCurrentIndex(
                max(0, self.boxes[name].findData(getattr(values, name)))
            )
        self._family = values.family
        self._select_family()
        self.temperature.set_value(values.temperature)
        self.guidance.set_value(values.guidance_scale)
        self.seed.set_value(values.seed)
        self.set_begin(values.begin)
        self.look.set_values(values)
        self.look_section.set_open(values.look_open)
        self.more.set_open(values.more_open)
        self._show_badge()
        self._show_usual_width()

    def read_values(self, values: IconValues) -> None:
        """Store the values of the controls."""
        values.model = self.model.model_id()
        values.corners = str(self.boxes["corners"].currentData())
        values.weight = str(self.boxes["weight"].currentData())
        values.family = self._family
        values.temperature = self.temperature.float_value()
        values.guidance_scale = self.guidance.float_value()
        values.seed = self.seed.value()
        values.begin = self._begin
        self.look.read_values(values)
        values.look_open = self.look_section.is_open()
        values.more_open = self.more.is_open()

    def set_begin(self, data: str) -> None:
        """Set the strokes that all icons begin with, as path data; "" for none."""
        self._begin = data
        self._begin_label.setText(
            self.tr("All begin with {n} strokes of an icon.").format(n=data.count("M"))
            if data.count("M") != 1
            else self.tr("All begin with a stroke of an icon.")
        )
        self.begin.setVisible(bool(data))

    def _begin_row(self) -> QWidget:
        whole = QWidget(self)
        whole.setObjectName("icon.begin")
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self._begin_label = plain_label(parent=whole)
        self._begin_label.setWordWrap(True)
        drop = tool_button("x", self.tr("Draw from the first stroke again"), "icon.begin.drop")
        drop.clicked.connect(self._drop_begin)
        row.addWidget(self._begin_label, 1)
        row.addWidget(drop)
        whole.hide()
        return whole

    def _drop_begin(self) -> None:
        self.set_begin("")
        self.changed.emit()

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        field = _FIELDS[name]
        box.setObjectName(f"{KIND.task}.{name}")
        box.setAccessibleName(tr(field.label))
        box.setToolTip(plain_tooltip(tr(field.help)))
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        return box

    def _list_families(self) -> None:
        """List the icon sets that the model knows, which is read on another thread."""
        model = self.model.ref()
        self._show_families(())
        if model is None:
            return

        def show(families: tuple[str, ...]) -> None:
            if self.model.ref() == model:
                self._show_families(families)

        self._state.background.read(self, lambda: _families(model), show, lambda _problem: None)

    def _show_families(self, families: tuple[str, ...]) -> None:
        box = self.boxes["family"]
        box.clear()
        box.addItem(self.tr("Any"), "")
        for family in families:
            box.addItem(one_line(family), family)
        self._select_family()
        self.changed.emit()

    def _select_family(self) -> None:
        box = self.boxes["family"]
        if self._family and box.findData(self._family) < 0:
            box.addItem(one_line(self._family), self._family)
        box.setCurrentIndex(max(0, box.findData(self._family)))

    def _changed(self, *_: object) -> None:
        self._family = str(self.boxes["family"].currentData() or "")
        self._show_badge()
        self._show_usual_width()
        self.changed.emit()

    def _show_usual_width(self) -> None:
        weight = self.boxes["weight"].currentData()
        self.look.width_field.set_auto(stroke_width(IconRequest(weight=weight)))

    def _show_badge(self) -> None:
        self.more.set_badge(
            sum(
                (
                    self.seed.value() is not None,
                    self.temperature.float_value() != _FIELDS["temperature"].default,
                    self.guidance.float_value() != _FIELDS["guidance_scale"].default,
                    bool(self._family),
                )
            )
        )


def _families(model: ModelRef) -> tuple[str, ...]:
    from studio.formats.icons.model_folder import read_vocabulary

    vocabulary = read_vocabulary(Path(model.path))
    return () if vocabulary is None else vocabulary.families


def _row(name: str, control: QWidget) -> tuple[QWidget, QLabel]:
    """Return a control with its label before it, and the label."""
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    label = plain_label(tr(_FIELDS[name].label), whole)
    label.setBuddy(control)
    row.addWidget(label)
    row.addWidget(control, 1)
    return whole, label
