"""The contact sheets of the library, as tiles above its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QUrl,
)
from PySide6.QtGui import QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from studio.ui.gallery.contact_sheets import find_sheets, show_sheets
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, line_colour
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import one_line, plain_tooltip

TILE = QSize(15 * GRID, 10 * GRID)
_MARGIN = GRID // 2

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class SheetModel(QAbstractListModel):
    """The files, one per row. A picture is read when its tile is first painted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.files: list[Path] = []
        self._pictures: dict[str, QImage | None] = {}
        self._loader = PictureLoader(self, threads=1)
        self._loader.loaded.connect(self._loaded)

    def show(self, files: Sequence[Path]) -> None:
        """Show these files; a file of the same name may have another content by now."""
        for key in self._pictures:
            self._loader.forget(key)
        self.beginResetModel()
        self.files = list(files)
        self._pictures.clear()
        self.endResetModel()

    def picture(self, row: int) -> QImage | None:
        """Return the picture of a row, None while it is being read or if it is unreadable."""
        key = str(self.files[row])
        if key not in self._pictures:
            self._pictures[key] = None
            self._loader.request(key, key, TILE * 2)
        return self._pictures[key]

    def stop(self) -> None:
        """Stop reading."""
        self._loader.stop()

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.files)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        name = one_line(self.files[index.row()].name)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return name
        return plain_tooltip(name) if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Return the files, for other programs."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self.files[index.row()])) for index in indexes])
        return data

    def _loaded(self, _key: str, path: str, image: QImage, _size: QSize) -> None:
        self._pictures[path] = image
        self.dataChanged.emit(self.index(0), self.index(len(self.files) - 1))


class _SheetDelegate(QStyledItemDelegate):
    def __init__(self, model: SheetModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return TILE + QSize(_MARGIN, _MARGIN) * 2

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        # The view makes its items as high as itself.
        rect = QRect(option.rect.topLeft(), TILE).translated(_MARGIN, _MARGIN)
        palette: QPalette = option.palette
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        is_chosen = option.state & QStyle.StateFlag.State_Selected
        chosen = palette.color(QPalette.ColorRole.Highlight)
        painter.setPen(QPen(chosen, 2) if is_chosen else line_colour(palette))
        painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.drawRoundedRect(rect, 4, 4)
        picture = self._model.picture(index.row())
        room = rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        if picture is None or picture.isNull():
            icon("images", "muted").paint(painter, room.adjusted(0, 2 * GRID, 0, -2 * GRID))
        else:
            size = picture.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(room.topLeft(), size)
            target.moveCenter(room.center())
            painter.drawImage(target, picture)
        painter.restore()


class SheetShelf(QWidget):
    """Hidden while there is no sheet. A click shows one, and tiles are dragged out as files.

    Object names: `history.shelf` for the title, `history.shelf.view`.
    """

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self.section = CollapsibleSection("", "history.shelf", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.section)
        self._state = state
        self._is_wanted = False
        self._is_read = False
        self.model = SheetModel(self)
        state.closing.connect(self.model.stop)
        self.view = QListView(self)
        self.view.setObjectName("history.shelf.view")
        self.view.setAccessibleName(self.tr("Contact sheets"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(_SheetDelegate(self.model, self.view))
        self.view.setFlow(QListView.Flow.LeftToRight)
        self.view.setUniformItemSizes(True)
        self.view.setDragDropMode(QListView.DragDropMode.DragOnly)
        self.view.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setFrameShape(QListView.Shape.NoFrame)
        self.view.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        bar = self.view.horizontalScrollBar().sizeHint().height()
        self.view.setFixedHeight(TILE.height() + 2 * _MARGIN + bar)
        self.view.clicked.connect(self._open)
        self.view.activated.connect(self._open)
        self.section.add(self.view)
        self.section.set_open(state.settings.window.sheets_open)
        self.section.toggled.connect(self._keep)
        state.sheets_changed.connect(self._changed)
        self._update()

    def set_wanted(self, is_wanted: bool) -> None:
        """Show the sheets where there are some, as beside all results on the library's page."""
        self._is_wanted = is_wanted
        if is_wanted and not self._is_read:
            self._read()
        self._update()

    # ---- private

    def _changed(self) -> None:
        self._is_read = False
        if self._is_wanted:
            self._read()

    def _read(self) -> None:
        self._is_read = True
        root = self._state.library_root
        self._state.background.read(self, lambda: find_sheets(root), self._show, lambda _: None)

    def _show(self, files: list[Path]) -> None:
        self.model.show(files)
        count = self.locale().toString(len(files))
        self.section.set_title(self.tr("Contact sheets: {n}").format(n=count))
        self._update()

    def _update(self) -> None:
        self.setVisible(self._is_wanted and bool(self.model.files))

    def _open(self, index: Index) -> None:
        show_sheets(self.model.files, self._state, self.window(), start=index.row())

    def _keep(self, is_open: bool) -> None:
        self._state.settings.window.sheets_open = is_open
        self._state.save_soon()
