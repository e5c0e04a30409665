"""Find and replace in the text that is edited."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import dialog_button, tool_button
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.editor.text_editor import TextEditor
from studio.writing.editing.find import places_of, replace_all

_AFTER_MS = 120


class FindBar(QWidget):
    """Object names: `text.find`, `.replace`, `.find_next`, `.replace_one`, `.replace_all`, …"""

    closed = Signal()

    def __init__(self, editor: TextEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._places: list[tuple[int, int]] = []
        self._current = -1
        self.words = self._line("text.find", self.tr("Find"))
        self.replacement = self._line("text.replace", self.tr("Replace with"))
        self.case = QCheckBox(self.tr("Match case"), self)
        self.case.setObjectName("text.match_case")
        self.count = TintedLabel(self)
        earlier = tool_button("arrow-up", self.tr("Previous match"), "text.find_previous", self)
        later = tool_button("arrow-down", self.tr("Next match"), "text.find_next", self)
        close = tool_button("x", self.tr("Close the search"), "text.find_close", self)
        earlier.clicked.connect(lambda: self.step(-1))
        later.clicked.connect(lambda: self.step(1))
        close.clicked.connect(self.closed)
        self.one = self._button(self.tr("Replace"), "text.replace_one", self.replace_one)
        self.every = self._button(self.tr("Replace all"), "text.replace_all", self.replace_every)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(GRID // 2)
        first.addWidget(self.words, 1)
        for widget in (self.count, earlier, later, close):
            first.addWidget(widget)
        second.addWidget(self.replacement, 1)
        for button in (self.case, self.one, self.every):
            second.addWidget(button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(GRID // 2)
        rows.addLayout(first)
        rows.addLayout(second)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AFTER_MS)
        self._timer.timeout.connect(self._look)
        self.words.textChanged.connect(self._timer.start)
        self.case.toggled.connect(self._look)
        self.words.returnPressed.connect(lambda: self.step(1))
        self.replacement.returnPressed.connect(self.replace_one)
        editor.edited.connect(self._text_changed)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self.closed.emit)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._show_count()

    def _line(self, name: str, text: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName(name)
        line.setPlaceholderText(text)
        line.setAccessibleName(text)
        line.setMinimumWidth(10 * GRID)
        return line

    def _button(self, text: str, name: str, act: object) -> QPushButton:
        assert callable(act)
        return dialog_button(text, name, act, self)

    def open(self, words: str) -> None:
        """Show the bar, with these words where they are a line."""
        self.show()
        if words and "\n" not in words:
            self.words.setText(words[:200])
        self.words.selectAll()
        self.words.setFocus()
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._editor.show_found((), -1)

    def _text_changed(self) -> None:
        if self.isVisible():
            self._timer.start()

    def _look(self) -> None:
        self._timer.stop()
        if not self.isVisible():
            return
        wanted, case = self.words.text(), self.case.isChecked()
        self._places = places_of(self._editor.text(), wanted, match_case=case)
        selected = self._editor.selection()
        self._current = self._places.index(selected) if selected in self._places else -1
        self._show_count()

    def step(self, by: int) -> None:
        """Select the next match, or the previous one."""
        self._look()
        if not self._places:
            return
        if self._current >= 0:
            self._current = (self._current + by) % len(self._places)
        else:
            at = self._editor.selection()[0]
            after = next((n for n, place in enumerate(self._places) if place[0] >= at), 0)
            self._current = after if by > 0 else (after - 1) % len(self._places)
        self._editor.select(*self._places[self._current])
        self._show_count()

    def replace_one(self) -> None:
        """Replace the match that is selected, and select the next one."""
        self._look()
        if self._current < 0:
            self.step(1)
            return
        start, end = self._places[self._current]
        self._editor.replace(start, end, self.replacement.text())
        after = start + len(self.replacement.text())
        self._editor.select(after, after)
        self.step(1)

    def replace_every(self) -> None:
        """Replace all matches as one step of undo."""
        self._timer.stop()
        text = self._editor.text()
        case = self.case.isChecked()
        new, count = replace_all(text, self.words.text(), self.replacement.text(), match_case=case)
        if count:
            self._editor.replace(0, len(text), new)
        self._look()
        said = self.tr("{n} replaced") if count != 1 else self.tr("1 replaced")
        self.count.show_text(said.format(n=f"{count:,}"))

    def _show_count(self) -> None:
        count = len(self._places)
        if not self.words.text():
            self.count.show_text("")
        elif not count:
            self.count.show_text(self.tr("Not found"), "warning")
        elif self._current >= 0:
            said = self.tr("{n} of {count}")
            self.count.show_text(said.format(n=f"{self._current + 1:,}", count=f"{count:,}"))
        else:
            self.count.show_text(self.tr("{count} found").format(count=f"{count:,}"))
        self.one.setEnabled(bool(count))
        self.every.setEnabled(bool(count))
        self._editor.show_found(self._places, self._current)
