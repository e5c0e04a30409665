"""The panel with the text that is edited: its head, the asks, the text, a proposal, and counts."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeySequence, QPalette, QShortcut
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.plain_text import one_line
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.editor.ask_bar import AskBar
from studio.ui.workspaces.text.editor.find_bar import FindBar
from studio.ui.workspaces.text.editor.proposal_view import ProposalView
from studio.ui.workspaces.text.editor.text_editor import TextEditor
from studio.writing.checks.length import length_of
from studio.writing.editing.script_times import script_pictures
from studio.writing.facts.compare import FactCheck

_COUNT_AFTER_MS = 200
LEAST_WIDTH = 52 * GRID


class EditorPanel(QFrame):
    """Object names: `text.editor`, `.undo`, `.redo`, `.find_button`, `.save_version`, …"""

    closed = Signal()
    save_clicked = Signal()
    export_clicked = Signal()
    pictures_clicked = Signal()
    place_changed = Signal()
    """The selection or the text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("text.editor")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setMinimumWidth(LEAST_WIDTH)
        self._title = StatusLine(self)
        emphasise(self._title)
        self.editor = TextEditor(self)
        self.undo = tool_button("undo-2", self.tr("Undo"), "text.undo", self)
        self.redo = tool_button("redo-2", self.tr("Redo"), "text.redo", self)
        self.search = tool_button("search", self.tr("Find and replace"), "text.find_button", self)
        self.save = QPushButton(icon("check"), self.tr("Save version"), self)
        self.save.setObjectName("text.save_version")
        self.save.setAccessibleName(self.save.text())
        self.save.setToolTip(
            self.tr("Keep this text in the library as a version of the result (Ctrl+S)")
        )
        self.pictures = tool_button(
            "images", self.tr("Draw the shots of this table…"), "text.draw_shots", self
        )
        self.pictures.clicked.connect(self.pictures_clicked)
        self.pictures.hide()
        self.export = tool_button("download", self.tr("Export…"), "text.export_text", self)
        close = tool_button("x", self.tr("Close the editor"), "text.editor_close", self)
        close.clicked.connect(self.closed)
        self.save.clicked.connect(self.save_clicked)
        self.export.clicked.connect(self.export_clicked)
        self.undo.clicked.connect(self.editor.undo)
        self.redo.clicked.connect(self.editor.redo)
        self.undo.setEnabled(False)
        self.redo.setEnabled(False)
        self.editor.undoAvailable.connect(self.undo.setEnabled)
        self.editor.redoAvailable.connect(self.redo.setEnabled)
        self.search.clicked.connect(self._find)
        head = QHBoxLayout()
        head.setSpacing(GRID // 2)
        head.addWidget(self._title, 1)
        for widget in (
            self.undo,
            self.redo,
            self.search,
            self.pictures,
            self.export,
            self.save,
            close,
        ):
            head.addWidget(widget)
        self.asks = AskBar(self)
        self.finder = FindBar(self.editor, self)
        self.finder.closed.connect(self._stop_finding)
        self.finder.hide()
        self.proposal = ProposalView(self)
        self.proposal.hide()
        parts = QSplitter(GuiQt.Orientation.Vertical, self)
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.editor)
        parts.addWidget(self.proposal)
        parts.setStretchFactor(0, 3)
        parts.setStretchFactor(1, 2)
        self.count = TintedLabel(self)
        self.state = TintedLabel(self)
        self.found = TintedLabel(self)
        self.found.setWordWrap(True)
        self.next = QPushButton(self.tr("Next place"), self)
        self.next.setObjectName("text.next_finding")
        self.next.setAccessibleName(self.next.text())
        self.next.clicked.connect(self._show_next)
        self.found.hide()
        self.next.hide()
        checks = QHBoxLayout()
        checks.setSpacing(GRID)
        checks.addWidget(self.found, 1)
        checks.addWidget(self.next)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self.count, 1)
        foot.addWidget(self.state)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        rows.setSpacing(GRID)
        rows.addLayout(head)
        rows.addWidget(self.asks)
        rows.addWidget(self.finder)
        rows.addWidget(parts, 1)
        rows.addLayout(checks)
        rows.addLayout(foot)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_COUNT_AFTER_MS)
        self._timer.timeout.connect(self._show_count)
        self.editor.edited.connect(self._timer.start)
        self.editor.selectionChanged.connect(self._timer.start)
        for keys, act in (
            (QKeySequence.StandardKey.Find, self._find),
            (QKeySequence.StandardKey.Save, self.save_clicked.emit),
        ):
            shortcut = QShortcut(QKeySequence(keys), self, act)
            shortcut.setContext(GuiQt.ShortcutContext.WidgetWithChildrenShortcut)

    def show_text(self, title: str, text: str) -> None:
        """Show another text."""
        self._title.set_text(one_line(title))
        self.proposal.hide()
        self.editor.set_text(text)
        self.show_check(None)
        self._show_count()

    def show_state(self, text: str) -> None:
        """Say whether the text is saved."""
        self.state.show_text(text)

    def show_check(self, found: FactCheck | None, checked: str = "") -> None:
        """Mark what the checks of a form found; None where there are none."""
        findings = found.findings if found is not None else ()
        self.editor.show_findings(checked, findings)
        self.found.setVisible(found is not None)
        self.next.setVisible(any(each.end > each.start for each in findings))
        if found is None:
            return
        count = len(findings)
        if not count:
            self.found.show_text(self.tr("Nothing found by the checks of the form."))
            return
        text = self.tr("{n} to look at") if count > 1 else self.tr("1 to look at")
        whole = [each for each in findings if each.end <= each.start]
        said = [text.format(n=count), *(translated(each.message) for each in whole[:2])]
        self.found.show_text(" ".join(said), "warning")

    def _show_next(self) -> None:
        finding = self.editor.next_finding()
        if finding is not None:
            message, text = translated(finding.message), one_line(finding.text, 40)
            said = message if text in message else f"“{text}”: {message}"
            self.found.show_text(said, "warning")
            self.editor.setFocus()

    def _find(self) -> None:
        start, end = self.editor.selection()
        self.finder.open(self.editor.text()[start:end])

    def _stop_finding(self) -> None:
        self.finder.hide()
        self.editor.setFocus()

    def _show_count(self) -> None:
        text = self.editor.text()
        start, end = self.editor.selection()
        words, characters = f"{length_of(text):,}", f"{len(text) - text.count(chr(10)):,}"
        if end > start:
            said = self.tr("{selected} of {words} words, {characters} characters")
            selected = f"{length_of(text[start:end]):,}"
        else:
            said, selected = self.tr("{words} words, {characters} characters"), ""
        self.count.show_text(said.format(selected=selected, words=words, characters=characters))
        self.pictures.setVisible("|" in text and len(script_pictures(text)) > 0)
        self.place_changed.emit()
