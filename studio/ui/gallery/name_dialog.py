"""A dialog that asks for a name."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import plain_label

MAX_LENGTH = 100


class NameDialog(QDialog):
    """Not modal; Enter saves, Esc cancels. Object names: `<name>`, `<name>.edit`."""

    submitted = Signal(str)
    """The name that was entered."""

    def __init__(
        self, name: str, title: str, question: str, text: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setMinimumWidth(45 * GRID)
        about = plain_label(question, self)
        self.edit = QLineEdit(text, self)
        self.edit.setObjectName(f"{name}.edit")
        self.edit.setAccessibleName(question)
        self.edit.setMaxLength(MAX_LENGTH)
        about.setBuddy(self.edit)
        buttons = QDialogButtonBox(self)
        self._save = buttons.addButton(self.tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.edit.textChanged.connect(self._enable)
        fill_dialog(self, about, self.edit, buttons, spacing=1)
        self._enable()

    def accept(self) -> None:
        """Emit the name and close; does nothing while there is none."""
        name = " ".join(self.edit.text().split())
        if name:
            self.submitted.emit(name)
            super().accept()

    def _enable(self) -> None:
        self._save.setEnabled(bool(self.edit.text().strip()))
