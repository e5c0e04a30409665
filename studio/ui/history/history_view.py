"""The history dock: recent results, a filter, and what can be done with one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from studio.library.records import Asset
from studio.ui.history.detail_text import detail_text
from studio.ui.history.history_model import (
    ASSET_ROLE,
    PICTURE_ROLE,
    SECOND_ROLE,
    HistoryModel,
)
from studio.ui.state import AppState
from studio.ui.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.icons import icon
from studio.ui.widgets.two_line_delegate import Index, TwoLineDelegate

PAGE = 200

_ICONS = {"text": "message-square-text", "image": "image", "upscale": "image-upscale"}


class _Rows(TwoLineDelegate):
    def picture(self, index: Index) -> QIcon | QPixmap | None:
        pixmap = index.data(PICTURE_ROLE)
        if isinstance(pixmap, QPixmap):
            return pixmap
        asset: Asset = index.data(ASSET_ROLE)
        return icon(_ICONS[asset.task], "muted")

    def side(self, index: Index) -> int:
        asset: Asset = index.data(ASSET_ROLE)
        return 20 if asset.task == "text" else 6 * GRID

    def second(self, index: Index) -> str:
        return str(index.data(SECOND_ROLE))


class HistoryView(QWidget):
    """Object names: `history.view`, `history.search`, `history.detail`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._limit = PAGE
        self.search = QLineEdit(self)
        self.search.setObjectName("history.search")
        self.search.setAccessibleName(self.tr("Search the results"))
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(250)
        self._typing.timeout.connect(self.refresh)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.model = HistoryModel(state.background, self._more, self)
        self.view = QListView(self)
        self.view.setObjectName("history.view")
        self.view.setAccessibleName(self.tr("Recent results"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Rows(6 * GRID, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.activated.connect(self._activated)
        self.view.selectionModel().currentChanged.connect(self._show_detail)
        self._empty = QLabel(self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        mute(self._empty)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        self.detail = QTextBrowser(self)
        self.detail.setObjectName("history.detail")
        self.detail.setAccessibleName(self.tr("About the chosen result"))
        self.detail.setOpenLinks(False)
        self.detail.setTabChangesFocus(True)
        self.detail.setFixedHeight(17 * GRID)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID // 2)
        self._actions = [
            self._action("sliders-horizontal", self.tr("Use these settings"), self._use),
            self._action("external-link", self.tr("Open"), self._open),
            self._action("folder-open", self.tr("Open folder"), self._open_folder),
            self._action("copy", self.tr("Copy"), self._copy),
        ]
        self._buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID // 2, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.detail)
        layout.addLayout(self._buttons)
        self.setFocusProxy(self.search)
        state.assets_changed.connect(self.refresh)
        self._show([], False)

    def refresh(self) -> None:
        """Look at the library again, on another thread."""
        library = self._state.library
        if library is None:
            return
        query, limit = self.search.text().strip(), self._limit

        def look() -> list[Asset]:
            return library.search(query) if query else library.recent(limit)

        self._state.background.read(
            self,
            look,
            lambda assets: self._show(assets, not query and len(assets) >= limit),
            self._state.problem.emit,
        )

    # ---- inside

    def _show(self, assets: list[Asset], has_more: bool) -> None:
        self.model.set_assets(assets, has_more)
        self._empty.setVisible(not assets)
        self._empty.setText(
            self.tr("Nothing was found.")
            if self.search.text().strip()
            else self.tr("What you make appears here.")
        )
        self._show_detail()

    def _more(self) -> None:
        self._limit += PAGE
        self.refresh()

    def _current(self) -> Asset | None:
        return self.model.asset(self.view.currentIndex())

    def _action(self, picture: str, text: str, act: Callable[[], None]) -> QWidget:
        button = tool_button(picture, text, parent=self)
        button.clicked.connect(lambda _checked=False: act())
        self._buttons.addWidget(button)
        return button

    def _show_detail(self, *_: object) -> None:
        asset = self._current()
        for button in self._actions:
            button.setEnabled(asset is not None)
        if asset is None:
            self.detail.setPlainText(self.tr("Choose a result to see how it was made."))
        else:
            self.detail.setHtml(detail_text(asset))

    def _activated(self, index: QModelIndex) -> None:
        self.view.setCurrentIndex(index)
        self._use()

    def _use(self) -> None:
        asset = self._current()
        if asset is not None:
            self._state.restore_wanted.emit(asset)

    def _open(self) -> None:
        asset = self._current()
        if asset is not None and self._is_there(asset):
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(asset.path)))

    def _open_folder(self) -> None:
        asset = self._current()
        if asset is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(asset.path.parent)))

    def _copy(self) -> None:
        asset = self._current()
        if asset is None:
            return
        if asset.task == "text":
            QGuiApplication.clipboard().setText(asset.text)
        elif self._is_there(asset):
            path = str(asset.path)
            self._state.background.read(
                self,
                lambda: QImage(path),
                lambda image: QGuiApplication.clipboard().setImage(image),
            )

    def _is_there(self, asset: Asset) -> bool:
        if asset.path.is_file():
            return True
        self._state.show_message(
            self.tr("The file {name} is no longer where it was saved.").format(
                name=asset.path.name
            ),
            "warning",
        )
        return False

    def _menu(self, place: QPoint) -> None:
        index: QModelIndex = self.view.indexAt(place)
        if not index.isValid():
            return
        self.view.setCurrentIndex(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icon("sliders-horizontal"), self.tr("Use these settings"), self._use)
        menu.addAction(icon("external-link"), self.tr("Open"), self._open)
        menu.addAction(icon("folder-open"), self.tr("Open folder"), self._open_folder)
        menu.addAction(icon("copy"), self.tr("Copy"), self._copy)
        menu.popup(self.view.viewport().mapToGlobal(place))
