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
from studio.library.review import MAX_REMARK, MAX_REVIEWER, STATES
from studio.ui.gallery.review_states import state_title
from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import plain_label


class ReviewDialog(QDialog):
    """Not modal. Object names: `history.review`, `.state`, `.name`, `.remark`."""

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
        fill_dialog(self, about, rows, buttons, spacing=1)

    def accept(self) -> None:
        """Emit the decision and close."""
        remark = self.remark.toPlainText()[:MAX_REMARK]
        self.submitted.emit(self.state.currentData(), self.name.text(), remark)
        super().accept()
