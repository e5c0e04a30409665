"""Values that a job will use although no control in sight shows them: each can be removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from studio.kinds.registry import kind_of
from studio.protocol import InputFile, Request
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import menu_text, plain_tooltip
from studio.ui.widgets.wrapped_buttons import WrappedButtons

_LONGEST = 36
"""Characters of a chip; the tooltip has the whole value."""


class ValueChips(QWidget):
    """A button for each value, in as many lines as needed. Hidden while there are none."""

    removed = Signal(str)
    """The name of the field whose value is not wanted."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._shown: Mapping[str, str] = {}
        self._chips = WrappedButtons(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._chips)
        self.hide()

    def show_values(self, values: Mapping[str, str], fixed: Collection[str] = ()) -> None:
        """Show texts by the name of their field; those in `fixed` cannot be removed."""
        if values == self._shown:
            return
        self._shown = dict(values)
        self._chips.set_buttons(
            [self._chip(name, text, name in fixed) for name, text in values.items()]
        )
        self.setVisible(bool(values))

    def texts(self) -> dict[str, str]:
        """Return the texts that are shown, by the name of their field."""
        return dict(self._shown)

    def remove(self, name: str) -> None:
        """Remove a value, as a click on its chip does."""
        self.removed.emit(name)

    def _chip(self, name: str, text: str, is_fixed: bool) -> QToolButton:
        chip = QToolButton(self._chips)
        chip.setText(menu_text(text, _LONGEST))
        chip.setToolTip(plain_tooltip(text))
        chip.setObjectName(f"{self.objectName()}.{name}")
        if is_fixed:
            chip.setAccessibleName(text)
            chip.setEnabled(False)
        else:
            chip.setIcon(icon("x"))
            chip.setIconSize(QSize(12, 12))
            chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            chip.setAccessibleName(self.tr("Remove {value}").format(value=text))
            chip.clicked.connect(lambda: self.removed.emit(name))
        return chip


def value_texts(request: Request) -> dict[str, str]:
    """Return what of a request differs from its defaults, in words, by the name of its field."""
    kind = kind_of(request)
    texts: dict[str, str] = {}
    for name, field in kind.fields.items():
        value = getattr(request, name)
        needed = getattr(request, field.requires) if field.requires else True
        if field.label and not field.required and value != field.default and needed is not None:
            texts[name] = value_text(tr(field.label), _in_words(value, field.format_value(value)))
    return texts


def value_text(label: str, value: str) -> str:
    """Return the text of a chip."""
    return tr("{name}: {value}").format(name=label, value=value) if value else label


def _in_words(value: object, formatted: str) -> str:
    if isinstance(value, InputFile):
        return Path(value.path).name
    return "" if value is True else formatted
