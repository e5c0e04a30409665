"""Asks before much of a download is deleted."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QWidget

from studio.protocol import readable_size
from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import one_line, plain_label


class CancelDownload(QDialog):
    """Enter and Esc keep it. `size` is the bytes downloaded so far."""

    def __init__(self, title: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("downloads.question")
        self.setWindowTitle(self.tr("Cancel the download"))
        self.setMinimumWidth(50 * GRID)
        question = self.tr(
            "Cancel the download of {name}? The {size} downloaded so far are deleted."
        )
        text = plain_label(question.format(name=one_line(title), size=readable_size(size)), self)
        text.setWordWrap(True)
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        self.delete = buttons.addButton(self.tr("Cancel and delete"), role.AcceptRole)
        self.delete.setAutoDefault(False)
        self.keep = buttons.addButton(self.tr("Go on"), role.RejectRole)
        self.keep.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, text, buttons)
        self.keep.setFocus()
