"""The fields of a form as controls."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.tinted_label import TintedLabel
from studio.writing.forms.form import Form, FormField

_LINES = {"multiline": (4, 10), "list": (3, 8)}
_EXAMPLE = 300
"""Characters of an example in an empty field."""


class FormFields(ScrollColumn):
    """Object names: `forms.field.<name>`. An error stands below its field."""

    changed = Signal()
    submitted = Signal()

    def __init__(
        self, form: Form, values: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, fills=True)
        self._form = form
        self.controls: dict[str, QWidget] = {}
        self._errors: dict[str, TintedLabel] = {}
        for field in form.fields:
            self.add(self._row(field, values.get(field.name, field.default)))

    def _row(self, field: FormField, value: str) -> QWidget:
        row = QWidget()
        rows = QVBoxLayout(row)
        rows.setContentsMargins(0, 0, 0, GRID)
        rows.setSpacing(GRID // 2)
        name = one_line(field.label, 80)
        title = self.tr("{label} (required)").format(label=name) if field.required else name
        label = plain_label(title, row)
        label.setWordWrap(True)
        control = self._control(field, value)
        control.setObjectName(f"forms.field.{field.name}")
        control.setAccessibleName(title)
        label.setBuddy(control)
        rows.addWidget(label)
        rows.addWidget(control)
        if field.help:
            help = plain_label(one_line(field.help, 300), row)
            help.setWordWrap(True)
            mute(help)
            rows.addWidget(help)
            control.setAccessibleDescription(one_line(field.help, 300))
        error = TintedLabel(row)
        error.setWordWrap(True)
        error.hide()
        rows.addWidget(error)
        self._errors[field.name] = error
        self.controls[field.name] = control
        return row

    def _control(self, field: FormField, value: str) -> QWidget:
        if field.type == "choice":
            box = QComboBox()
            if not field.default:
                box.addItem("", "")
            for choice in field.choices:
                box.addItem(one_line(choice, 120), choice)
            box.setCurrentIndex(max(0, box.findData(value)))
            box.currentIndexChanged.connect(self.changed)
            return box
        example = field.example.strip()[:_EXAMPLE]
        if field.type in _LINES:
            editor = PromptEdit(example, "")
            editor.setPlainText(value.strip())
            editor.grow(*_LINES[field.type])
            editor.textChanged.connect(self.changed)
            editor.submitted.connect(self.submitted)
            return editor
        line = QLineEdit(value)
        line.setPlaceholderText(one_line(example, 200))
        line.textChanged.connect(self.changed)
        if field.type == "number":
            line.setMaximumWidth(16 * GRID)
        return line

    def values(self) -> dict[str, str]:
        """Return what is filled in."""
        found: dict[str, str] = {}
        for name, control in self.controls.items():
            match control:
                case QComboBox():
                    found[name] = control.currentData() or ""
                case QPlainTextEdit():
                    found[name] = control.toPlainText()
                case QLineEdit():
                    found[name] = control.text()
        return found

    def set_values(self, values: Mapping[str, str]) -> None:
        """Fill in fields."""
        for name, value in values.items():
            match self.controls.get(name):
                case QComboBox() as box:
                    box.setCurrentIndex(max(0, box.findData(value)))
                case QPlainTextEdit() as editor:
                    editor.setPlainText(value.strip())
                case QLineEdit() as line:
                    line.setText(value.strip())

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Show errors below their fields, and go to the first."""
        for name, label in self._errors.items():
            label.show_text(errors.get(name, ""), "error")
            label.setVisible(name in errors)
        first = next((name for name in self.controls if name in errors), None)
        if first is not None:
            self.controls[first].setFocus()
            self.ensureWidgetVisible(self.controls[first])
