"""The mask of a start picture: painted, saved in the library, sent with the request."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QSlider, QWidget
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.library.records import Asset
from studio.protocol import Capabilities, InputFile, Recipe
from studio.ui.compare.differences import differences
from studio.ui.main_window import MainWindow
from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.workspaces.image.image_tab import ImageTab
from studio.ui.workspaces.image.mask.drawing import MAX_UNDO_STEPS, MaskDrawing
from studio.ui.workspaces.image.mask.mask_brush import MaskBrush
from studio.ui.workspaces.image.mask.mask_dialog import MAX_PIXELS, read_opaque
from studio.ui.workspaces.image.mask.mask_file import save_mask

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
CONTROLS = ("prompt", "seed", "count", "image", "strength")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a cat.png"
    Image.new("RGB", (300, 200), "orange").save(path)
    return path


@pytest.fixture
def brush(qtbot: QtBot) -> MaskBrush:
    """A canvas of 600 × 400 points with a picture of 300 × 200 pixels, and a brush of 20."""
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkGreen)
    canvas = PictureCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(600, 400)
    brush = MaskBrush(canvas)
    brush.set_drawing(image, MaskDrawing(image.size()))
    brush.set_width(20)
    canvas.show()
    return brush


@pytest.fixture
def tab(window: MainWindow, picture: Path, qtbot: QtBot) -> Any:
    """The Image tab with a start picture and a model that supports inpainting."""
    window.tabs.setCurrentIndex(1)
    tab = window.tab("image")
    assert isinstance(tab, ImageTab)
    qtbot.waitUntil(lambda: tab.controls.is_known, timeout=20_000)
    tab.controls.apply_capabilities(Capabilities(controls=(*CONTROLS, "mask")))
    tab.controls.start_picture.set_path(str(picture))
    return tab


def grey(brush: MaskBrush, x: int, y: int) -> int:
    assert brush.drawing is not None
    return brush.drawing.image.pixelColor(x, y).red()


def drag(qtbot: QtBot, canvas: Any, *pixels: tuple[int, int], button: Any = LEFT) -> None:
    """Press, move and release over these pixels of the mask."""
    x, y, _, _ = canvas.viewport.target()
    zoom = canvas.viewport.zoom
    points = [QPoint(round(x + a * zoom), round(y + b * zoom)) for a, b in pixels]
    qtbot.mousePress(canvas, button, pos=points[0])
    for point in points[1:]:
        qtbot.mouseMove(canvas, point)
    qtbot.mouseRelease(canvas, button, pos=points[-1])


def edit(tab: Any, qtbot: QtBot) -> Any:
    tab.controls.start_picture.mask_button.click()
    dialog = tab.window().findChild(QWidget, "image.mask.dialog")
    qtbot.waitUntil(lambda: dialog.drawing is not None, timeout=10_000)
    return dialog


def masked(tab: Any, qtbot: QtBot) -> Path:
    """Paint something, press OK and return the file."""
    dialog = edit(tab, qtbot)
    drag(qtbot, dialog.canvas, (60, 100), (200, 100))
    dialog.ok.click()
    qtbot.waitUntil(lambda: tab.controls.start_picture.mask_path() != "", timeout=10_000)
    return Path(tab.controls.start_picture.mask_path())


def test_only_painted_pixels_are_white(brush: MaskBrush, qtbot: QtBot) -> None:
    drag(qtbot, brush.canvas, (50, 100), (150, 100), (150, 150))
    assert [grey(brush, *at) for at in ((50, 100), (100, 108), (150, 149))] == [255] * 3
    assert [grey(brush, *at) for at in ((50, 114), (38, 100), (250, 100), (0, 0))] == [0] * 4
    edge = [grey(brush, 100, y) for y in range(85, 95)]
    assert edge == sorted(edge)
    assert any(0 < value < 255 for value in edge)


def test_the_right_button_erases_and_in_erase_mode_the_left_one_too(
    brush: MaskBrush, qtbot: QtBot
) -> None:
    drag(qtbot, brush.canvas, (50, 100), (250, 100))
    drag(qtbot, brush.canvas, (100, 100), (100, 101), button=RIGHT)
    brush.erasing = True
    drag(qtbot, brush.canvas, (200, 100), (200, 101))
    assert [grey(brush, x, 100) for x in (100, 150, 200)] == [0, 255, 0]


def test_strokes_are_undone_and_redone(brush: MaskBrush, qtbot: QtBot) -> None:
    drawing = brush.drawing
    assert drawing is not None
    images = [QImage(drawing.image)]
    for x in (51, 120, 201):
        drag(qtbot, brush.canvas, (x, 60), (x, 140))
        images.append(QImage(drawing.image))
    brush.show_change(drawing.invert())
    images.append(QImage(drawing.image))
    assert grey(brush, 51, 100) == 0
    assert grey(brush, 0, 0) == 255
    for image in reversed(images[:-1]):
        brush.show_change(drawing.undo())
        assert drawing.image == image
    assert (drawing.can_undo, drawing.is_changed, drawing.is_empty) == (False, False, True)
    for image in images[1:]:
        brush.show_change(drawing.redo())
        assert drawing.image == image
    assert not drawing.can_redo


def test_the_undo_history_is_limited() -> None:
    drawing = MaskDrawing(QSize(40, 40))
    for _ in range(MAX_UNDO_STEPS + 5):
        drawing.invert()
    taken = 0
    while drawing.can_undo:
        drawing.undo()
        taken += 1
    assert taken == MAX_UNDO_STEPS


def test_the_keyboard_moves_the_brush_and_paints(brush: MaskBrush, qtbot: QtBot) -> None:
    qtbot.mouseMove(brush.canvas, QPoint(300, 200))
    for _ in range(3):
        qtbot.keyClick(brush.canvas, Qt.Key.Key_Left)
    qtbot.keyPress(brush.canvas, Qt.Key.Key_Space)
    for _ in range(6):
        qtbot.keyClick(brush.canvas, Qt.Key.Key_Right)
    qtbot.keyRelease(brush.canvas, Qt.Key.Key_Space)
    assert [grey(brush, x, 100) for x in (136, 150, 164)] == [255] * 3
    assert grey(brush, 180, 100) == 0


def test_the_wheel_zooms_and_with_ctrl_resizes_the_brush(brush: MaskBrush) -> None:
    def turn(keys: Qt.KeyboardModifier) -> None:
        at = QPointF(10, 10)
        event = QWheelEvent(
            at, at, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(brush.canvas, event)

    turn(Qt.KeyboardModifier.ControlModifier)
    assert brush.width > 20
    assert brush.canvas.viewport.fitted
    turn(Qt.KeyboardModifier.NoModifier)
    assert not brush.canvas.viewport.fitted


def test_a_picture_is_loaded_as_a_mask_by_its_brightness() -> None:
    drawing = MaskDrawing(QSize(30, 20))
    picture = QImage(60, 40, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    for x in range(30, 60):
        for y in range(40):
            picture.setPixelColor(x, y, Qt.GlobalColor.white)
    drawing.load(picture)
    assert [drawing.image.pixelColor(x, 10).red() for x in (5, 25)] == [0, 255]


def test_a_large_picture_is_scaled_down_for_painting(tmp_path: Path) -> None:
    Image.new("L", (4000, 2000)).save(tmp_path / "large.png")
    size = read_opaque(str(tmp_path / "large.png")).size()
    assert size.width() * size.height() <= MAX_PIXELS
    assert abs(size.width() - 2 * size.height()) <= 1


def test_a_mask_is_saved_in_greyscale_under_its_hash_and_only_once(tmp_path: Path) -> None:
    drawing = MaskDrawing(QSize(50, 30))
    drawing.fill(white=True)
    path = save_mask(drawing.image, tmp_path)
    assert path.parent == tmp_path / "masks"
    assert path.stem == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    with Image.open(path) as written:
        assert (written.mode, written.size, written.getextrema()) == ("L", (50, 30), (255, 255))
    before = path.stat()
    assert save_mask(drawing.image.copy(), tmp_path) == path
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(path.parent.iterdir()) == [path]


def test_the_request_carries_the_mask_until_it_is_removed(tab: Any, qtbot: QtBot) -> None:
    assert tab.request().mask is None
    path = masked(tab, qtbot)
    assert path.parent == tab._state.library.root / "masks"
    assert tab.request().mask == InputFile(str(path))
    assert tab._values.mask == str(path)
    assert tab._state.library.rebuild() == 0
    dialog = edit(tab, qtbot)
    assert grey(dialog.brush, 100, 100) == 255
    dialog.reject()
    tab.controls.start_picture.unmask_button.click()
    assert tab.request().mask is None


def test_another_picture_drops_the_mask(tab: Any, qtbot: QtBot, tmp_path: Path) -> None:
    masked(tab, qtbot)
    Image.new("RGB", (64, 64)).save(tmp_path / "another.png")
    tab.controls.start_picture.set_path(str(tmp_path / "another.png"))
    assert tab.request().image is not None
    assert tab.request().mask is None


def test_a_model_without_inpainting_gets_no_mask_and_disables_the_button(
    tab: Any, qtbot: QtBot
) -> None:
    masked(tab, qtbot)
    tab.controls.apply_capabilities(Capabilities(controls=CONTROLS))
    button = tab.controls.start_picture.mask_button
    assert not button.isEnabled()
    assert "Not supported" in button.toolTip()
    assert tab.request().image is not None
    assert tab.request().mask is None


def test_without_a_start_picture_the_mask_button_is_disabled(tab: Any) -> None:
    assert tab.controls.start_picture.mask_button.isEnabled()
    tab.controls.start_picture.set_path("")
    assert not tab.controls.start_picture.mask_button.isEnabled()


def test_a_mask_is_restored_from_a_request(tab: Any, picture: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (300, 200), 255).save(mask)
    wanted = ImageRequest(
        prompt="a cat", image=InputFile(str(picture)), mask=InputFile(str(mask), "0" * 64)
    )
    tab.restore(wanted)
    assert tab.request().mask == InputFile(str(mask))
    tab.restore(ImageRequest(prompt="a cat", image=InputFile(str(picture))))
    assert tab.request().mask is None


def test_a_comparison_shows_different_masks() -> None:
    def made(mask: InputFile | None) -> Asset:
        request = ImageRequest(prompt="a cat", image=InputFile("/cat.png"), mask=mask)
        recipe = Recipe(request=request, row=0, seed=1)
        return Asset(
            id="", job="", row=0, task="image", path=Path("a.png"), created="", recipe=recipe,
            prompt="a cat",
        )  # fmt: skip

    found = differences([made(InputFile("/masks/1.png")), made(None)])
    assert found == [[("Mask", "/masks/1.png")], [("Mask", "–")]]


def test_a_mask_that_cannot_be_written_is_not_lost(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    (tab._state.library.root / "masks").write_text("a file where the folder belongs")
    dialog = edit(tab, qtbot)
    drag(qtbot, dialog.canvas, (60, 100), (200, 100))
    dialog.ok.click()
    qtbot.waitUntil(lambda: "masks" in window.messages.text(), timeout=10_000)
    assert "masks" in dialog.status.text()
    assert dialog.isVisible()
    assert grey(dialog.brush, 100, 100) == 255
    (tab._state.library.root / "masks").unlink()
    dialog.ok.click()
    qtbot.waitUntil(lambda: tab.controls.start_picture.mask_path() != "", timeout=10_000)


def test_a_cancelled_mask_can_be_restored(window: MainWindow, tab: Any, qtbot: QtBot) -> None:
    dialog = edit(tab, qtbot)
    drag(qtbot, dialog.canvas, (60, 100), (200, 100))
    dialog.reject()
    assert tab.request().mask is None
    message = window.messages.messages[-1]
    assert message.action is not None
    message.action()
    again = tab._mask_editing._dialog
    qtbot.waitUntil(lambda: again.drawing is not None, timeout=10_000)
    assert grey(again.brush, 100, 100) == 255


def test_every_control_of_the_editor_has_a_name(tab: Any, qtbot: QtBot) -> None:
    dialog = edit(tab, qtbot)
    controls = [w for kind in (QAbstractButton, QSlider) for w in dialog.findChildren(kind)]
    assert len(controls) >= 12
    assert all(w.objectName().startswith("image.mask.") for w in controls)
    assert all(w.accessibleName() or w.text() for w in controls)
    assert dialog.canvas.accessibleName()
