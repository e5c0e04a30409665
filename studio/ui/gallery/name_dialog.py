"""Asking for one name."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID

LONGEST = 100


class NameDialog(QDialog):
    """Not modal; Enter keeps, Esc leaves. Object names: `<name>`, `<name>.edit`."""

    kept = Signal(str)

    def __init__(
        self, name: str, title: str, question: str, text: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setMinimumWidth(45 * GRID)
        about = QLabel(question, self)
        self.edit = QLineEdit(text, self)
        self.edit.setObjectName(f"{name}.edit")
        self.edit.setAccessibleName(question)
        self.edit.setMaxLength(LONGEST)
        about.setBuddy(self.edit)
        buttons = QDialogButtonBox(self)
        self._save = buttons.addButton(self.tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.edit.textChanged.connect(self._enable)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        for widget in (about, self.edit, buttons):
            layout.addWidget(widget)
        self._enable()

    def accept(self) -> None:
        """Hand over the name."""
        name = " ".join(self.edit.text().split())
        if name:
            self.kept.emit(name)
            super().accept()

    def _enable(self) -> None:
        self._save.setEnabled(bool(self.edit.text().strip()))
