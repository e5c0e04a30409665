"""A mask that is painted: strokes, whole changes, undo. No widget is needed."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

MOST_STEPS = 100
MOST_BYTES = 160 << 20
"""Of what undo remembers, compressed: more than 30 steps even if nothing at all compresses."""

_Step = tuple[QRect, bytes]


class MaskDrawing:
    """8-bit grey: white (255) is drawn anew, black (0) stays. Positions are the mask's pixels."""

    def __init__(self, size: QSize) -> None:
        self.image = QImage(size, QImage.Format.Format_Grayscale8)
        self.image.fill(0)
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._before: QImage | None = None
        self._touched = QRect()
        self._points: list[QPointF] = []
        self._width = 1.0
        self._erase = False
        self._changes = 0

    @property
    def can_undo(self) -> bool:
        """Whether a step can be taken back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether a step that was taken back can be done again."""
        return bool(self._redo)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from what `start` laid down."""
        return self._changes != 0

    @property
    def is_stroking(self) -> bool:
        """Whether a stroke has begun and not ended."""
        return self._before is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is marked."""
        blank = QImage(self.image.size(), self.image.format())
        blank.fill(0)
        return self.image == blank

    def start(self, mask: QImage) -> None:
        """Begin with a mask that was there before; no step leads back behind it."""
        self.image = _fitted(mask, self.image.size())

    # ---- strokes

    def begin(self, at: QPointF, width: float, *, erase: bool) -> QRect:
        """Begin a stroke with a dab of `width` pixels. Returns what changed."""
        self.end()
        self._before = QImage(self.image)
        self._touched = QRect()
        self._points = [at]
        self._width = max(1.0, width)
        self._erase = erase
        return self._draw(lambda painter: painter.drawPoint(at), QRectF(at, at))

    def go_on(self, to: QPointF) -> QRect:
        """Lead the stroke to a point, around the corners in curves. Returns what changed."""
        if self._before is None:
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

    def end(self) -> QRect:
        """End the stroke where it was led to, and make it one step. Returns what changed."""
        if self._before is None:
            return QRect()
        changed = QRect()
        if len(self._points) > 1:
            path = QPainterPath((self._points[-2] + self._points[-1]) / 2)
            path.lineTo(self._points[-1])
            changed = self._draw(lambda painter: painter.drawPath(path), path.controlPointRect())
        before, self._before = self._before, None
        self._remember(before, self._touched)
        return changed

    # ---- all of it

    def fill(self, *, white: bool) -> QRect:
        """Mark everything, or nothing."""
        image = QImage(self.image.size(), self.image.format())
        image.fill(255 if white else 0)
        return self._replace(image)

    def invert(self) -> QRect:
        """Mark what is not marked, and the other way round."""
        image = QImage(self.image)
        image.invertPixels()
        return self._replace(image)

    def load(self, picture: QImage) -> QRect:
        """Take the brightness of a picture, cut at its edges where its shape differs."""
        return self._replace(_fitted(picture, self.image.size()))

    def undo(self) -> QRect:
        """Take a step back. Returns what changed."""
        self.end()
        self._changes -= bool(self._undo)
        return self._swap(self._undo, self._redo)

    def redo(self) -> QRect:
        """Do again what was taken back. Returns what changed."""
        self.end()
        self._changes += bool(self._redo)
        return self._swap(self._redo, self._undo)

    # ---- inside

    def _draw(self, draw: Callable[[QPainter], None], around: QRectF) -> QRect:
        margin = self._width / 2 + 1
        area = around.adjusted(-margin, -margin, margin, margin).toAlignedRect()
        area &= self.image.rect()
        if area.isEmpty():
            return area
        ground, ink = ("white", "black") if self._erase else ("black", "white")
        patch = QImage(area.size(), self.image.format())
        patch.fill(QColor(ground))
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
        # The soft edges of pieces that overlap would add up to a hard one; the brighter counts.
        painter = QPainter(self.image)
        painter.setCompositionMode(
            QPainter.CompositionMode.CompositionMode_Darken
            if self._erase
            else QPainter.CompositionMode.CompositionMode_Lighten
        )
        painter.drawImage(area.topLeft(), patch)
        painter.end()
        self._touched |= area
        return area

    def _replace(self, image: QImage) -> QRect:
        self.end()
        if image == self.image:
            return QRect()
        before, self.image = self.image, image
        self._remember(before, image.rect())
        return image.rect()

    def _remember(self, before: QImage, area: QRect) -> None:
        if area.isEmpty() or before.copy(area) == self.image.copy(area):
            return
        self._undo.append((area, _packed(before, area)))
        self._redo.clear()
        self._changes += 1
        while len(self._undo) > MOST_STEPS or sum(len(b) for _, b in self._undo) > MOST_BYTES:
            del self._undo[0]

    def _swap(self, source: list[_Step], target: list[_Step]) -> QRect:
        if not source:
            return QRect()
        area, packed = source.pop()
        target.append((area, _packed(self.image, area)))
        data = zlib.decompress(packed)
        old = QImage(data, area.width(), area.height(), area.width(), self.image.format())
        painter = QPainter(self.image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(area.topLeft(), old)
        painter.end()
        return area


def _packed(image: QImage, area: QRect) -> bytes:
    """Return the pixels of a part, row after row without padding, compressed."""
    part = image.copy(area)
    width, stride = part.width(), part.bytesPerLine()
    data = bytes(part.constBits())
    if stride != width:
        data = b"".join(data[row : row + width] for row in range(0, len(data), stride))
    return zlib.compress(data, 1)


def _fitted(picture: QImage, size: QSize) -> QImage:
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
