"""A model's proposal for a passage: while it is written, and as changes to accept or reject."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QTimer, QUrl, Signal
from PySide6.QtGui import QColor, QGuiApplication, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QFrame, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID, Severity, emphasise, severity_colour
from studio.ui.widgets.buttons import dialog_button, tool_button
from studio.ui.widgets.long_words import has_long_word
from studio.ui.widgets.marked_selection import marked_selection
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.tinted_label import TintedLabel
from studio.writing.editing.proposal import Proposal

_SAME = 160
"""Characters shown at each end of a long part that does not change."""

MAX_SHOWN = 400
"""Changes that are shown one by one; the others are decided together."""

_REFRESH_MS = 150
_TINT, _STRONG_TINT = 40, 90


class ProposalView(QFrame):
    """Object names: `text.proposal`, `.accept`, `.reject`, `.accept_all`, `.reject_all`, …"""

    decided = Signal(int, bool)
    all_decided = Signal(bool)
    stopped = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._proposal: Proposal | None = None
        self._current: int | None = None
        self._written = ""
        self._heading = plain_label(parent=self)
        emphasise(self._heading)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self.stop = dialog_button(self.tr("Stop"), "text.proposal_stop", self.stopped.emit, self)
        close = tool_button("x", self.tr("Close the proposal"), "text.proposal_close", self)
        close.clicked.connect(self.closed)
        self.body = _Body(self)
        self.body.setObjectName("text.proposal")
        self.body.setAccessibleName(self.tr("Proposal"))
        self.body.anchorClicked.connect(self._picked)
        self.earlier = tool_button("chevron-left", self.tr("Previous change"), "", self)
        self.later = tool_button("chevron-right", self.tr("Next change"), "", self)
        self.earlier.clicked.connect(lambda: self.step(-1))
        self.later.clicked.connect(lambda: self.step(1))
        self.accept = dialog_button(
            self.tr("Accept"), "text.accept", lambda: self._decide(True), self, "check"
        )
        self.reject = dialog_button(
            self.tr("Decline"), "text.reject", lambda: self._decide(False), self, "x"
        )
        self.accept_all = dialog_button(
            self.tr("Accept all"), "text.accept_all", lambda: self.all_decided.emit(True), self
        )
        self.reject_all = dialog_button(
            self.tr("Decline all"), "text.reject_all", lambda: self.all_decided.emit(False), self
        )
        head, foot = QHBoxLayout(), QHBoxLayout()
        for row in (head, foot):
            row.setSpacing(GRID // 2)
        head.addWidget(self._heading)
        head.addWidget(self._note, 1)
        head.addWidget(self.stop)
        head.addWidget(close)
        for widget in (self.earlier, self.later, self.accept, self.reject):
            foot.addWidget(widget)
        foot.addStretch(1)
        foot.addWidget(self.accept_all)
        foot.addWidget(self.reject_all)
        self._buttons = (
            self.earlier,
            self.later,
            self.accept,
            self.reject,
            self.accept_all,
            self.reject_all,
        )
        rows = QVBoxLayout(self)
        rows.setContentsMargins(GRID, GRID, GRID, GRID)
        rows.setSpacing(GRID // 2)
        rows.addLayout(head)
        rows.addWidget(self.body, 1)
        rows.addLayout(foot)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(lambda: self.body.show_plain(self._written))

    def show_waiting(self, title: str, note: str) -> None:
        """Show that a proposal is being made."""
        self._proposal = None
        self._written = ""
        self.body.show_plain("")
        self._heading.setText(title)
        self._note.show_text(note)
        self.stop.show()
        self._show_buttons(False)

    def add_text(self, text: str) -> None:
        """Show more of what the model writes."""
        if not self._written:
            self._note.show_text(self.tr("Writing…"))
        self._written += text
        if not self._timer.isActive():
            self._timer.start()

    def show_note(self, note: str, severity: Severity | None) -> None:
        """Show why there is no proposal, or what has happened to it."""
        self._timer.stop()
        self._proposal = None
        self.stop.hide()
        self._note.show_text(note, severity)
        self._show_buttons(False)

    def show_proposal(self, proposal: Proposal, current: int | None = None) -> None:
        """Show the changes; `current` is the one that the buttons are for."""
        self._timer.stop()
        self._proposal = proposal
        self._current = current if current is not None else proposal.next_open()
        self.stop.hide()
        self._show_buttons(True)
        self._show()

    def _show_buttons(self, shown: bool) -> None:
        for button in self._buttons:
            button.setVisible(shown)

    def _show(self) -> None:
        proposal = self._proposal
        if proposal is None:
            return
        count, current = len(proposal.changes), self._current
        said = self.tr("Change {n} of {count}")
        self._note.show_text(
            said.format(n=f"{(current or 0) + 1:,}", count=f"{count:,}"),
        )
        for button in (self.earlier, self.later):
            button.setEnabled(count > 1)
        decision = proposal.decisions.get(current) if current is not None else None
        self.accept.setEnabled(current is not None and decision is not True)
        self.reject.setEnabled(current is not None and decision is not False)
        self.body.show_changes(proposal, current)

    def step(self, by: int) -> None:
        """Go to the next change, or the previous one."""
        if self._proposal is not None and self._proposal.changes:
            self._current = ((self._current or 0) + by) % len(self._proposal.changes)
            self._show()

    def _picked(self, link: QUrl) -> None:
        if self._proposal is not None and link.toString().isdecimal():
            self._current = int(link.toString())
            self._show()

    def _decide(self, accepted: bool) -> None:
        if self._proposal is not None and self._current is not None:
            self.decided.emit(self._current, accepted)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show()


class _Body(QTextBrowser):
    """The passage with its changes: what goes is struck out, what comes is underlined."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setMinimumHeight(10 * GRID)
        self.note = ""
        """Goes along with what is copied."""
        self._shown: QTextDocument | None = None

    def createMimeDataFromSelection(self) -> QMimeData:
        return marked_selection(super().createMimeDataFromSelection(), self.note)

    def loadResource(self, _kind: int, _name: QUrl | str) -> object:
        """Load nothing."""
        return None

    def show_plain(self, text: str) -> None:
        """Show what is written so far."""
        self._break_words(text)
        self.setPlainText(text)  # into the document that is shown
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def _break_words(self, text: str) -> None:
        anywhere = has_long_word(text)
        mode = self.wordWrapMode()
        wanted = type(mode).WrapAnywhere if anywhere else type(mode).WrapAtWordBoundaryOrAnywhere
        if mode != wanted:
            self.setWordWrapMode(wanted)

    def show_changes(self, proposal: Proposal, current: int | None) -> None:
        """Show the passage, scrolled to the current change."""
        document = QTextDocument(self)
        document.setUndoRedoEnabled(False)
        document.setDefaultFont(self.font())
        cursor = QTextCursor(document)
        original, place, at = proposal.original, 0, 0
        plain = QTextCharFormat()
        self._break_words(original + "".join(each.after for each in proposal.changes[:MAX_SHOWN]))
        for index, change in enumerate(proposal.changes[:MAX_SHOWN]):
            same = original[place : change.start]
            cursor.insertText(_shortened(same, is_first=not place), plain)
            if index == current:
                at = cursor.position()
            decision = proposal.decisions.get(index)
            is_current = index == current
            if decision is not True and change.before:
                gone = _format("error", index, is_current)
                gone.setFontStrikeOut(decision is None)
                cursor.insertText(change.before, gone if decision is None else _quiet(gone))
            if decision is not False and change.after:
                new = _format("success", index, is_current)
                new.setFontUnderline(decision is None)
                cursor.insertText(change.after, new if decision is None else _quiet(new))
            if decision is False and not change.before:
                cursor.insertText("·", _quiet(_format("error", index, is_current)))
            place = change.end
        cursor.insertText(_shortened(original[place:], is_last=True), plain)
        self.setDocument(document)
        if self._shown is not None:
            self._shown.deleteLater()
        self._shown = document
        cursor.setPosition(at)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()


def _shortened(text: str, *, is_first: bool = False, is_last: bool = False) -> str:
    if len(text) <= 2 * _SAME:
        return text
    head = "" if is_first else text[:_SAME]
    tail = "" if is_last else text[-_SAME:]
    return f"{head} … {tail}"


def _format(severity: Severity, index: int, is_current: bool) -> QTextCharFormat:
    colour = severity_colour(severity, QGuiApplication.palette())
    tint = QColor(colour)
    tint.setAlpha(_STRONG_TINT if is_current else _TINT)
    shape = QTextCharFormat()
    shape.setForeground(colour)
    shape.setBackground(tint)
    shape.setAnchor(True)
    shape.setAnchorHref(str(index))
    return shape


def _quiet(shape: QTextCharFormat) -> QTextCharFormat:
    """Return the format of a change that was decided."""
    shape.setFontUnderline(False)
    shape.setFontStrikeOut(False)
    return shape
