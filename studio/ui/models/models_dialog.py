"""The models dialog: what is installed, what can be got, and the downloads."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QDialog, QTabWidget, QVBoxLayout, QWidget

from studio.protocol import ModelRef
from studio.ui.models.downloads import downloads_of
from studio.ui.models.downloads_page import DownloadsPage
from studio.ui.models.folder_watch import folder_watch_of
from studio.ui.models.get_page import GetPage
from studio.ui.models.installed_page import InstalledPage
from studio.ui.shell.event_loop_slices import Slice, run_in_slices
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
        self._task = task
        self._get: GetPage | None = None
        self._downloads_page: DownloadsPage | None = None
        self.installed = InstalledPage(state, task, self)
        self._places = [_Place(self), _Place(self)]
        self.pages = QTabWidget(self)
        self.pages.setObjectName("models.pages")
        self.pages.setDocumentMode(True)
        self.pages.addTab(self.installed, icon("package"), self.tr("Installed"))
        self.pages.addTab(self._places[0], icon("search"), self.tr("Get models"))
        self.pages.addTab(self._places[1], icon("download"), "")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, 0)
        layout.addWidget(self.pages)
        self._downloads.changed.connect(self._show_count)
        self.finished.connect(lambda _: self.installed.close_search())
        self._show_count()
        if state.models_known and not state.models(task or None):
            self.show_get(task)
        # Filling all pages at once would stop the window for a moment. The first event loop
        # iteration is that of the first paint.
        self.installed.view.rebuilt.connect(self._build_pages)
        run_in_slices(self, [_wait, _wait, self.installed.refresh], lambda: True)

    @property
    def get(self) -> GetPage:
        """The page where models can be got, built on first use."""
        if self._get is None:
            self._get = GetPage(self._state, self._task, self)
            self._get.downloads_requested.connect(self.show_downloads)
            self._places[0].fill(self._get)
        return self._get

    @property
    def downloads(self) -> DownloadsPage:
        """The page of downloads, built on first use."""
        if self._downloads_page is None:
            self._downloads_page = DownloadsPage(self._state, self)
            self._places[1].fill(self._downloads_page)
        return self._downloads_page

    def show_installed(self) -> None:
        """Show what is installed."""
        self.pages.setCurrentWidget(self.installed)

    def show_get(self, task: str = "", entry: str = "") -> None:
        """Show what can be got for a kind of work, and get an entry of the catalogue, if given."""

        def show(page: GetPage) -> None:
            if task:
                page.show_uses_of(task)
            if entry:
                page.get_entry(entry)

        self._show_page_of_get(show)

    def show_smaller(self, model: ModelRef) -> None:
        """Show what can be got, and get a smaller version of an installed model."""
        self._show_page_of_get(lambda page: page.get_smaller(model))

    def show_downloads(self) -> None:
        """Show the downloads."""
        self.pages.setCurrentWidget(self._places[1])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            folder_watch_of(self._state).look()

    def _show_page_of_get(self, then: Callable[[GetPage], None]) -> None:
        self.pages.setCurrentWidget(self._places[0])
        if self._get is not None:
            then(self._get)
        else:
            # Not in the event loop iteration in which the dialog itself is built and shown.
            run_in_slices(self, [_wait, lambda: then(self.get)], lambda: True)

    def _build_pages(self) -> None:
        self.installed.view.rebuilt.disconnect(self._build_pages)
        slices: list[Slice] = [_wait, lambda: self.downloads, lambda: self.get]
        run_in_slices(self, slices, lambda: True)

    def _show_count(self) -> None:
        count = len(self._downloads.running)
        title = self.tr("Downloads")
        index = self.pages.indexOf(self._places[1])
        self.pages.setTabText(index, f"{title} ({count})" if count else title)


def _wait() -> None:
    """Leave an event loop iteration to others."""


class _Place(QWidget):
    """Where a page of the dialog will be."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def fill(self, page: QWidget) -> None:
        """Show the page here."""
        self._layout.addWidget(page)
