"""The grid of a job's icons: waiting, appearing stroke by stroke, finished or failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
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
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.formats.icons.colours import CURRENT_COLOUR
from studio.formats.icons.drawing import Drawing
from studio.ui.widgets.plain_text import plain_tooltip
from studio.ui.workspaces.icon.look_controls import ChosenLook

CELL = QSize(120, 120)
SIDE = 72
"""Of an icon in its cell."""
_MARGIN = 6
_KEPT = 400
"""Pixmaps that are kept; more than are in sight at once."""
_RENDERED_AT_ONCE = 32

State = Literal["waiting", "running", "done", "failed", "stopped"]
RESULT_ROLE = Qt.ItemDataRole.UserRole + 1

_Key = tuple[str, str, int]
"""The icon, the colour of text, and the pixels of a point, in hundredths."""

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


@dataclass(frozen=True)
class IconResult:
    """One icon of a job. `begun` is a picture of it while it is being written."""

    row: int
    seed: int
    state: State = "waiting"
    drawing: Drawing | None = None
    recipe: str = ""
    asset: str = ""
    name: str = ""
    message: str = ""
    begun: QImage | None = None


class IconModel(QAbstractListModel):
    """The icons of the job that is shown, one per row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._results: list[IconResult] = []

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._results)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        result = self._results[index.row()]
        if role == RESULT_ROLE:
            return result
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._description(result))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._description(result)
        return None

    def begin(self, seed: int, count: int) -> None:
        """Reset to `count` waiting icons; row i has the seed `seed` + i."""
        self.beginResetModel()
        self._results = [IconResult(row, seed + row) for row in range(count)]
        self.endResetModel()

    def show_begun(self, row: int, picture: QImage) -> None:
        """Show what has been written of an icon; nothing of one that is finished."""
        if self._has(row) and self._results[row].state in ("waiting", "running"):
            self._change(replace(self._results[row], state="running", begun=picture))

    def finish(self, row: int, drawing: Drawing, recipe: str, asset: str, name: str) -> None:
        """Show a finished icon."""
        if self._has(row):
            self._change(
                replace(
                    self._results[row],
                    state="done",
                    drawing=drawing,
                    recipe=recipe,
                    asset=asset,
                    name=name,
                    begun=None,
                )
            )

    def fail(self, row: int, message: str) -> None:
        """Show that an icon failed, and why."""
        if self._has(row) and self._results[row].state != "done":
            self._change(replace(self._results[row], state="failed", message=message, begun=None))

    def end(self) -> None:
        """Mark what was not made when the job has ended."""
        for result in self._results:
            if result.state in ("waiting", "running"):
                self._change(replace(result, state="stopped", begun=None))

    def finished(self) -> list[IconResult]:
        """Return the finished icons."""
        return [result for result in self._results if result.state == "done"]

    def at(self, row: int) -> IconResult | None:
        """Return the icon of a row, or None."""
        return self._results[row] if self._has(row) else None

    def _has(self, row: int) -> bool:
        return 0 <= row < len(self._results)

    def _change(self, result: IconResult) -> None:
        self._results[result.row] = result
        index = self.index(result.row)
        self.dataChanged.emit(index, index)

    def _description(self, result: IconResult) -> str:
        number = result.row + 1
        match result.state:
            case "waiting":
                return self.tr("Variation {n}: waiting").format(n=number)
            case "running":
                return self.tr("Variation {n}: being generated").format(n=number)
            case "stopped":
                return self.tr("Variation {n} was not made").format(n=number)
            case "failed":
                text = self.tr("Variation {n} failed: {why}")
                return text.format(n=number, why=result.message)
            case "done":
                text = self.tr("Variation {n}, seed {seed}")
                return text.format(n=number, seed=result.seed)


class _CellDelegate(QStyledItemDelegate):
    def __init__(self, look: Callable[[], ChosenLook], parent: QWidget) -> None:
        super().__init__(parent)
        self._look = look
        self._pixmaps: dict[_Key, QPixmap] = {}
        self._before: dict[_Key, QPixmap] = {}
        """In the look before, shown where there is no time yet for the new one."""
        self._rendered_now = 0
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._render_more)

    def forget(self) -> None:
        """Draw all icons again, in another look."""
        self._before = self._before | self._pixmaps
        self._pixmaps = {}

    def _render_more(self) -> None:
        self._rendered_now = 0
        view = self.parent()
        assert isinstance(view, QListView)
        view.viewport().update()

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        result: IconResult = index.data(RESULT_ROLE)
        cell = option.rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        palette: QPalette = option.palette
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        is_failed, is_selected = (
            result.state == "failed",
            bool(option.state & QStyle.StateFlag.State_Selected),
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.drawRoundedRect(cell, 6, 6)
        place = QRect(QPoint(0, 0), QSize(SIDE, SIDE))
        place.moveCenter(cell.center())
        if result.drawing is not None:
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(place, self._pixmap(result, result.drawing, palette, ratio))
        elif result.begun is not None:
            painter.setOpacity(0.6)
            painter.drawImage(place, _tinted(result.begun, palette))
            painter.setOpacity(1.0)
        else:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            symbol = "!" if is_failed else "–" if result.state == "stopped" else str(result.row + 1)
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, symbol)
        if is_failed or is_selected:
            highlight = palette.color(QPalette.ColorRole.Highlight)
            painter.setPen(QPen(highlight if is_selected else QColor("#c0392b"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell, 6, 6)
        painter.restore()

    def _pixmap(
        self, result: IconResult, drawing: Drawing, palette: QPalette, ratio: float
    ) -> QPixmap:
        text = palette.color(QPalette.ColorRole.Text).name()
        key = (result.asset or result.recipe, text, round(100 * ratio))
        found = self._pixmaps.get(key)
        if found is not None:
            return found
        # More at once would be felt while a slider is dragged in a large window.
        if self._rendered_now >= _RENDERED_AT_ONCE:
            return self._before.get(key, QPixmap())
        if len(self._pixmaps) >= _KEPT:
            self._pixmaps.clear()
            self._before.clear()
        self._rendered_now += 1
        self._again.start(0)
        self._before.pop(key, None)
        found = self._pixmaps[key] = _rendered(self._look().apply(drawing), text, ratio)
        return found


def _rendered(drawing: Drawing, text_colour: str, ratio: float) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer

    svg = drawing.document(SIDE).replace(CURRENT_COLOUR, text_colour)
    side = max(1, round(SIDE * ratio))
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    return pixmap


def _tinted(picture: QImage, palette: QPalette) -> QImage:
    """Return a picture in the colour of text: black would not be seen on dark."""
    tinted = picture.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(tinted)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(tinted.rect(), palette.color(QPalette.ColorRole.Text))
    painter.end()
    return tinted


class IconGrid(QListView):
    """Object name `icon.grid`. Several icons can be selected."""

    selection_changed = Signal()
    menu_requested = Signal(QPoint)

    def __init__(
        self,
        model: IconModel,
        look: Callable[[], ChosenLook],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = model
        self.setObjectName("icon.grid")
        self.setAccessibleName(self.tr("Variations"))
        self._delegate = _CellDelegate(look, self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(
            lambda at: self.menu_requested.emit(self.viewport().mapToGlobal(at))
        )
        self.selectionModel().selectionChanged.connect(lambda *_: self.selection_changed.emit())
        model.modelReset.connect(self.selection_changed)

    def show_look(self) -> None:
        """Draw all icons again in the look that was chosen."""
        self._delegate.forget()
        self.viewport().update()

    def selected(self) -> list[IconResult]:
        """Return the selected icons that are finished, all if none is selected."""
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        chosen: Sequence[IconResult | None] = [self._icons.at(row) for row in rows]
        found = [each for each in chosen if each is not None and each.state == "done"]
        return found or self._icons.finished()
