"""The pixels of a painted mask, with strokes and undo; independent of a widget."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

MAX_UNDO_STEPS = 100
MAX_UNDO_BYTES = 160 << 20
"""Compressed size of the undo history: over 30 steps even if nothing can be compressed."""

_Step = tuple[QRect, bytes]


class MaskDrawing:
    """An 8-bit greyscale mask: white (255) is redrawn, black (0) is kept.

    Positions and sizes are in pixels of the mask. Changes return the rectangle that changed.
    """

    def __init__(self, size: QSize) -> None:
        self.image = QImage(size, QImage.Format.Format_Grayscale8)
        self.image.fill(0)
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._stroke_start: QImage | None = None
        self._stroke_area = QRect()
        self._points: list[QPointF] = []
        self._width = 1.0
        self._erase = False
        self._changes = 0

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self._redo)

    @property
    def is_changed(self) -> bool:
        """Whether the mask was changed since `set_initial`."""
        return self._changes != 0

    @property
    def is_stroking(self) -> bool:
        """Whether a stroke is in progress."""
        return self._stroke_start is not None

    @property
    def is_empty(self) -> bool:
        """Whether the mask is black everywhere."""
        blank = QImage(self.image.size(), self.image.format())
        blank.fill(0)
        return self.image == blank

    def set_initial(self, mask: QImage) -> None:
        """Set an existing mask as the initial state, which undo does not go behind."""
        self.image = _cropped(mask, self.image.size())

    # ---- strokes

    def begin_stroke(self, at: QPointF, width: float, *, erase: bool) -> QRect:
        """Begin a stroke with a dot of `width` pixels; `erase` paints black."""
        self.end_stroke()
        self._stroke_start = QImage(self.image)
        self._stroke_area = QRect()
        self._points = [at]
        self._width = max(1.0, width)
        self._erase = erase
        return self._draw(lambda painter: painter.drawPoint(at), QRectF(at, at))

    def extend_stroke(self, to: QPointF) -> QRect:
        """Extend the stroke to a point, with corners smoothed by quadratic curves."""
        if self._stroke_start is None:
            return QRect()
        self._points.append(to)
        if len(self._points) == 2:
            first, last = self._points
            path = QPainterPath(first)
            path.lineTo((first + last) / 2)
        else:
            first, corner, last = self._points[-3:]
            path = QPainterPath((first + corner) / 2)
            path.quadTo(corner, (corner + last) / 2)
            del self._points[:-2]
        return self._draw(lambda painter: painter.drawPath(path), path.controlPointRect())

    def end_stroke(self) -> QRect:
        """End the stroke at its last point, as one undo step."""
        if self._stroke_start is None:
            return QRect()
        changed = QRect()
        if len(self._points) > 1:
            path = QPainterPath((self._points[-2] + self._points[-1]) / 2)
            path.lineTo(self._points[-1])
            changed = self._draw(lambda painter: painter.drawPath(path), path.controlPointRect())
        before, self._stroke_start = self._stroke_start, None
        self._push_undo(before, self._stroke_area)
        return changed

    # ---- the whole mask

    def fill(self, *, white: bool) -> QRect:
        """Fill the mask with white or black."""
        image = QImage(self.image.size(), self.image.format())
        image.fill(255 if white else 0)
        return self._replace(image)

    def invert(self) -> QRect:
        """Invert the mask."""
        image = QImage(self.image)
        image.invertPixels()
        return self._replace(image)

    def load(self, picture: QImage) -> QRect:
        """Replace the mask by a picture's brightness, scaled and cropped to the mask's size."""
        return self._replace(_cropped(picture, self.image.size()))

    def undo(self) -> QRect:
        """Undo the last step."""
        self.end_stroke()
        self._changes -= bool(self._undo)
        return self._swap(self._undo, self._redo)

    def redo(self) -> QRect:
        """Redo the last undone step."""
        self.end_stroke()
        self._changes += bool(self._redo)
        return self._swap(self._redo, self._undo)

    def _draw(self, draw: Callable[[QPainter], None], around: QRectF) -> QRect:
        margin = self._width / 2 + 1
        area = around.adjusted(-margin, -margin, margin, margin).toAlignedRect()
        area &= self.image.rect()
        if area.isEmpty():
            return area
        background, ink = ("white", "black") if self._erase else ("black", "white")
        patch = QImage(area.size(), self.image.format())
        patch.fill(QColor(background))
        painter = QPainter(patch)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-area.topLeft())
        painter.setPen(
            QPen(
                QColor(ink),
                self._width,
                Qt.PenStyle.SolidLine,
                Qt.PenCapStyle.RoundCap,
                Qt.PenJoinStyle.RoundJoin,
            )
        )
        draw(painter)
        painter.end()
        # Lighten/Darken, because overlapping antialiased edges would add up to a hard edge.
        painter = QPainter(self.image)
        painter.setCompositionMode(
            QPainter.CompositionMode.CompositionMode_Darken
            if self._erase
            else QPainter.CompositionMode.CompositionMode_Lighten
        )
        painter.drawImage(area.topLeft(), patch)
        painter.end()
        self._stroke_area |= area
        return area

    def _replace(self, image: QImage) -> QRect:
        self.end_stroke()
        if image == self.image:
            return QRect()
        before, self.image = self.image, image
        self._push_undo(before, image.rect())
        return image.rect()

    def _push_undo(self, before: QImage, area: QRect) -> None:
        if area.isEmpty() or before.copy(area) == self.image.copy(area):
            return
        self._undo.append((area, _compressed(before, area)))
        self._redo.clear()
        self._changes += 1
        while (
            len(self._undo) > MAX_UNDO_STEPS or sum(len(b) for _, b in self._undo) > MAX_UNDO_BYTES
        ):
            del self._undo[0]

    def _swap(self, source: list[_Step], target: list[_Step]) -> QRect:
        if not source:
            return QRect()
        area, packed = source.pop()
        target.append((area, _compressed(self.image, area)))
        data = zlib.decompress(packed)
        old = QImage(data, area.width(), area.height(), area.width(), self.image.format())
        painter = QPainter(self.image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(area.topLeft(), old)
        painter.end()
        return area


def _compressed(image: QImage, area: QRect) -> bytes:
    """Return the pixels of an area, zlib-compressed, rows without padding."""
    part = image.copy(area)
    width, stride = part.width(), part.bytesPerLine()
    data = bytes(part.constBits())
    if stride != width:
        data = b"".join(data[row : row + width] for row in range(0, len(data), stride))
    return zlib.compress(data, 1)


def _cropped(picture: QImage, size: QSize) -> QImage:
    """Return a picture in greyscale on black, scaled to cover `size` and cropped to it."""
    if picture.hasAlphaChannel():
        black = QImage(picture.size(), QImage.Format.Format_RGB32)
        black.fill(0)
        painter = QPainter(black)
        painter.drawImage(0, 0, picture)
        painter.end()
        picture = black
    grey = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    if grey.size() == size:
        return grey
    grey = grey.scaled(
        size,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    ).convertToFormat(QImage.Format.Format_Grayscale8)
    corner = (grey.width() - size.width()) // 2, (grey.height() - size.height()) // 2
    return grey.copy(QRect(*corner, size.width(), size.height()))
