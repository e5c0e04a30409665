"""A delegate for rows of two lines with a picture and a progress bar."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from studio.ui.style.theme import GRID, selection_colour
from studio.ui.widgets.plain_text import one_line

_MAX_LINE = 400
"""Characters of a line that are measured and drawn at most."""

Index = QModelIndex | QPersistentModelIndex


def draw_row(painter: QPainter, option: QStyleOptionViewItem) -> None:
    """Draw the ground of a row that is selected or under the pointer, and its focus frame."""
    state, palette = option.state, option.palette
    selected = bool(state & QStyle.StateFlag.State_Selected)
    focused = bool(state & QStyle.StateFlag.State_HasFocus)
    if not (selected or focused or state & QStyle.StateFlag.State_MouseOver):
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(palette.color(QPalette.ColorRole.Accent) if focused else Qt.PenStyle.NoPen)
    ground = selection_colour(palette) if selected else palette.color(QPalette.ColorRole.Midlight)
    painter.setBrush(ground if selected or not focused else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -1.5), 5, 5)
    painter.restore()


class TwoLineDelegate(QStyledItemDelegate):
    """Draws the display role as the first line; override the methods for the rest."""

    def __init__(self, side: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._side = side

    def picture(self, _index: Index) -> QIcon | QPixmap | None:
        """Return the picture at the left of a row, or None."""
        return None

    def side(self, _index: Index) -> int:
        """Return the width in pixels reserved for a row's picture, at most `side`."""
        return self._side

    def second_line(self, _index: Index) -> str:
        """Return the second line of a row."""
        return ""

    def second_line_colour(self, _index: Index, palette: QPalette) -> QColor:
        """Return the colour of the second line."""
        return palette.color(QPalette.ColorRole.PlaceholderText)

    def progress(self, _index: Index) -> float | None:
        """Return the progress of a row, 0 to 1, or None for no progress bar."""
        return None

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        lines = 2 * option.fontMetrics.lineSpacing() + GRID // 2
        return QSize(20 * GRID, max(self._side, lines) + GRID + GRID // 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        self.initStyleOption(option, index)
        palette = option.palette
        draw_row(painter, option)
        primary = palette.color(QPalette.ColorRole.Text)
        secondary = self.second_line_colour(index, palette)
        area = option.rect.adjusted(GRID, GRID // 2, -GRID, -GRID // 2)
        self._draw_picture(painter, area, index)
        text = area.adjusted(self.side(index) + GRID, 0, 0, 0)
        spacing = option.fontMetrics.lineSpacing()
        top = text.top() + (text.height() - 2 * spacing - GRID // 2) // 2
        painter.save()
        painter.setFont(option.font)
        for line, (content, colour) in enumerate(
            (
                (one_line(str(index.data(Qt.ItemDataRole.DisplayRole) or ""), _MAX_LINE), primary),
                (one_line(self.second_line(index), _MAX_LINE), secondary),
            )
        ):
            box = QRect(text.left(), top + line * (spacing + 2), text.width(), spacing)
            painter.setPen(colour)
            painter.drawText(
                box,
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                option.fontMetrics.elidedText(content, Qt.TextElideMode.ElideRight, box.width()),
            )
        fraction = self.progress(index)
        if fraction is not None:
            track = QRect(text.left(), area.bottom() - 1, text.width(), 3)
            painter.fillRect(track, palette.color(QPalette.ColorRole.Midlight))
            track.setWidth(round(track.width() * min(1.0, max(0.0, fraction))))
            painter.fillRect(track, palette.color(QPalette.ColorRole.Accent))
        painter.restore()

    def _draw_picture(self, painter: QPainter, area: QRect, index: Index) -> None:
        box = QRect(area.left(), area.top(), self.side(index), area.height())
        picture = self.picture(index)
        if isinstance(picture, QIcon):
            small = QRect(0, 0, min(20, self._side), min(20, self._side))
            small.moveCenter(box.center())
            picture.paint(painter, small, Qt.AlignmentFlag.AlignCenter)
        elif isinstance(picture, QPixmap):
            size = picture.deviceIndependentSize().toSize()
            size.scale(
                self._side, min(self._side, area.height()), Qt.AspectRatioMode.KeepAspectRatio
            )
            place = QRect(0, 0, size.width(), size.height())
            place.moveCenter(box.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(place, picture)
