"""Asks before something is deleted for good."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import plain_label


class DeleteQuestion(QDialog):
    """Enter and Esc keep it. `delete` and `keep` are the texts of the buttons."""

    def __init__(
        self,
        title: str,
        question: str,
        delete: str,
        keep: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("models.question")
        self.setWindowTitle(title)
        self.setMinimumWidth(50 * GRID)
        text = plain_label(question, self)
        text.setWordWrap(True)
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        self.delete = buttons.addButton(delete, role.AcceptRole)
        self.delete.setAutoDefault(False)
        self.keep = buttons.addButton(keep, role.RejectRole)
        self.keep.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, text, buttons)
        self.keep.setFocus()
