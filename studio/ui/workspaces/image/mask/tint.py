"""The overlay that shows a mask on any picture: light, dark or in the accent colour."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPalette, QPixmap, QPolygonF, QTransform

_TILE = 12
_COLOUR_OPACITY = 0.68
_STRIPE_OPACITY = 0.5


def tint(palette: QPalette, ratio: float) -> QBrush:
    """Return a translucent brush with stripes in the accent colour and a light shade of it."""
    brush = QBrush(_stripes(palette.color(QPalette.ColorRole.Accent).rgb(), ratio))
    brush.setTransform(QTransform.fromScale(1 / ratio, 1 / ratio))
    return brush


@lru_cache(maxsize=8)
def _stripes(rgb: int, ratio: float) -> QPixmap:
    side = max(4, round(_TILE * ratio))
    colour = QColor.fromRgb(rgb)
    light = QColor.fromHsvF(colour.hueF(), colour.saturationF() * 0.25, 1.0, _STRIPE_OPACITY)
    colour.setAlphaF(_COLOUR_OPACITY)
    pixmap = QPixmap(side, side)
    pixmap.fill(colour)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(light)
    half = side / 4
    for shift in (-side, 0, side):
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(shift, side),
                    QPointF(shift + side, 0),
                    QPointF(shift + side + half, 0),
                    QPointF(shift + half, side),
                ]
            )
        )
    painter.end()
    return pixmap


def draw_mask(
    painter: QPainter, mask: QImage, target: QRectF, brush: QBrush, origin: QPointF, smooth: bool
) -> None:
    """Fill a greyscale mask with a brush, more opaque the whiter the mask.

    Args:
        painter: a painter on a transparent image.
        mask: drawn scaled to `target`.
        target: rectangle of the whole mask.
        brush: see `tint`.
        origin: origin of the brush pattern.
        smooth: whether to scale the mask smoothly.
    """
    alpha = mask.copy()
    alpha.reinterpretAsFormat(QImage.Format.Format_Alpha8)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.drawImage(target, alpha, QRectF(alpha.rect()))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.setBrushOrigin(origin)
    painter.fillRect(target, brush)
