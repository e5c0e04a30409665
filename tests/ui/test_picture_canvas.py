"""The canvas that draws a picture, and the tools on it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QPainter
from pytestqt.qtbot import QtBot

from studio.ui.media.picture.canvas import LARGEST_FIT, PictureCanvas


class UsesPlus:
    """A tool that handles only the plus key."""

    def paint(self, painter: QPainter, area: QRect) -> None:
        painter.fillRect(area, Qt.GlobalColor.red)

    def handle(self, event: QEvent) -> bool:
        return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Plus


@pytest.fixture
def canvas(qtbot: QtBot) -> PictureCanvas:
    """A canvas of 400 × 300 points with a picture of 200 × 150 pixels."""
    image = QImage(200, 150, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkGreen)
    widget = PictureCanvas()
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    widget.set_picture(image)
    widget.show()
    return widget


def test_keys_that_a_tool_handles_do_not_zoom(canvas: PictureCanvas, qtbot: QtBot) -> None:
    canvas.set_tool(UsesPlus())
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.viewport.fitted
    qtbot.keyClick(canvas, Qt.Key.Key_Minus)
    assert not canvas.viewport.fitted


def test_a_tool_draws_on_top_of_the_picture(canvas: PictureCanvas) -> None:
    assert canvas.grab().toImage().pixelColor(200, 150) == Qt.GlobalColor.darkGreen
    canvas.set_tool(UsesPlus())
    assert canvas.grab().toImage().pixelColor(200, 150) == Qt.GlobalColor.red


def test_only_changes_by_the_user_are_signalled(canvas: PictureCanvas, qtbot: QtBot) -> None:
    changes: list[None] = []
    canvas.view_changed.connect(lambda: changes.append(None))
    canvas.resize(500, 300)
    assert not changes
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert len(changes) == 1


def test_the_visible_part_consists_of_whole_pixels_that_cover_the_area(
    canvas: PictureCanvas,
) -> None:
    canvas.zoom_by(3.7)
    canvas.pan_by(13, 7)
    area = QRectF(101, 53, 40, 30)
    for size in (QSize(200, 150), QSize(100, 75)):
        place, part = canvas.visible_part(size, area)
        assert place.contains(area)
        assert QRect(QPoint(0, 0), size).contains(part)
        assert part.width() < size.width()


def test_a_small_picture_is_enlarged_to_a_sensible_size_and_smoothly(qtbot: QtBot) -> None:
    canvas = PictureCanvas(largest_fit=LARGEST_FIT)
    qtbot.addWidget(canvas)
    canvas.resize(1200, 1200)
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.fillRect(0, 0, 32, 64, Qt.GlobalColor.black)
    painter.end()
    canvas.set_picture(image)
    canvas.show()
    assert canvas.viewport.target()[2] == 64 * LARGEST_FIT
    drawn = canvas.grab().toImage()
    assert len({drawn.pixelColor(x, 600).lightness() for x in range(590, 610)}) > 3
    canvas.zoom_by(3)
    assert not canvas.is_smooth
    drawn = canvas.grab().toImage()
    assert len({drawn.pixelColor(x, 600).lightness() for x in range(590, 610)}) == 2
