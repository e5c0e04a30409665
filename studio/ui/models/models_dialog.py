"""The models dialog: what is installed, what can be got, and the downloads."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QDialog, QTabWidget, QVBoxLayout, QWidget

from studio.ui.models.downloads import downloads_of
from studio.ui.models.downloads_page import DownloadsPage
from studio.ui.models.get_page import GetPage
from studio.ui.models.installed_page import InstalledPage
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID


class ModelsDialog(QDialog):
    """Not modal. `task` is the kind of work shown first; empty for the first one."""

    def __init__(self, state: AppState, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._downloads = downloads_of(state)
        self.setObjectName("models")
        self.setWindowTitle(self.tr("Models"))
        self.resize(112 * GRID, 78 * GRID)
        self._state = state
        self.installed = InstalledPage(state, task, self)
        self.get = GetPage(state, task, self)
        self.downloads = DownloadsPage(state, self)
        self.pages = QTabWidget(self)
        self.pages.setObjectName("models.pages")
        self.pages.setDocumentMode(True)
        self.pages.addTab(self.installed, icon("package"), self.tr("Installed"))
        self.pages.addTab(self.get, icon("search"), self.tr("Get models"))
        self.pages.addTab(self.downloads, icon("download"), "")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, 0)
        layout.addWidget(self.pages)
        self.get.downloads_requested.connect(self.show_downloads)
        self._downloads.changed.connect(self._show_count)
        self.finished.connect(lambda _: self.installed.close_search())
        self._show_count()
        if state.models_known and not state.models(task or None):
            self.show_get(task)

    def show_installed(self) -> None:
        """Show what is installed."""
        self.pages.setCurrentWidget(self.installed)

    def show_get(self, task: str = "", entry: str = "") -> None:
        """Show what can be got for a kind of work, and get an entry of the catalogue, if given."""
        self.pages.setCurrentWidget(self.get)
        if task:
            self.get.show_uses_of(task)
        if entry:
            self.get.get_entry(entry)

    def show_downloads(self) -> None:
        """Show the downloads."""
        self.pages.setCurrentWidget(self.downloads)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._state.look_for_new_models()

    def _show_count(self) -> None:
        count = len(self._downloads.running)
        title = self.tr("Downloads")
        index = self.pages.indexOf(self.downloads)
        self.pages.setTabText(index, f"{title} ({count})" if count else title)
