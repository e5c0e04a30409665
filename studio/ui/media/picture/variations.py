"""The strip of a job's pictures: waiting, being generated, finished or failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.ui.media.picture.loader import PictureLoader
from studio.ui.widgets.plain_text import plain_tooltip

THUMBNAIL = QSize(80, 80)
_MARGIN = 4

State = Literal["waiting", "running", "done", "failed", "deleted", "stopped"]
"""`deleted`: finished, and deleted from the library since. `stopped`: will not be made."""
VARIATION_ROLE = Qt.ItemDataRole.UserRole + 1

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


@dataclass(frozen=True)
class Variation:
    """One picture of a job.

    `path` is the finished file, or a preview while the picture is generated; `asset` is the id in
    the library of a finished picture. `progress` is 0 to 1 while it is generated.
    """

    row: int
    seed: int
    state: State = "waiting"
    path: str = ""
    message: str = ""
    thumbnail: QImage | None = None
    asset: str = ""
    progress: float = 0.0


class VariationModel(QAbstractListModel):
    """The pictures of the job that is shown, one per row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.outgoing: Callable[[Sequence[str]], QMimeData] = lambda _: QMimeData()
        """Returns the files of results as they are dragged to other programs."""
        self._variations: list[Variation] = []
        self._loader = PictureLoader(self, threads=1)
        self._loader.loaded.connect(self._keep_thumbnail)

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._variations)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        variation = self._variations[index.row()]
        if role == VARIATION_ROLE:
            return variation
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._description(variation))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._description(variation)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let finished pictures be dragged to other programs."""
        flags = super().flags(index)
        variation = self.at(index.row())
        if variation is not None and variation.state == "done":
            return flags | Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Return the files of finished pictures."""
        chosen = (self.at(index.row()) for index in indexes)
        done = [each for each in chosen if each is not None and each.state == "done"]
        return self.outgoing([each.asset for each in done])

    def _description(self, variation: Variation) -> str:
        number = variation.row + 1
        match variation.state:
            case "waiting":
                return self.tr("Variation {n}: waiting").format(n=number)
            case "running":
                return self.tr("Variation {n}: being generated").format(n=number)
            case "stopped":
                return self.tr("Variation {n} was not made").format(n=number)
            case "failed":
                text = self.tr("Variation {n} failed: {why}")
                return text.format(n=number, why=variation.message)
            case "deleted":
                return self.tr("Variation {n} was deleted").format(n=number)
            case "done":
                text = self.tr("Variation {n}, seed {seed}")
                return text.format(n=number, seed=variation.seed)

    def begin(self, seed: int, count: int) -> None:
        """Reset to `count` waiting pictures; row i has the seed `seed` + i."""
        self._loader.stop()
        self.beginResetModel()
        self._variations = [Variation(row, seed + row) for row in range(count)]
        self.endResetModel()

    def at(self, row: int) -> Variation | None:
        """Return the picture of a row, or None."""
        return self._variations[row] if 0 <= row < len(self._variations) else None

    def row_of(self, asset: str) -> int:
        """Return the row of a finished picture by its id in the library, or -1."""
        return next((v.row for v in self._variations if asset and v.asset == asset), -1)

    def deleted_assets(self) -> list[str]:
        """Return the ids of deleted pictures."""
        return [v.asset for v in self._variations if v.state == "deleted"]

    def set_state(
        self, row: int, state: State, path: str = "", message: str = "", asset: str = ""
    ) -> None:
        """Update a row; a row out of range is ignored."""
        if not 0 <= row < len(self._variations):
            return
        old = self._variations[row]
        if state == "deleted":
            old = replace(old, path="", thumbnail=None)
        self._change(
            row,
            replace(
                old,
                state=state,
                path=path or old.path,
                message=message,
                asset=asset or old.asset,
            ),
        )
        if path:
            self._loader.request(str(row), path, THUMBNAIL * 2)

    def set_progress(self, fraction: float) -> None:
        """Set how much of the whole job is done; the running rows share what is not saved yet."""
        running = [v for v in self._variations if v.state == "running"]
        if not running:
            return
        ended = sum(v.state not in ("waiting", "running") for v in self._variations)
        each = (fraction * len(self._variations) - ended) / len(running)
        for variation in running:
            self._change(variation.row, replace(variation, progress=max(0.0, min(each, 1.0))))

    def end(self) -> None:
        """Mark what was not made when the job has ended."""
        for variation in self._variations:
            if variation.state in ("waiting", "running"):
                self._change(variation.row, replace(variation, state="stopped", path=""))

    def finished(self) -> list[Variation]:
        """Return the finished pictures."""
        return [v for v in self._variations if v.state == "done" and v.asset]

    def stop(self) -> None:
        """Stop loading thumbnails; wait for reads in progress."""
        self._loader.stop()

    def _change(self, row: int, variation: Variation) -> None:
        self._variations[row] = variation
        index = self.index(row)
        self.dataChanged.emit(index, index)

    def _keep_thumbnail(self, key: str, _path: str, image: QImage, _size: QSize) -> None:
        row = int(key)
        if row < len(self._variations):
            self._change(row, replace(self._variations[row], thumbnail=image))


class _TileDelegate(QStyledItemDelegate):
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return THUMBNAIL + QSize(_MARGIN, _MARGIN) * 2

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        variation: Variation = index.data(VARIATION_ROLE)
        # The view makes its items as high as itself.
        rect = QRect(option.rect.topLeft() + QPoint(_MARGIN, _MARGIN), THUMBNAIL)
        palette: QPalette = option.palette
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.drawRoundedRect(rect, 4, 4)
        if variation.thumbnail is not None and not variation.thumbnail.isNull():
            size = variation.thumbnail.size()
            size.scale(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(rect.topLeft(), size)
            target.moveCenter(rect.center())
            painter.setOpacity(1.0 if variation.state == "done" else 0.6)
            painter.drawImage(target, variation.thumbnail)
            painter.setOpacity(1.0)
        else:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            symbol = "!" if variation.state == "failed" else str(variation.row + 1)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, symbol)
        if variation.state == "running":
            _draw_progress(painter, rect, variation.progress, palette)
        if variation.state == "failed":
            painter.setPen(QPen(QColor("#c0392b"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect, 4, 4)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), 5, 5)
        painter.restore()


def _draw_progress(painter: QPainter, rect: QRect, done: float, palette: QPalette) -> None:
    """Draw a bar at the lower edge of a tile."""
    bar = rect.adjusted(6, rect.height() - 10, -6, -6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(QPalette.ColorRole.Base))
    painter.drawRoundedRect(bar, 2, 2)
    bar.setWidth(round(bar.width() * done))
    painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
    painter.drawRoundedRect(bar, 2, 2)


class VariationStrip(QListView):
    """A row of thumbnails; the arrow keys change the current one, several can be selected."""

    picked = Signal(int)
    """The new current row."""

    def __init__(self, model: VariationModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(_TileDelegate(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QListView.DragDropMode.DragOnly)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(THUMBNAIL.height() + 2 * _MARGIN + bar)
        self.setAccessibleName(self.tr("Variations"))

    def step(self, by: int) -> None:
        """Make another picture the current one, `by` places further."""
        row = self.currentIndex().row() + by
        if 0 <= row < self.model().rowCount():
            self.setCurrentIndex(self.model().index(row, 0))

    def selected_rows(self) -> list[int]:
        """Return the selected rows in their order."""
        return sorted(index.row() for index in self.selectionModel().selectedIndexes())

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self.picked.emit(current.row())
