"""What is wrong with an answer: listed below it, and marked in its text."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QGuiApplication, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from studio.ui.gallery.review_states import state_title
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, severity_colour
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.word_places import rendered_place
from studio.writing.facts.compare import FactCheck
from studio.writing.facts.findings import Finding

_SHOWN = 12
_TINT = 50
"""Of 255: the text must stay readable."""


class FindingsBox(QWidget):
    """Object names: `text.findings`, `text.again`."""

    again_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marked: QTextDocument | None = None
        self.heading = TintedLabel(self)
        self.list = plain_label(parent=self)
        self.list.setObjectName("text.findings")
        self.list.setWordWrap(True)
        self.again = QPushButton(self.tr("Write again with this"), self)
        self.again.setObjectName("text.again")
        self.again.setAccessibleName(self.again.text())
        self.again.setIcon(icon("refresh-cw"))
        self.again.setToolTip(self.tr("One more answer; the model is told what is wrong"))
        self.again.clicked.connect(self.again_clicked)
        row = QHBoxLayout()
        row.addWidget(self.heading, 1)
        row.addWidget(self.again)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, GRID // 2, 0, 0)
        rows.setSpacing(GRID // 2)
        rows.addLayout(row)
        rows.addWidget(self.list)

    def show_check(self, found: FactCheck, can_repeat: bool, review: str = "") -> None:
        """Show what was found, or that nothing was; `review` is the state of review."""
        count = len(found.findings)
        if count:
            text = self.tr("{n} to look at") if count > 1 else self.tr("1 to look at")
            self.heading.show_text(text.format(n=count), "warning")
        else:
            self.heading.show_text(self.tr("Nothing found by the checks of the form."), None)
        lines = [_line(each) for each in found.findings[:_SHOWN]]
        if count > _SHOWN:
            lines.append(self.tr("And {n} more").format(n=count - _SHOWN))
        lines += [translated(remark) for remark in found.not_judged]
        if review == "needs_review":
            lines.append(self.tr("A person must review this result before it is used."))
        elif review:
            lines.append(self.tr("Review: {state}").format(state=state_title(review)))
        self.list.setText("\n".join(lines))
        self.list.setVisible(bool(lines))
        self.again.setVisible(bool(count) and can_repeat)

    def mark(self, view: QTextBrowser, source: str, found: FactCheck) -> None:
        """Mark findings in a rendered text, once, with their reasons as tooltips."""
        document = view.document()
        if document is self._marked:
            return
        self._marked = document
        rendered = view.toPlainText()
        colour = severity_colour("warning", QGuiApplication.palette())
        tint = QColor(colour)
        tint.setAlpha(_TINT)
        # The check has seen the text without the blanks around it.
        offset = len(source) - len(source.lstrip())
        for finding in found.findings:
            start, end = finding.start + offset, finding.end + offset
            place = rendered_place(source, rendered, start, end)
            if place is None:
                continue
            mark = QTextCharFormat()
            mark.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            mark.setUnderlineColor(colour)
            mark.setBackground(tint)
            mark.setToolTip(plain_tooltip(translated(finding.message)))
            cursor = QTextCursor(document)
            cursor.setPosition(_utf16(rendered, place[0]))
            cursor.setPosition(_utf16(rendered, place[1]), QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(mark)


def _utf16(text: str, place: int) -> int:
    """Return a place as Qt counts."""
    return len(text[:place].encode("utf-16-le")) // 2


def _line(finding: Finding) -> str:
    message = translated(finding.message)
    text = one_line(finding.text, 60)
    # Some messages name it themselves.
    return f"• {message}" if not text or text in message else f"• “{text}”: {message}"
