"""Where the library is: at the side of the window, or on a page of its own.

There is one view for both places. It moves, because two of them would each keep 100,000 results,
a search and a selection of their own.
"""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QVBoxLayout, QWidget

from studio.settings import WindowValues
from studio.ui.shell.tabs import Tabs
from studio.ui.style.theme import GRID

NARROW = 1100
"""In a narrower window the side is closed, so that the tab has the room."""


class _Widens(Protocol):
    def set_wide(self, is_wide: bool, /) -> None: ...


class LibraryPlace(QObject):
    """Object name of the side: `history.dock`."""

    def __init__(self, window: QMainWindow, tabs: Tabs, values: WindowValues) -> None:
        super().__init__(window)
        self._window = window
        self._tabs = tabs
        self._values = values
        self._view: QWidget | None = None
        self._widens: _Widens | None = None
        self._shown_narrow = False
        self.page = tabs.add_page("images", self.tr("Library"))
        layout = QVBoxLayout(self.page)
        layout.setContentsMargins(0, 0, 0, 0)
        self.dock = QDockWidget(self.tr("Library"), window)
        self.dock.setObjectName("history.dock")
        self.dock.setAllowedAreas(
            Qt.DockWidgetArea.RightDockWidgetArea | Qt.DockWidgetArea.LeftDockWidgetArea
        )
        self.dock.setTitleBarWidget(QWidget(self.dock))
        self.dock.setWidget(QWidget(self.dock))
        self.dock.setMinimumWidth(28 * GRID)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.installEventFilter(self)
        window.installEventFilter(self)
        tabs.page_shown.connect(self._page_shown)

    def finish(self) -> None:
        """Add the title bar of the side, which is not needed for the first paint."""
        from studio.ui.widgets.dock_title import DockTitle

        self.dock.setTitleBarWidget(DockTitle(self.dock.windowTitle(), self.dock))

    def fill(self, view: QWidget, widens: _Widens) -> None:
        """Put the view of the library in its place; `widens` is the same object."""
        self._view, self._widens = view, widens
        self._place()

    @property
    def is_page(self) -> bool:
        """Whether the library has the whole window."""
        return self._tabs.is_page_shown

    @property
    def side_open(self) -> bool:
        """Whether the library is shown at the side."""
        return self._values.side_open and not self.is_page

    def set_side_open(self, is_open: bool) -> None:
        """Open or close the side; a person's choice."""
        self._values.side_open = is_open
        self._shown_narrow = is_open and self._window.width() < NARROW
        self.update_side()

    def show_page(self) -> None:
        """Show the library on its page."""
        self._tabs.show_page()

    def search(self) -> None:
        """Show the library where it is open, else on its page, and focus its search field."""
        if not self.is_page and self.dock.isHidden():
            self.show_page()
        if self._view is not None:
            self._view.setFocus()

    def update_side(self) -> None:
        """Show or hide the side, as there is room for it."""
        has_room = self._window.width() >= NARROW or self._shown_narrow
        shown = self._values.side_open and has_room and not self.is_page
        if shown == self.dock.isHidden():
            self.dock.setVisible(shown)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the width of the window, and note that a person closed the side."""
        if watched is self.dock and event.type() == QEvent.Type.Close:
            self._values.side_open = False
        elif watched is self._window and event.type() == QEvent.Type.Resize:
            if self._window.width() >= NARROW:
                self._shown_narrow = False
            self.update_side()
        return False

    # ---- private

    def _page_shown(self, _is_page: bool) -> None:
        self._place()
        self.update_side()

    def _place(self) -> None:
        view, is_page = self._view, self.is_page
        if view is None:
            return
        if is_page and view.parentWidget() is not self.page:
            self.dock.setWidget(QWidget(self.dock))
            layout = self.page.layout()
            assert layout is not None
            layout.addWidget(view)
        elif not is_page and view is not self.dock.widget():
            self.dock.setWidget(view)
        if self._widens is not None:
            self._widens.set_wide(is_page)
        view.show()
