"""The buttons at the right end of the tabs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from studio.ui.shell.tabs import Tabs
from studio.ui.shell.window.actions import ActsOnWindow
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr

_NAMED = Qt.ToolButtonStyle.ToolButtonTextBesideIcon


def make_corner(window: ActsOnWindow) -> QToolButton:
    """Add the buttons to the tabs; returns the one for the models, which shows downloads."""
    corner = _Corner(window.tabs)
    row = QHBoxLayout(corner)
    row.setContentsMargins(0, 0, GRID, 0)
    row.setSpacing(GRID // 2)
    batch = _button("list-todo", tr("Batch"), "batch.open", corner, window.open_batch)
    models = _button("package", tr("Models"), "models.open", corner, window.open_models)
    settings = _button("settings", tr("Settings"), "settings.open", corner, window.open_settings)
    more = _button("ellipsis", tr("More"), "window.more", corner)
    more.setMenu(_more_menu(window, more))
    more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    for button in (batch, models, settings, more):
        row.addWidget(button)
    window.tabs.setCornerWidget(corner, Qt.Corner.TopRightCorner)
    corner.show()
    corner.fit()
    return models


class _Corner(QWidget):
    """Makes room for the tabs: first its buttons lose their names, then the tabs their icons."""

    def __init__(self, tabs: Tabs) -> None:
        super().__init__(tabs)
        self._tabs = tabs
        self._named_width = 0
        self._is_named = True
        self._is_fitting = False
        tabs.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A tab that is added asks for another layout.
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self.fit()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Show names and icons as far as the width of the window allows."""
        if self._is_fitting:
            return
        self._is_fitting = True
        if self._is_named:
            self._named_width = self.sizeHint().width()
        width, with_icons = self._tabs.width(), self._tabs.width_with_icons()
        self._show_names(self._named_width + with_icons <= width)
        self._tabs.show_icons(self.sizeHint().width() + with_icons <= width)
        self._is_fitting = False

    def _show_names(self, is_named: bool) -> None:
        if is_named == self._is_named:
            return
        self._is_named = is_named
        for button in self.findChildren(QToolButton):
            name = button.accessibleName()
            button.setToolButtonStyle(_NAMED if is_named else Qt.ToolButtonStyle.ToolButtonIconOnly)
            # While something is downloaded, the tooltip says what.
            if button.toolTip() in ("", name):
                button.setToolTip("" if is_named else name)


def _more_menu(window: ActsOnWindow, parent: QWidget) -> QMenu:
    menu = QMenu(parent)
    place = window.library_place
    side = menu.addAction(tr("Library at the side"))
    side.setCheckable(True)
    side.triggered.connect(place.set_side_open)
    menu.aboutToShow.connect(lambda: side.setChecked(place.side_open))
    menu.addSeparator()
    menu.addAction(icon("search"), tr("Command palette") + "\tCtrl+K", window.show_palette)
    menu.addAction(icon("keyboard"), tr("Keyboard shortcuts") + "\tF1", window.show_shortcuts)
    menu.addAction(tr("About Prompt Studio"), window.show_about)
    return menu


def _button(
    icon_name: str,
    text: str,
    name: str,
    parent: QWidget,
    on_click: Callable[[], object] | None = None,
) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    button.setIcon(icon(icon_name))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setAutoRaise(True)
    button.setObjectName(name)
    button.setAccessibleName(text)
    if on_click is not None:
        button.clicked.connect(lambda: on_click())
    return button
