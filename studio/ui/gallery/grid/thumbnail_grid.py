"""The results as a grid of square tiles of a size that can be chosen.

All positions are computed from the number of columns, so that 100,000 results cost no more than
those in sight; `QListView` would ask the model about each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QFont,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget

from studio.library.records import Asset
from studio.ui.gallery.grid.tile_pictures import CardLook, TilePictures, tile_request
from studio.ui.gallery.history_model import HistoryModel
from studio.ui.gallery.result_drag import drag_results
from studio.ui.gallery.view_choice import LARGEST_TILE, SMALLEST_TILE
from studio.ui.shell.kind_labels import asset_icon
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, line_colour, selection_colour

SETTLE_MS = 120
"""The size must be unchanged for this long before tiles are read in it; until then they are
drawn from those of the size before."""

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_Move = QAbstractItemView.CursorAction
_Flag = QItemSelectionModel.SelectionFlag


class ThumbnailGrid(QAbstractItemView):
    """Tiles fill the width: they are at least `tile` points wide. Object name: `history.grid`."""

    tile_changed = Signal(int)

    def __init__(self, model: HistoryModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._results = model
        self._tile = 176
        self._anchor = 0
        self._top: int | None = None
        self._laying_out = False
        self.setObjectName("history.grid")
        self.setAccessibleName(self.tr("Results as a grid"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.viewport().setMouseTracking(True)
        self.pictures = TilePictures(self)
        self.pictures.ready.connect(self._show_tile)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.viewport().update)
        self.setModel(model)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        for changed in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            changed.connect(self._count_changed)

    # ---- geometry

    @property
    def tile(self) -> int:
        """The least width of a tile in points."""
        return self._tile

    def set_tile(self, tile: int) -> None:
        """Change the size of the tiles; what is at the top stays there."""
        tile = max(SMALLEST_TILE, min(LARGEST_TILE, tile))
        if tile != self._tile:
            first = self._first_visible()
            self._tile = tile
            self._settle.start()
            self._lay_out(first)
            self.tile_changed.emit(tile)

    def columns(self) -> int:
        """Return the number of tiles in a row."""
        return max(1, (self.viewport().width() - GRID) // (self._tile + GRID))

    def side(self) -> int:
        """Return the width of a tile in points."""
        columns = self.columns()
        room = self.viewport().width() - GRID * (columns + 1)
        return max(GRID, room // columns)

    def visible_rows(self) -> range:
        """Return the range of results in the viewport."""
        step, columns = self.side() + GRID, self.columns()
        top = max(0, self.verticalOffset() - GRID) // step
        bottom = (self.verticalOffset() + self.viewport().height()) // step + 1
        count = self._results.rowCount()
        return range(min(count, top * columns), min(count, bottom * columns))

    def visualRect(self, index: _Index) -> QRect:
        return self._rect(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        side = self.side()
        column, in_column = divmod(point.x() - GRID, side + GRID)
        line, in_line = divmod(point.y() + self.verticalOffset() - GRID, side + GRID)
        columns = self.columns()
        if not (0 <= column < columns) or line < 0 or in_column >= side or in_line >= side:
            return QModelIndex()
        return self._results.index(line * columns + column)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, _index: _Index) -> bool:
        return False

    def scrollTo(
        self,
        index: _Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        if not index.isValid():
            return
        rect, bar, room = self._rect(index.row()), self.verticalScrollBar(), self.viewport()
        if hint == QAbstractItemView.ScrollHint.PositionAtTop or rect.top() < 0:
            bar.setValue(bar.value() + rect.top() - GRID)
        elif rect.bottom() > room.height():
            bar.setValue(bar.value() + rect.bottom() + 1 + GRID - room.height())

    def updateGeometries(self) -> None:
        super().updateGeometries()
        step, columns = self.side() + GRID, self.columns()
        lines = -(-self._results.rowCount() // columns)
        bar = self.verticalScrollBar()
        bar.setSingleStep(max(1, step // 3))
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, max(0, lines * step + GRID - self.viewport().height()))
        # Always there, so that the width does not change; without a handle where all is in sight.
        bar.setEnabled(bar.maximum() > 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        first = self._first_visible() if event.oldSize().isValid() else 0
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._settle.start()
            self._lay_out(first)

    def _rect(self, row: int) -> QRect:
        side, columns = self.side(), self.columns()
        line, column = divmod(row, columns)
        return QRect(
            GRID + column * (side + GRID),
            GRID + line * (side + GRID) - self.verticalOffset(),
            side,
            side,
        )

    def _first_visible(self) -> int:
        return self.visible_rows().start if self._top is None else self._top

    def _lay_out(self, first: int) -> None:
        self._laying_out = True
        self.updateGeometries()
        line = first // self.columns()
        self.verticalScrollBar().setValue(line * (self.side() + GRID))
        self._laying_out = False
        # Kept until somebody scrolls: the first of a line changes with the number of columns.
        self._top = first
        self.viewport().update()

    def _count_changed(self) -> None:
        # QAbstractItemView lays out again only after a reset.
        self.updateGeometries()
        self.viewport().update()

    def _scrolled(self) -> None:
        if not self._laying_out:
            self._top = None

    # ---- drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        area, palette, ratio = event.rect(), self.palette(), self.devicePixelRatioF()
        side = self.side()
        pixels = round(side * ratio)
        chosen = self.selectionModel()
        current = self.currentIndex().row() if self.hasFocus() else -1
        missing: list[Asset] = []
        painter = QPainter(self.viewport())
        ground = palette.color(QPalette.ColorRole.AlternateBase)
        for row in self.visible_rows():
            rect = self._rect(row)
            index = self._results.index(row)
            asset = self._results.asset(index)
            if asset is None:
                if rect.intersects(area):
                    painter.fillRect(rect, ground)
                continue
            found = self.pictures.get(asset.number)
            if found is None or found[0] != pixels:
                missing.append(asset)
            if rect.intersects(area):
                pixmap = None if found is None else found[1]
                self._draw(painter, rect, asset, pixmap)
                if chosen.isSelected(index):
                    self._draw_frame(painter, rect, row == current)
        painter.end()
        if not self._settle.isActive():
            look = CardLook(
                palette.color(QPalette.ColorRole.Text),
                palette.color(QPalette.ColorRole.PlaceholderText),
                QFont(self.font()),
            )
            self.pictures.want([tile_request(asset, pixels, ratio, look) for asset in missing])

    def _draw(self, painter: QPainter, rect: QRect, asset: Asset, pixmap: QPixmap | None) -> None:
        palette = self.palette()
        if not asset.width or pixmap is None:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.AlternateBase))
        if pixmap is None:
            place = QRect(0, 0, 24, 24)
            place.moveCenter(rect.center())
            icon(asset_icon(asset), "muted").paint(painter, place)
        else:
            _draw_fitted(painter, rect, pixmap)
        if not asset.width:
            painter.setPen(line_colour(palette))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        if asset.starred:
            badge = QRect(rect.right() - 27, rect.top() + 6, 22, 22)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.Window))
            painter.drawEllipse(badge)
            icon("star").paint(painter, badge.adjusted(4, 4, -4, -4))

    def _draw_frame(self, painter: QPainter, rect: QRect, is_current: bool) -> None:
        palette = self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(selection_colour(palette), 6))
        painter.drawRect(QRectF(rect).adjusted(-1, -1, 1, 1))
        width = 3 if is_current else 2
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Accent), width))
        painter.drawRoundedRect(QRectF(rect).adjusted(-3, -3, 3, 3), 4, 4)

    def _show_tile(self, number: int) -> None:
        row = self._results.row_of(number)
        if row in self.visible_rows():
            self.viewport().update(self._rect(row).adjusted(-4, -4, 4, 4))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            with suppress(AttributeError):  # the first come before the cache exists
                self.pictures.forget_cards()
                self.viewport().update()

    # ---- choosing

    def moveCursor(self, action: _Move, _modifiers: Qt.KeyboardModifier) -> QModelIndex:
        count = self._results.rowCount()
        if count == 0:
            return QModelIndex()
        columns = self.columns()
        page = max(1, self.viewport().height() // (self.side() + GRID)) * columns
        row = max(0, self.currentIndex().row())
        steps = {
            _Move.MoveLeft: -1,
            _Move.MovePrevious: -1,
            _Move.MoveRight: 1,
            _Move.MoveNext: 1,
            _Move.MoveUp: -columns,
            _Move.MoveDown: columns,
            _Move.MovePageUp: -page,
            _Move.MovePageDown: page,
            _Move.MoveHome: -row,
            _Move.MoveEnd: count,
        }
        to = row + steps.get(action, 0)
        if action in (_Move.MoveUp, _Move.MoveDown) and not 0 <= to < count:
            # At the last line, a shorter one below is reached at its end.
            last_line = (count - 1) // columns
            to = count - 1 if to >= count and row // columns < last_line else row
        return self._results.index(max(0, min(count - 1, to)))

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        modifiers = QApplication.keyboardModifiers()
        current = self.currentIndex().row()
        selection = QItemSelection()
        if modifiers & Qt.KeyboardModifier.ShiftModifier and current >= 0:
            first, last = sorted((self._anchor, current))
            self._add(selection, first, last)
        else:
            self._anchor = max(0, current)
            for first, last in self._rows_in(rect.normalized()):
                self._add(selection, first, last)
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, _selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    def _add(self, selection: QItemSelection, first: int, last: int) -> None:
        selection.select(self._results.index(first), self._results.index(last))

    def _rows_in(self, rect: QRect) -> Iterator[tuple[int, int]]:
        """Yield the first and the last result of each line of tiles that a rectangle touches."""
        step, columns, count = self.side() + GRID, self.columns(), self._results.rowCount()
        offset = self.verticalOffset()
        left = max(0, (rect.left() - GRID) // step)
        right = min(columns - 1, (rect.right() - GRID) // step)
        top = max(0, (rect.top() + offset - GRID) // step)
        for line in range(top, max(top - 1, (rect.bottom() + offset - GRID) // step) + 1):
            first, last = line * columns + left, min(count - 1, line * columns + right)
            if first <= last:
                yield first, last

    def startDrag(self, _actions: Qt.DropAction) -> None:
        drag_results(self, self._results, self.selectionModel().selection())

    # ---- events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.activated.emit(self.currentIndex())
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_tile(round(self._tile * 1.1 ** (event.angleDelta().y() / 120)))
            event.accept()
            return
        super().wheelEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(3 * self._tile, 2 * self._tile)


def _draw_fitted(painter: QPainter, rect: QRect, pixmap: QPixmap) -> None:
    """Draw a picture in the middle of a tile, with its own pixels where it has them."""
    ratio = painter.device().devicePixelRatioF()
    size = pixmap.size() / ratio
    longest = max(size.width(), size.height())
    room = rect.size()
    if abs(longest - max(room.width(), room.height())) > 1 and longest >= SMALLEST_TILE // 2:
        size.scale(room, Qt.AspectRatioMode.KeepAspectRatio)
    place = QRect(QPoint(0, 0), size)
    place.moveCenter(rect.center())
    painter.drawPixmap(place, pixmap)
