"""Asks before a link of an answer is opened."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QWidget

from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import plain_label


class OpenLinkDialog(QDialog):
    """Not modal; Enter and Esc cancel. Object names: `link.dialog`, `link.address`, `link.open`."""

    def __init__(self, link: QUrl, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.setObjectName("link.dialog")
        self.setWindowTitle(self.tr("Open link"))
        self.setMinimumWidth(60 * GRID)
        host = link.host(QUrl.ComponentFormattingOption.FullyEncoded)
        about = plain_label(
            self.tr("This link leads to {host}. Open it in the browser?").format(host=host), self
        )
        about.setWordWrap(True)
        address = QLineEdit(link.toString(QUrl.ComponentFormattingOption.FullyEncoded), self)
        address.setObjectName("link.address")
        address.setAccessibleName(self.tr("Address"))
        address.setReadOnly(True)
        address.setCursorPosition(0)
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        self.open_button = buttons.addButton(self.tr("Open"), role.AcceptRole)
        self.open_button.setObjectName("link.open")
        self.open_button.setAutoDefault(False)
        self.cancel_button = buttons.addButton(self.tr("Cancel"), role.RejectRole)
        self.cancel_button.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, about, address, buttons, spacing=1)
        self.cancel_button.setFocus()

    def accept(self) -> None:
        """Open the link and close."""
        QDesktopServices.openUrl(self._link)
        super().accept()
