"""A dialog that notes what a person decided on results, with name and remark."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from studio.library.records import Asset
from studio.library.review import MAX_REMARK, MAX_REVIEWER, STATES, Review
from studio.ui.gallery.history_model import shown_text
from studio.ui.gallery.review_states import state_title
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import tr
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.tinted_label import TintedLabel


class ReviewDialog(QDialog):
    """Not modal. Object names: `history.review`, `.state`, `.name`, `.remark`, `.hint`."""

    submitted = Signal(str, str, str)
    """State, name of the reviewer, remark."""

    def __init__(
        self, assets: Sequence[Asset], reviewer: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("history.review")
        self.setWindowTitle(self.tr("Review"))
        self.setMinimumWidth(50 * GRID)
        self.state = QComboBox(self)
        self.state.setObjectName("history.review.state")
        self.state.setAccessibleName(self.tr("State"))
        for state in STATES:
            self.state.addItem(state_title(state), state)
        first = assets[0]
        self.state.setCurrentIndex(max(0, self.state.findData(first.review_state)))
        self.name = QLineEdit(reviewer, self)
        self.name.setObjectName("history.review.name")
        self.name.setAccessibleName(self.tr("Your name"))
        self.name.setMaxLength(MAX_REVIEWER)
        self.remark = QPlainTextEdit(self)
        break_long_words(self.remark)
        self.remark.setObjectName("history.review.remark")
        self.remark.setAccessibleName(self.tr("Remark"))
        self.remark.setTabChangesFocus(True)
        self.remark.setFixedHeight(4 * self.fontMetrics().lineSpacing() + 2 * GRID)
        if first.review is not None and len(assets) == 1:
            self.remark.setPlainText(first.review.remark)
        about = plain_label(
            self.tr("What was decided on this result; it goes along when it is exported.")
            if len(assets) == 1
            else self.tr(
                "What was decided on these {n} results; it goes along when they are exported."
            ).format(n=len(assets)),
            self,
        )
        about.setWordWrap(True)
        which = StatusLine(self)
        emphasise(which)
        which.set_text(_title(first) if len(assets) == 1 else "")
        which.setVisible(len(assets) == 1)
        self.hint = TintedLabel(self)
        self.hint.setObjectName("history.review.hint")
        self.hint.setWordWrap(True)
        self._decided = _decided(first.review) if len(assets) == 1 else ""
        self.state.currentIndexChanged.connect(lambda _: self._show_hint())
        self.name.textChanged.connect(lambda _: self._show_hint())
        self._show_hint()
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for text, control in (
            (self.tr("State"), self.state),
            (self.tr("Your name"), self.name),
            (self.tr("Remark"), self.remark),
        ):
            label = plain_label(text, self)
            label.setBuddy(control)
            rows.addRow(label, control)
        buttons = QDialogButtonBox(self)
        buttons.addButton(self.tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, which, about, rows, self.hint, buttons, spacing=1)

    def _show_hint(self) -> None:
        """Say who decided before, and what a missing name means."""
        is_nameless = self.state.currentData() == "approved" and not self.name.text().strip()
        nameless = self.tr("Without a name, nobody can see later who approved it.")
        self.hint.show_text(nameless if is_nameless else self._decided, None)
        self.hint.setVisible(bool(self.hint.text()))

    def accept(self) -> None:
        """Emit the decision and close."""
        remark = self.remark.toPlainText()[:MAX_REMARK]
        self.submitted.emit(self.state.currentData(), self.name.text(), remark)
        super().accept()


def _title(asset: Asset) -> str:
    """Return the first words of a text, else the prompt or the name of the file."""
    return one_line(shown_text(asset) if asset.text else asset.prompt or asset.path.name)


def _decided(review: Review | None) -> str:
    if review is None or not review.date:
        return ""
    said = (
        tr("So far: {state}, {name}, {date}") if review.reviewer else tr("So far: {state}, {date}")
    )
    return said.format(
        state=state_title(review.state), name=one_line(review.reviewer), date=review.date[:10]
    )
