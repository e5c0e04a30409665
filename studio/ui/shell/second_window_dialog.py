"""Asks what to do if the open window of this home does not answer."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox

from studio.ui.style.theme import GRID
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import plain_label


class SecondWindowDialog(QDialog):
    """Accepted to open another window. Object names: `second.dialog`, `second.open`."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("second.dialog")
        self.setWindowTitle(self.tr("Prompt Studio"))
        self.setMinimumWidth(60 * GRID)
        about = plain_label(
            self.tr(
                "Prompt Studio is already open, but its window does not answer. Wait until it does,"
                " or close it. You can also open a second window, which uses the same library."
            ),
            self,
        )
        about.setWordWrap(True)
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        self.open_button = buttons.addButton(self.tr("Open a second window"), role.AcceptRole)
        self.open_button.setObjectName("second.open")
        self.open_button.setAutoDefault(False)
        cancel = buttons.addButton(self.tr("Cancel"), role.RejectRole)
        cancel.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, about, buttons, spacing=1)
        cancel.setFocus()
