"""Pictures of the three tabs, the library, the comparison and a contact sheet, light and dark.

They show the real app with real models.

Run by `make screenshots`. It needs no display. The files go into `resources/screenshots/`, each
below 300 kB.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QApplication

    from studio.library.store import Library
    from studio.ui.gallery.history_view import HistoryView
    from studio.ui.main_window import MainWindow

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "resources" / "screenshots"
PHOTOGRAPH = ROOT / "resources" / "demo" / "cat.png"
LARGEST = 300_000
"""Bytes a file."""

SLOGAN = "Write a short slogan for a bicycle repair shop."
FOLLOW_UP = "Explain in one sentence why a bicycle should be repaired."
PICTURE = "a red fox, 3d style"
THINGS = ("a cat", "a fox", "an owl", "a whale")
STYLES = ("3d", "flat", "noto")
PATIENCE_S = 300


def main() -> int:
    """Take all pictures. Returns 0 where each could be taken."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        os.environ["STUDIO_HOME"] = home
        return _take_all()


def _take_all() -> int:
    from PySide6.QtWidgets import QApplication

    from studio.settings import Settings, default_paths
    from studio.ui.main_window import MainWindow
    from studio.ui.shell.state import AppState
    from studio.ui.style.theme import apply_scheme

    app = QApplication(["studio"])
    app.setApplicationName("Prompt Studio")
    apply_scheme(app, "light")
    window = MainWindow(AppState(default_paths(), Settings()))
    window.resize(1280, 800)
    window.show()
    try:
        _wait(lambda: window.is_complete and window.state.models_known)
        _fill_text(window)
        _fill_image(window)
        _fill_upscale(window)
        _fill_history(window)
        TARGET.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            apply_scheme(app, scheme)
            for place, name in enumerate(("text", "image", "upscale")):
                window.tabs.setCurrentIndex(place)
                window.messages.clear()
                _pause(500)
                _save(window.grab(), TARGET / f"{name}-{scheme}.png")
            _save(_history(window), TARGET / f"history-{scheme}.png")
            _save(_comparison(app, window), TARGET / f"compare-{scheme}.png")
        _save(_contact_sheet(window), TARGET / "contact-sheet.png")
    finally:
        window.close()
    return 0


def _fill_text(window: MainWindow) -> None:
    from studio.ui.workspaces.text.text_tab import TextTab

    tab = window.tab("text")
    assert isinstance(tab, TextTab)
    tab.controls.seed.set_value(11)
    tab.controls.temperature.set_value(0.5)
    tab.controls.penalty.set_value(1.0)
    tab.controls.max_tokens.set_value(96)
    for prompt, count in ((SLOGAN, 4), (FOLLOW_UP, 1)):
        tab.run_bar.count.setValue(count)
        tab.prompt.setPlainText(prompt)
        _generate(window, "text")
    tab.prompt.setPlainText("Now as a haiku")


def _fill_image(window: MainWindow) -> None:
    from studio.ui.workspaces.image.image_tab import ImageTab

    if not window.state.models("image"):
        print("There is no image model, so the Image tab is shown as it is without one.")
        return
    tab = window.tab("image")
    assert isinstance(tab, ImageTab)
    tab.prompt.setPlainText(PICTURE)
    _generate(window, "image")


def _fill_upscale(window: MainWindow) -> None:
    from studio.ui.workspaces.upscale.upscale_tab import UpscaleTab

    tab = window.tab("upscale")
    assert isinstance(tab, UpscaleTab)
    tab.take([PHOTOGRAPH])
    _wait(lambda: tab.inputs.rowCount() == 1)
    _generate(window, "upscale")


def _library(window: MainWindow) -> Library:
    """The library of the window, which is open by now."""
    assert window.state.library is not None
    return window.state.library


def _generate(window: MainWindow, task: str) -> None:
    """Press Generate and wait until the queue is empty."""
    library = _library(window)
    before = len(library.queue.list())
    window.tab(task).generate()

    def ended() -> bool:
        jobs = library.queue.list()
        return len(jobs) > before and not {job.status for job in jobs} & {"queued", "running"}

    _wait(ended)
    _pause(800)
    failed = [job for job in library.queue.list() if job.status != "done"]
    if failed:
        raise SystemExit(f"A job failed: {failed[0].problem and failed[0].problem.message}")


def _wait(until: Callable[[], bool]) -> None:
    """Let the window work until something is so."""
    from PySide6.QtCore import QElapsedTimer

    clock = QElapsedTimer()
    clock.start()
    while not until():
        if clock.elapsed() > PATIENCE_S * 1000:
            raise SystemExit("The app took too long.")
        _pause(50)


def _pause(milliseconds: int) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _fill_history(window: MainWindow) -> None:
    """A small batch with labels, some of it starred, tagged and in a collection."""
    from studio.kinds.image import ImageRequest

    if not window.state.models("image"):
        raise SystemExit("The pictures of the library need an image model.")
    library = _library(window)
    before = library.assets.count()
    cells = [(thing, style) for thing in THINGS for style in STYLES]
    window.state.submit(
        [ImageRequest(prompt=f"{thing}, {style} style", seed=1) for thing, style in cells],
        labels=[{"thing": thing, "style": style} for thing, style in cells],
    )
    _wait(lambda: library.assets.count() == before + len(cells))
    made = library.assets.recent(len(cells))
    library.marks.add_to_collection("Bestiary", [asset.id for asset in made[: 2 * len(STYLES)]])
    for asset in made[:: len(STYLES)]:
        library.marks.star([asset.id], True)
        library.marks.retag([asset.id], (), ["favourite"])
    window.state.assets_changed.emit()
    _pause(1500)


def _choose(window: MainWindow, rows: list[int]) -> HistoryView:
    """Select results in the library. Returns its view."""
    from PySide6.QtCore import QItemSelectionModel

    from studio.ui.gallery.history_view import HistoryView

    (history,) = window.findChildren(HistoryView)
    view = history.view
    view.selectionModel().clear()
    for row in rows:
        view.selectionModel().setCurrentIndex(
            history.model.index(row), QItemSelectionModel.SelectionFlag.Select
        )
    _pause(500)
    return history


def _history(window: MainWindow) -> QPixmap:
    """The library on its page, a filter in force and one result chosen."""
    window.tabs.show_page()
    window.messages.clear()
    history = _choose(window, [0])
    history.filters.choose_collection("Bestiary")
    _pause(1500)
    _choose(window, [0])
    _pause(1500)
    picture = window.grab()
    history.filters.clear.click()
    window.tabs.setCurrentIndex(1)
    _pause(800)
    return picture


def _comparison(app: QApplication, window: MainWindow) -> QPixmap:
    """Three styles of one thing, side by side."""
    _choose(window, [0, 1, 2]).commands.do("compare")
    _pause(1500)
    (dialog,) = (w for w in app.topLevelWidgets() if w.objectName() == "compare.dialog")
    picture = dialog.grab()
    dialog.close()
    _pause(200)
    return picture


def _contact_sheet(window: MainWindow) -> QPixmap:
    """The sheet of the whole batch, as it lies on the disk."""
    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QDialog

    _choose(window, list(range(len(THINGS) * len(STYLES)))).commands.do("sheet")
    library = _library(window)
    _wait(lambda: any(library.root.rglob("contact-sheet-*.png")))
    _pause(1000)
    for dialog in window.findChildren(QDialog, "picture.dialog"):
        dialog.close()
    (sheet,) = library.root.rglob("contact-sheet-*.png")
    return QPixmap(str(sheet))


def _save(grabbed: QPixmap, file: Path) -> None:
    """Write a picture, with as many colours as the size allows."""
    from PIL import Image
    from PySide6.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    grabbed.save(buffer, "PNG")
    with Image.open(BytesIO(bytes(buffer.data().data()))) as picture:
        plain = picture.convert("RGB")
    for colours in (256, 128, 64, 32):
        out = BytesIO()
        plain.quantize(colours).save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST:
            break
    file.write_bytes(out.getvalue())
    print(f"{file.relative_to(ROOT)}: {out.tell() // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
