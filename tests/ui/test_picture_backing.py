"""A drawing on transparent ground is seen in both themes; other pictures stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from pytestqt.qtbot import QtBot

from studio.ui.gallery.thumbnails import read_thumbnail
from studio.ui.media.picture.canvas import PictureCanvas

pytestmark = pytest.mark.usefixtures("qapp")


def drawn(colour: str, ground: str = "#00000000", side: int = 256) -> QImage:
    """Return a ring of one colour, as icons are."""
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(ground))
    painter = QPainter(image)
    painter.setPen(QColor(colour))
    for inset in range(40, 60):
        painter.drawRect(QRect(inset, inset, side - 2 * inset, side - 2 * inset))
    painter.end()
    return image


@pytest.mark.parametrize(
    ("colour", "ground", "seen_on"),
    [
        ("#000000", "#00000000", "light"),
        ("#1a2b4c", "#00000000", "light"),
        ("#ffffff", "#00000000", "dark"),
        ("#1a7f37", "#00000000", None),
        ("#000000", "#ff336699", None),
    ],
)
def test_a_thumbnail_has_a_ground_on_which_its_drawing_is_seen(
    tmp_path: Path, colour: str, ground: str, seen_on: str | None
) -> None:
    path = tmp_path / "icon.png"
    assert drawn(colour, ground).save(str(path))
    made = read_thumbnail(str(path), 96)
    corner = made.pixelColor(2, 2)
    if seen_on is None:
        assert corner.alpha() == QColor(ground).alpha()
        return
    assert corner.alpha() == 255
    assert (corner.lightness() > 200) if seen_on == "light" else (corner.lightness() < 60)


def test_an_empty_picture_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "nothing.png"
    image = QImage(1, 1, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    assert image.save(str(path))
    assert read_thumbnail(str(path), 96).pixelColor(0, 0).alpha() == 0


def test_black_strokes_are_viewed_on_light_chequers_in_the_dark_theme(qtbot: QtBot) -> None:
    canvas = PictureCanvas()
    qtbot.addWidget(canvas)
    palette = canvas.palette()
    for role in (QPalette.ColorRole.Base, QPalette.ColorRole.AlternateBase):
        palette.setColor(role, QColor("#1e1e1e"))
    canvas.setPalette(palette)
    canvas.resize(300, 300)
    canvas.set_picture(drawn("#000000"))
    shown = canvas.grab().toImage()
    middle = shown.pixelColor(shown.width() // 2, shown.height() // 2)
    assert middle.lightness() > 200
