"""Settings of the model hub: its address, the proxy on the way, and the access token."""

from __future__ import annotations

import os

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from studio.protocol import Problem, ProblemError
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.plain_text import one_line
from studio.ui.widgets.tinted_label import TintedLabel

_OFFICIAL = "https://huggingface.co"
_MIRROR = "https://hf-mirror.com"


class HubSettings(QWidget):
    """Changes of the address apply from the next question to the hub on."""

    def __init__(self, state: AppState, form: QFormLayout, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.hide()  # its rows are in the form of the dialog
        self.endpoint = QComboBox(parent)
        self.endpoint.setObjectName("settings.hub_endpoint")
        self.endpoint.setAccessibleName(self.tr("Model hub"))
        self.endpoint.setEditable(True)
        self.endpoint.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._default = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or _OFFICIAL
        self.endpoint.addItem(_OFFICIAL)
        self.endpoint.addItem(_MIRROR)
        self.endpoint.setCurrentText(one_line(state.settings.hub_endpoint or self._default))
        self.note = TintedLabel(parent)
        self.note.setObjectName("settings.hub_note")
        self.note.setWordWrap(True)
        self.note.setMinimumHeight(3 * parent.fontMetrics().lineSpacing())
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        address = QVBoxLayout()
        address.setSpacing(GRID // 2)
        address.addWidget(self.endpoint)
        address.addWidget(self.note)
        self.token = QLineEdit(parent)
        self.token.setObjectName("settings.token")
        self.token.setAccessibleName(self.tr("Access token"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setMaxLength(400)
        self.token.setPlaceholderText(self.tr("Looking…"))
        self.save_token = dialog_button(
            self.tr("Save token"), "settings.token_save", self._save_token, parent
        )
        self.clear_token = dialog_button(
            self.tr("Delete token"), "settings.token_clear", self._clear_token, parent
        )
        self.save_token.setEnabled(False)
        self.clear_token.setEnabled(False)
        self.token.textChanged.connect(lambda text: self.save_token.setEnabled(bool(text.strip())))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.token, 1)
        row.addWidget(self.save_token)
        row.addWidget(self.clear_token)
        self.proxy = QLineEdit(one_line(state.settings.proxy), parent)
        self.proxy.setObjectName("settings.proxy")
        self.proxy.setAccessibleName(self.tr("Proxy"))
        self.proxy.setMaxLength(400)
        self.proxy.setPlaceholderText(self.tr("As the system"))
        self.proxy.setToolTip(
            self.tr(
                "For model downloads, such as http://127.0.0.1:7890. Empty: as the system or the "
                "environment variable HTTPS_PROXY says."
            )
        )
        self.proxy.editingFinished.connect(self._proxy_changed)
        form.addRow(self.tr("Model hub"), address)
        form.addRow(self.tr("Proxy"), self.proxy)
        form.addRow(self.tr("Access token"), row)
        self.endpoint.currentTextChanged.connect(self._endpoint_changed)
        self._show_note("")
        self._look_for_token()
        self._look_for_proxy()

    def _look_for_proxy(self) -> None:
        if self._state.settings.proxy:
            return

        def look() -> str:
            from studio.downloads.proxy import system_proxy

            return system_proxy()

        def found(address: str) -> None:
            if address:
                text = self.tr("As the system: {address}").format(address=one_line(address, 80))
                self.proxy.setPlaceholderText(text)

        self._state.background.waiting(self, look, found, self._failed)

    def _proxy_changed(self) -> None:
        from studio.downloads.proxy import use_proxy

        text = self.proxy.text().strip()
        if text == self._state.settings.proxy:
            return
        try:
            use_proxy(text)
        except ProblemError as error:
            self._show_note(translated(error.problem.message), is_problem=True)
            return
        self._state.settings.proxy = text
        self._show_note("")
        self._state.save_soon()

    def _endpoint_changed(self, text: str) -> None:
        text = text.strip().rstrip("/")
        before = self._state.settings.hub_endpoint
        self._state.settings.hub_endpoint = "" if text == self._default else text
        from studio.models.hub.endpoint import hub_endpoint

        try:
            hub_endpoint(self._state.settings)
        except ProblemError as error:
            self._state.settings.hub_endpoint = before
            self._show_note(translated(error.problem.message), is_problem=True)
            return
        self._show_note("")
        self._state.save_soon()
        self._look_for_token()

    def _show_note(self, text: str, *, is_problem: bool = False) -> None:
        hint = self.tr(
            "Where the official address is blocked, as in mainland China, choose a mirror such as "
            "{mirror}. It is run by others and could not be tried when this version was made."
        ).format(mirror=_MIRROR)
        self.note.show_text(text or hint, "error" if is_problem else None)

    def _look_for_token(self) -> None:
        settings = self._state.settings

        def look() -> str:
            from studio.models.hub.endpoint import hub_endpoint
            from studio.models.hub.tokens import token_place

            endpoint = hub_endpoint(settings)
            return token_place(endpoint, endpoint)

        self._state.background.waiting(self, look, self._show_place, self._failed)

    def _show_place(self, place: str) -> None:
        self.clear_token.setEnabled(place == "keyring")
        self.token.setPlaceholderText(
            {
                "keyring": self.tr("Saved in the system's keyring"),
                "environment": self.tr("From the environment variable HF_TOKEN"),
                "file": self.tr("From the file of “hf auth login”"),
            }.get(place, self.tr("None. Only models with terms to accept need one."))
        )

    def _save_token(self) -> None:
        settings, token = self._state.settings, self.token.text()

        def save() -> None:
            from studio.models.hub.endpoint import hub_endpoint
            from studio.models.hub.tokens import save_token

            save_token(hub_endpoint(settings), token)

        self._state.background.waiting(self, save, lambda _: self._token_changed(), self._failed)

    def _clear_token(self) -> None:
        settings = self._state.settings

        def clear() -> bool:
            from studio.models.hub.endpoint import hub_endpoint
            from studio.models.hub.tokens import clear_token

            return clear_token(hub_endpoint(settings))

        self._state.background.waiting(self, clear, lambda _: self._token_changed(), self._failed)

    def _token_changed(self) -> None:
        with QSignalBlocker(self.token):
            self.token.clear()
        self.save_token.setEnabled(False)
        self._show_note("")
        self._look_for_token()

    def _failed(self, problem: Problem) -> None:
        self._show_note(translated(problem.message), is_problem=True)
