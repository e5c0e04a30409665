"""Runs in a process of its own: the library of `STUDIO_HOME` as a grid, scrolled and resized.

Prints JSON: the gaps of the event loop in milliseconds while the library's page is opened,
scrolled from one end to the other and back, and while the tiles change their size; how many
results it has, and the process's resident megabytes afterwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks.app_probe import Gaps, start_app

STEPS = 900
"""Places at which the grid is looked at on the way from one end to the other."""


def main() -> None:
    """Start the app as usual, wait for the results, let it rest, use the grid, report."""
    import psutil
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from studio.ui.gallery.history_view import HistoryView
    from studio.ui.main_window import MainWindow

    process = psutil.Process()
    measured: dict[str, float] = {}

    def rest() -> None:
        for window in QApplication.topLevelWidgets():
            views = window.findChildren(HistoryView)
            if isinstance(window, MainWindow) and views and views[0].model.rowCount():
                measured["rows"] = views[0].model.rowCount()
                QTimer.singleShot(3000, partial(use, window, views[0]))
                return
        QTimer.singleShot(100, rest)

    def use(window: MainWindow, view: HistoryView) -> None:
        steps = _steps(window, view)

        def turn() -> None:
            if next(steps, None) is None:
                gaps.stop()
                report(gaps.values)

        gaps = Gaps(turn)
        gaps.start()

    def report(values: list[float]) -> None:
        late = sorted(values)
        measured["p99.9"] = late[int(len(late) * 0.999)] * 1000
        measured["longest"] = late[-1] * 1000
        measured["mb"] = process.memory_info().rss / 1e6
        print(json.dumps(measured), flush=True)
        os._exit(0)

    start_app(rest)


def _steps(window: object, view: object) -> Iterator[bool]:
    """Yield after each thing that a person would do in turn."""
    from studio.ui.gallery.history_view import HistoryView
    from studio.ui.main_window import MainWindow

    assert isinstance(window, MainWindow) and isinstance(view, HistoryView)
    yield from _idle(50)
    window.tabs.show_page()
    yield from _idle(200)
    grid = view.grid
    assert grid is not None
    for tile in (96, 192):
        grid.set_tile(tile)
        yield from _idle(50)
        bar = grid.verticalScrollBar()
        move: Callable[[int], None] = bar.setValue
        # Down in large steps and back page by page: as with the scroll bar, and with the wheel.
        for step in range(STEPS + 1):
            move(bar.maximum() * step // STEPS)
            yield True
        for page in range(STEPS // 2):
            move(bar.maximum() - bar.pageStep() * page)
            yield True
    for tile in [*range(96, 513, 2), *range(512, 95, -2)]:
        view.choice.slider.setValue(tile)
        yield True
    yield from _idle(200)


def _idle(turns: int) -> Iterator[bool]:
    for _ in range(turns):
        yield True


if __name__ == "__main__":
    main()
