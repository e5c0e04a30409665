"""How icons look, changed after they were drawn: stroke width, colour, ends, padding, size."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QColorDialog, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.formats.icons.colours import CURRENT_COLOUR, is_colour
from studio.formats.icons.drawing import Drawing, Look
from studio.kinds.icon import KIND
from studio.ui.fields.number_field import NumberField, number_field
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import dialog_button, tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.workspaces.icon.values import IconValues

_FIELDS = KIND.fields
_USUAL_WIDTH = (0.5, 3.0)
_SIZES = (8, 2048)


@dataclass(frozen=True)
class ChosenLook:
    """What is chosen for all icons; None leaves a value as it was drawn."""

    width: float | None
    rounded: bool | None
    colour: str
    padding: float

    def apply(self, drawing: Drawing) -> Drawing:
        """Return a drawing in this look."""
        before = drawing.look
        look = Look(
            before.width if self.width is None else self.width,
            before.rounded if self.rounded is None else self.rounded,
            self.colour,
            self.padding,
        )
        return drawing if look == before else drawing.restyled(look)


class LookControls(QWidget):
    """Object names: `icon.stroke_width`, `.colour`, `.ends`, `.padding`, `.size`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = CURRENT_COLOUR
        self.width_field = number_field(KIND, "stroke_width", slider=_USUAL_WIDTH)
        self.colour = dialog_button("", "icon.colour", self._choose_colour, self)
        self.colour.setToolTip(plain_tooltip(tr(_FIELDS["colour"].help)))
        self.of_page = tool_button(
            "rotate-ccw", self.tr("The colour of the text around the icon"), "icon.page_colour"
        )
        self.of_page.clicked.connect(lambda: self.set_colour(CURRENT_COLOUR))
        self.ends = QComboBox(self)
        self.ends.setObjectName("icon.ends")
        self.ends.setAccessibleName(self.tr("Ends and joins"))
        for text, value in (
            (self.tr("As drawn"), ""),
            (self.tr("Round"), "rounded"),
            (self.tr("Sharp"), "sharp"),
        ):
            self.ends.addItem(text, value)
        self.padding = NumberField(
            self.tr("Padding"),
            0,
            12,
            0.0,
            0.5,
            2,
            name="icon.padding",
            tooltip=self.tr("Room around the icon, on a grid of 24 units"),
        )
        self.size_field = NumberField(
            self.tr("Size"),
            *_SIZES,
            24,
            8,
            name="icon.size",
            suffix=" px",
            tooltip=self.tr("Width and height in copies and SVG files"),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.width_field)
        layout.addWidget(_row(tr(_FIELDS["colour"].label), self.colour, self.of_page))
        layout.addWidget(_row(self.tr("Ends and joins"), self.ends))
        layout.addWidget(self.padding)
        layout.addWidget(self.size_field)
        for field in (self.width_field, self.padding, self.size_field):
            field.changed.connect(self.changed)
        self.ends.activated.connect(lambda _: self.changed.emit())
        self._show_colour()

    def set_colour(self, colour: str) -> None:
        """Set the colour, as `#rrggbb` or that of the page."""
        if colour != self._colour:
            self._colour = _plain_colour(colour)
            self._show_colour()
            self.changed.emit()

    def set_values(self, values: IconValues) -> None:
        """Show stored values."""
        self.width_field.set_value(values.stroke_width)
        self._colour = _plain_colour(values.colour)
        self.ends.setCurrentIndex(max(0, self.ends.findData(values.ends)))
        self.padding.set_value(values.padding)
        self.size_field.set_value(values.size)
        self._show_colour()

    def read_values(self, values: IconValues) -> None:
        """Store the values of the controls."""
        values.stroke_width = self.width_field.value()
        values.colour = self._colour
        values.ends = str(self.ends.currentData())
        values.padding = self.padding.float_value()
        values.size = self.size_field.int_value()

    @property
    def size_in_pixels(self) -> int:
        """The width and height of icons in copies and files."""
        return self.size_field.int_value()

    def chosen(self) -> ChosenLook:
        """Return the look that is chosen."""
        width, ends = self.width_field.value(), str(self.ends.currentData())
        return ChosenLook(
            None if width is None else float(width),
            ends == "rounded" if ends else None,
            self._colour,
            self.padding.float_value(),
        )

    def _choose_colour(self) -> None:
        begin = QColor(self._colour) if self._colour != CURRENT_COLOUR else QColor("#000000")
        chosen = QColorDialog.getColor(begin, self, tr(_FIELDS["colour"].label))
        if chosen.isValid():
            self.set_colour(chosen.name())

    def _show_colour(self) -> None:
        is_of_page = self._colour == CURRENT_COLOUR
        self.of_page.setEnabled(not is_of_page)
        self.colour.setText(self.tr("Of the text") if is_of_page else self._colour)
        name = tr(_FIELDS["colour"].label)
        self.colour.setAccessibleName(f"{name}: {self.colour.text()}")
        swatch = QIcon()
        if not is_of_page:
            pixmap = QPixmap(QSize(16, 16))
            pixmap.fill(QColor(self._colour))
            swatch = QIcon(pixmap)
        self.colour.setIcon(swatch)


def _plain_colour(text: str) -> str:
    """Return a colour in lower case; that of the page for what is none, as recipes may have."""
    if not is_colour(text):
        return CURRENT_COLOUR
    return text if text == CURRENT_COLOUR else text.lower()


def _row(text: str, control: QWidget, *others: QWidget) -> QWidget:
    """Return a control with its label before it."""
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    label = plain_label(text, whole)
    label.setBuddy(control)
    row.addWidget(label)
    row.addStretch(1)
    for other in others:
        row.addWidget(other)
    control.setMinimumWidth(16 * GRID)
    row.addWidget(control)
    return whole
