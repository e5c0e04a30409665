"""The first time with the app as pictures for the README, recorded by real clicks in the window.

From the start through an example, its result and a chosen variation to the library: six clicks,
each marked with its number. In English and in Chinese.

Run by `make screenshots`, once for each language. It needs no display. The files go into
`resources/screenshots/`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QWidget

    from studio.ui.main_window import MainWindow

Mark: TypeAlias = "tuple[int, QPoint]"
"""The number of a click, and its place in the window."""

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "resources" / "screenshots"
STEPS = ("start", "example", "generate", "result", "variation", "library")
SUFFIXES = {"en": "en", "zh_CN": "zh"}
SIZE = (1024, 700)
LARGEST = 150_000
"""Bytes a file."""

PATIENCE_S = 300
RING = 26
PAUSE_MS = 1_000
"""Before a picture: what fades or loads has arrived."""


class FirstTime:
    """Clicks through the window as somebody would who sees it for the first time.

    `wait` lets the window work until something is so. `show` is given the name of each step and
    the clicks that follow, before they are made.
    """

    def __init__(
        self,
        window: MainWindow,
        wait: Callable[[Callable[[], bool]], None],
        show: Callable[[str, Sequence[Mark]], None],
    ) -> None:
        self._window = window
        self._wait = wait
        self._show = show
        self.clicks = 0

    def walk(self) -> None:
        """From the start to the library."""
        from studio.ui.workspaces.image.image_tab import ImageTab

        window = self._window
        bar = window.tabs.tabBar()
        tab = window.tab("image")
        assert isinstance(tab, ImageTab)
        self._step("start", (bar, bar.tabRect(1).center()))
        example = self._named("image.idea.0")
        self._wait(example.isVisible)
        self._step("example", (example, example.rect().center()))
        generate = self._named("image.generate")
        count = tab.run_bar.count
        self._step("generate", (count, _up_arrow(count)), (generate, generate.rect().center()))
        strip = tab.result.strip
        self._wait(lambda: len(tab.result.model.finished()) == count.value() > 1)
        self._wait(lambda: generate.isEnabled() and strip.isVisible())
        second = strip.visualRect(tab.result.model.index(1, 0)).center()
        self._step("result", (strip.viewport(), second))
        self._wait(lambda: strip.currentIndex().row() == 1)
        self._step("variation", (bar, bar.tabRect(bar.count() - 1).center()))
        self._wait(lambda: window.tabs.is_page_shown)
        self._wait(self._is_library_drawn)
        self._step("library")

    def _step(self, name: str, *clicks: tuple[QWidget, QPoint]) -> None:
        """Show the window, then click at places of its widgets."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        marks = [
            (self.clicks + number, widget.mapTo(self._window, place))
            for number, (widget, place) in enumerate(clicks, start=1)
        ]
        self._show(name, marks)
        for widget, place in clicks:
            QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)
            self.clicks += 1

    def _is_library_drawn(self) -> bool:
        from studio.ui.gallery.history_view import HistoryView

        (history,) = self._window.findChildren(HistoryView)
        indexes = [history.model.index(row) for row in range(history.model.rowCount())]
        assets = [history.model.asset(index) for index in indexes]
        grid = history.grid
        return grid is not None and all(
            asset is not None and grid.pictures.get(asset.number) is not None for asset in assets
        )

    def _named(self, name: str) -> QWidget:
        from PySide6.QtWidgets import QWidget

        found = self._window.findChild(QWidget, name)
        assert found is not None, name
        return found


def _up_arrow(count: QWidget) -> QPoint:
    from PySide6.QtWidgets import QSpinBox, QStyle, QStyleOptionSpinBox

    assert isinstance(count, QSpinBox)
    option = QStyleOptionSpinBox()
    count.initStyleOption(option)
    box, arrow = QStyle.ComplexControl.CC_SpinBox, QStyle.SubControl.SC_SpinBoxUp
    return count.style().subControlRect(box, option, arrow, count).center()


def main(language: str) -> int:
    """Record the pictures in one language: "en" or "zh_CN"."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        os.environ["STUDIO_HOME"] = home
        _record(language)
    return 0


def _record(language: str) -> None:
    from PySide6.QtCore import QElapsedTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from studio.settings import Settings, default_paths
    from studio.ui.main_window import MainWindow
    from studio.ui.shell.state import AppState
    from studio.ui.style import theme, translations

    app = QApplication(["studio", *theme.STYLE_ARGUMENTS])
    app.setApplicationName("Prompt Studio")
    theme.apply_scheme(app, "light")
    translations.install(app, language)
    window = MainWindow(AppState(default_paths(), Settings()))
    window.resize(*SIZE)
    window.show()

    clock = QElapsedTimer()

    def wait(until: Callable[[], bool]) -> None:
        clock.start()
        while not until():
            if clock.elapsed() > PATIENCE_S * 1000:
                raise SystemExit("The app took too long.")
            QTest.qWait(50)

    def show(name: str, marks: Sequence[Mark]) -> None:
        QTest.qWait(PAUSE_MS)
        number = STEPS.index(name) + 1
        file = TARGET / f"first-time-{number}-{SUFFIXES[language]}.webp"
        _save(_marked(window.grab(), marks), file)

    try:
        wait(lambda: window.is_complete and window.state.models_known)
        first_time = FirstTime(window, wait, show)
        first_time.walk()
        print(f"{first_time.clicks} clicks")
    finally:
        window.close()


def _marked(picture: QPixmap, marks: Sequence[Mark]) -> QPixmap:
    """Draw a ring with its number around each place."""
    from PySide6.QtCore import QPoint, QRect, Qt
    from PySide6.QtGui import QColor, QPainter, QPen

    accent = QColor("#e5484d")
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for number, place in marks:
        painter.setPen(QPen(accent, 3))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place, RING, RING)
        badge = QRect(0, 0, 22, 22)
        badge.moveCenter(place + QPoint(RING, RING) * 0.75)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawEllipse(badge)
        painter.setPen(QColor("white"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.end()
    return picture


def _save(grabbed: QPixmap, file: Path) -> None:
    """Write a picture as WebP, as sharp as the size allows."""
    from PIL import Image
    from PySide6.QtCore import QBuffer, QIODevice

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    grabbed.save(buffer, "PNG")
    with Image.open(BytesIO(bytes(buffer.data().data()))) as picture:
        plain = picture.convert("RGB")
    for quality in (95, 90, 80, 70):
        out = BytesIO()
        plain.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= LARGEST:
            break
    file.write_bytes(out.getvalue())
    print(f"{file.relative_to(ROOT)}: {out.tell() // 1000} kB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "en"))
