"""Asks before a download whose size, licence or files a person should know about."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise, enlarge
from studio.ui.widgets.buttons import PrimaryButton, dialog_button
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.open_link_dialog import OpenLinkDialog
from studio.ui.widgets.plain_text import one_line, plain_label


class ConfirmDownload(QDialog):
    """Modal for its dialog; Enter and Esc cancel. `page` is the address to read more at, or ""."""

    def __init__(
        self,
        title: str,
        size: str,
        facts: Sequence[tuple[str, str]],
        notes: Sequence[str],
        page: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self.setObjectName("download.confirm")
        self.setWindowTitle(self.tr("Download"))
        self.setMinimumWidth(60 * GRID)
        name = plain_label(one_line(title), self)
        name.setWordWrap(True)
        enlarge(name)
        texts = QVBoxLayout()
        texts.setSpacing(GRID)
        texts.addWidget(name)
        for label, text in facts:
            heading = plain_label(label, self)
            emphasise(heading)
            texts.addWidget(heading)
            texts.addWidget(self._wrapped(text))
        self.notes = [self._wrapped(note) for note in notes]
        if self.notes:
            heading = plain_label(self.tr("Please note"), self)
            emphasise(heading)
            texts.addWidget(heading)
        for note in self.notes:
            texts.addWidget(note)
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        text = self.tr("Download {size}").format(size=size) if size else self.tr("Download")
        self.get = PrimaryButton(text, "download", "download.get", self)
        self.get.setAutoDefault(False)
        buttons.addButton(self.get, role.AcceptRole)
        self.cancel = buttons.addButton(self.tr("Cancel"), role.RejectRole)
        self.cancel.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        self.open_page = dialog_button(
            self.tr("Open its page…"), "download.page", self._open_page, self
        )
        self.open_page.setIcon(icon("external-link"))
        self.open_page.setVisible(bool(page))
        row.addWidget(self.open_page)
        row.addStretch(1)
        row.addWidget(buttons)
        fill_dialog(self, texts, row)
        self.cancel.setFocus()

    def _wrapped(self, text: str) -> QWidget:
        label = plain_label(text, self)
        label.setWordWrap(True)
        return label

    def _open_page(self) -> None:
        OpenLinkDialog(QUrl(self._page), self).open()
