"""The section "Form of the answer": free text, JSON by a schema, or a regular expression."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QVBoxLayout, QWidget

from studio.formats.chat.answer_form import MAX_FORM_LENGTH, columns_of
from studio.kinds.string_list import string_list
from studio.kinds.text import KIND, MAX_STOPS, TextRequest
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.values import TextValues

_FREE, _SCHEMA, _REGEX = range(3)
_LINES = 6


class AnswerFormSection(CollapsibleSection):
    """Object names: `text.form`, `text.form_kind`, `text.schema`, `text.regex`, `text.stop`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Form of the answer"), "text.form", parent)
        schema, regex, stop = (KIND.fields[name] for name in ("schema", "regex", "stop"))
        self.kind = QComboBox(self)
        self.kind.setObjectName("text.form_kind")
        self.kind.setAccessibleName(tr("Form of the answer"))
        self.kind.addItems([self.tr("Free text"), tr(schema.label), tr(regex.label)])
        self.schema = self._editor("text.schema", tr(schema.label), tr(schema.help), _LINES)
        self.schema.setPlaceholderText(
            '{\n  "type": "object",\n  "properties": {\n    "name": {"type": "string"}\n  }\n}'
        )
        self.regex = self._editor("text.regex", tr(regex.label), tr(regex.help), 2)
        self.regex.setPlaceholderText("(yes|no)")
        self.note = TintedLabel(self)
        self.note.setWordWrap(True)
        self.stop = self._editor("text.stop", tr(stop.label), tr(stop.help), 2)
        self.stop.setPlaceholderText(self.tr("One text in each line"))
        self._stop_label = plain_label(tr(stop.label), self)
        self._stop_label.setBuddy(self.stop)
        stops = QWidget(self)
        rows = QVBoxLayout(stops)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(GRID // 2)
        rows.addWidget(self._stop_label)
        rows.addWidget(self.stop)
        self._stops = stops
        for widget in (self.kind, self.schema, self.regex, self.note, stops):
            self.add(widget)
        self.kind.currentIndexChanged.connect(self._update)
        for editor in (self.schema, self.regex, self.stop):
            editor.textChanged.connect(self._update)
        self._update()

    def _editor(self, name: str, label: str, help: str, lines: int) -> QPlainTextEdit:
        editor = QPlainTextEdit(self)
        break_long_words(editor)
        editor.setObjectName(name)
        editor.setAccessibleName(label)
        editor.setToolTip(plain_tooltip(help))
        editor.setTabChangesFocus(True)
        editor.setFixedHeight(editor.fontMetrics().lineSpacing() * lines + 2 * GRID)
        return editor

    @property
    def folded(self) -> tuple[str, ...]:
        """The fields of the request whose controls are in this section."""
        return ("schema", "regex", "stop")

    def values(self) -> dict[str, Any]:
        """Return the fields of the request; what is not chosen is empty."""
        chosen = self.kind.currentIndex()
        stops = string_list(self.stop.toPlainText()) if chosen == _FREE else []
        assert isinstance(stops, list)
        return {
            "schema": self.schema.toPlainText().strip() if chosen == _SCHEMA else "",
            "regex": self.regex.toPlainText().strip("\n") if chosen == _REGEX else "",
            "stop": tuple(stops),
        }

    def error(self) -> str:
        """Return what is wrong with the form, "" if nothing."""
        given = self.values()
        schema, regex = given["schema"], given["regex"]
        if max(len(schema), len(regex)) > MAX_FORM_LENGTH:
            return self.tr("At most {most} characters are possible.").format(
                most=f"{MAX_FORM_LENGTH:,}"
            )
        if len(given["stop"]) > MAX_STOPS:
            return self.tr("At most {most} texts are possible.").format(most=MAX_STOPS)
        request = TextRequest(prompt="", schema=schema, regex=regex)
        return next((translated(message) for _, message in KIND.check(request)), "")

    def reset(self, name: str) -> None:
        """Give one of the fields its default."""
        if name == "stop":
            self.stop.setPlainText("")
        else:
            self.kind.setCurrentIndex(_FREE)

    def show_values(self, values: TextValues | TextRequest) -> None:
        """Show the values."""
        if values.schema:
            self.schema.setPlainText(values.schema)
        if values.regex:
            self.regex.setPlainText(values.regex)
        self.kind.setCurrentIndex(_SCHEMA if values.schema else _REGEX if values.regex else _FREE)
        self.stop.setPlainText(_lines(values.stop))

    def store_values(self, values: TextValues) -> None:
        """Store the values, and whether the section is open."""
        for name, value in self.values().items():
            setattr(values, name, value[:MAX_FORM_LENGTH])
        values.form_open = self.is_open()

    def _update(self) -> None:
        chosen = self.kind.currentIndex()
        self.schema.setVisible(chosen == _SCHEMA)
        self.regex.setVisible(chosen == _REGEX)
        self._stops.setVisible(chosen == _FREE)
        error = self.error()
        columns = columns_of(self.schema.toPlainText()) if chosen == _SCHEMA and not error else ()
        if error:
            self.note.show_text(error, "error")
        elif columns:
            names = ", ".join(columns)
            self.note.show_text(self.tr("Parts of the answer: {names}").format(names=names), None)
        self.note.setVisible(bool(error or columns))
        self.changed.emit()


def _lines(stops: tuple[str, ...]) -> str:
    """Return texts as lines, as JSON where one has several lines."""
    import msgspec

    if any("\n" in stop or "\r" in stop for stop in stops) or (stops and stops[0][:1] == "["):
        return msgspec.json.encode(stops).decode()
    return "\n".join(stops)
