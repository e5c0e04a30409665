"""A labelled spin box that a double click on the label resets."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QSlider, QSpinBox, QWidget

from studio.kinds.registry import AnyKind
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import PlainLabel, plain_tooltip


class NumberField(QWidget):
    """A label and a spin box.

    With `optional`, the value can be None: one step below the minimum, shown as "Auto". The label
    is bold while the value differs from what "Auto" stands for. `name` is the object name of the
    spin box (`field.spin`). With `slider`, its range, there is a slider below for usual values.
    """

    changed = Signal()

    def __init__(
        self,
        label: str,
        minimum: float,
        maximum: float,
        default: float | None,
        step: float = 1,
        decimals: int = 0,
        optional: bool = False,
        *,
        name: str = "",
        suffix: str = "",
        tooltip: str = "",
        slider: tuple[float, float] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._default = default
        self._optional = optional
        self._spin_minimum = minimum - step if optional else minimum
        self.label = ResetLabel(label, self)
        self.label.reset.connect(self.reset)
        self.spin: QSpinBox | QDoubleSpinBox
        if decimals:
            self.spin = QDoubleSpinBox(self)
            self.spin.setDecimals(decimals)
            self.spin.setRange(self._spin_minimum, maximum)
            self.spin.setSingleStep(step)
        else:
            self.spin = QSpinBox(self)
            self.spin.setRange(int(self._spin_minimum), int(maximum))
            self.spin.setSingleStep(int(step))
        self._auto: float | None = None
        if optional:
            self.spin.setSpecialValueText(self.tr("Auto"))
        self.spin.setSuffix(suffix)
        self.spin.setObjectName(name)
        self.spin.setAccessibleName(label)
        self.spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.spin.installEventFilter(self)
        self.spin.setMinimumWidth(16 * GRID)
        self.label.setBuddy(self.spin)
        if tooltip:
            self.setToolTip(plain_tooltip(tooltip))
        self.slider: QSlider | None = None
        self._slider_start, self._slider_step = slider[0] if slider else 0.0, step
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(GRID)
        layout.setVerticalSpacing(GRID // 2)
        layout.setColumnStretch(0, 1)
        layout.addWidget(self.label, 0, 0)
        layout.addWidget(self.spin, 0, 1)
        if slider is not None:
            self.slider = self._make_slider(slider[1], label)
            layout.addWidget(self.slider, 1, 0, 1, 2)
        self.setFocusProxy(self.spin)
        self.set_value(default)
        self.spin.valueChanged.connect(self.changed)
        self.spin.valueChanged.connect(self._mark_difference)
        self._mark_difference()

    def _make_slider(self, end: float, label: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setRange(0, round((end - self._slider_start) / self._slider_step))
        slider.setPageStep(max(1, slider.maximum() // 10))
        slider.setAccessibleName(label)
        slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        slider.installEventFilter(self)
        slider.valueChanged.connect(self._slid)
        return slider

    def _slid(self, place: int) -> None:
        self.set_value(self._slider_start + place * self._slider_step)

    def _show_on_slider(self) -> None:
        """Move the slider to the value, or to what "Auto" stands for."""
        value = self.value()
        value = self._auto if value is None else value
        if self.slider is None or value is None:
            return
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round((value - self._slider_start) / self._slider_step))
        self.slider.blockSignals(blocked)

    def value(self) -> int | float | None:
        """Return the value, or None for "Auto"."""
        value = self.spin.value()
        if self._optional and value <= self._spin_minimum:
            return None
        return (
            round(value, self.spin.decimals()) if isinstance(self.spin, QDoubleSpinBox) else value
        )

    def int_value(self) -> int:
        """Return the value of a field that is neither optional nor fractional."""
        return int(self.spin.value())

    def float_value(self) -> float:
        """Return the value of a field that is not optional, rounded to 6 decimals."""
        return round(float(self.spin.value()), 6)

    def set_value(self, value: float | None) -> None:
        """Set the value, None for "Auto"; a value out of range is clamped."""
        shown = self._spin_minimum if value is None else value
        if isinstance(self.spin, QDoubleSpinBox):
            self.spin.setValue(shown)
        else:
            self.spin.setValue(int(shown))

    def set_auto(self, value: float | None) -> None:
        """Show beside "Auto" which value that is; None if it is not known."""
        self._auto = value
        text = self.tr("Auto")
        if value is not None:
            text = self.tr("Auto ({value})").format(value=f"{value:g}")
        self.spin.setSpecialValueText(text)
        self._mark_difference()

    @property
    def differs(self) -> bool:
        """Whether an optional field has another value than "Auto" stands for."""
        value = self.value()
        return self._optional and value is not None and value != self._auto

    def _mark_difference(self) -> None:
        self._show_on_slider()
        if self._optional:
            font = self.label.font()
            font.setBold(self.differs)
            self.label.setFont(font)

    def reset(self) -> None:
        """Restore the default."""
        self.set_value(self._default)

    def set_range(self, minimum: float, maximum: float, step: float | None = None) -> None:
        """Change the range, and the step if given; the value is clamped."""
        value = self.value()
        new_step = self.spin.singleStep() if step is None else step
        self._spin_minimum = minimum - new_step if self._optional else minimum
        if isinstance(self.spin, QDoubleSpinBox):
            self.spin.setRange(self._spin_minimum, maximum)
            self.spin.setSingleStep(new_step)
        else:
            self.spin.setRange(int(self._spin_minimum), int(maximum))
            self.spin.setSingleStep(int(new_step))
        self.set_value(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the wheel to the scroll area unless the control has the focus."""
        is_wheel = event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def number_field(
    kind: AnyKind, name: str, object_name: str = "", slider: tuple[float, float] | None = None
) -> NumberField:
    """Create the control of a numeric field of a kind's requests.

    Its object name is `<task>.<name>` by default. `slider` is the range of usual values.
    """
    field = kind.fields[name]
    assert field.minimum is not None and field.maximum is not None, f"{name} has no range"
    smallest = 10.0**-field.decimals
    return NumberField(
        tr(field.label),
        field.minimum + smallest if field.exclusive_minimum else field.minimum,
        field.maximum,
        field.default,
        field.step,
        field.decimals,
        field.optional,
        name=object_name or f"{kind.task}.{name}",
        suffix=tr(field.unit) if field.unit else "",
        tooltip=tr(field.help) if field.help else "",
        slider=slider,
    )


def optional_int(value: float | None) -> int | None:
    """Convert a field's value to int; None ("Auto") stays None."""
    return None if value is None else int(value)


class ResetLabel(PlainLabel):
    """A label that emits `reset` on a double click."""

    reset = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setToolTip(self.tr("Double-click to reset"))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset.emit()
        else:
            super().mouseDoubleClickEvent(event)
