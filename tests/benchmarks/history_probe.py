"""Runs in a process of its own: the app's window on the library of `STUDIO_HOME`, scrolled.

Prints JSON: the gaps of the event loop in milliseconds while History is scrolled from one end to
the other and back, how many rows it has, and the process's resident megabytes before and after.
"""

from __future__ import annotations

import json
import os

from tests.benchmarks.app_probe import Gaps, start_app

STEPS = 900
"""Places at which History is looked at on the way from one end to the other."""


def main() -> None:
    """Start the app as usual, wait for History, let it rest, scroll, report."""
    import psutil
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QAbstractItemView, QApplication

    process = psutil.Process()
    measured: dict[str, float] = {}

    def view() -> QAbstractItemView | None:
        for window in QApplication.topLevelWidgets():
            found: QAbstractItemView | None = window.findChild(QAbstractItemView, "history.view")
            if found is not None:
                return found
        return None

    def rest() -> None:
        shown = view()
        if shown is None or shown.model().rowCount() == 0:
            QTimer.singleShot(100, rest)
            return
        measured["rows"] = shown.model().rowCount()
        QTimer.singleShot(3000, lambda: scroll(shown))

    def scroll(shown: QAbstractItemView) -> None:
        measured["idle_mb"] = process.memory_info().rss / 1e6
        bar = shown.verticalScrollBar()
        # Down in large steps and back page by page: as with the scroll bar, and with the wheel.
        places = [bar.maximum() * step // STEPS for step in range(STEPS + 1)]
        places += [bar.maximum() - bar.pageStep() * page for page in range(STEPS // 2)]
        left = iter(places)

        def turn() -> None:
            place = next(left, None)
            if place is None:
                gaps.stop()
                QTimer.singleShot(1000, lambda: report(sorted(gaps.values)))
            else:
                bar.setValue(place)

        gaps = Gaps(turn)
        gaps.start()

    def report(late: list[float]) -> None:
        measured["p99.9"] = late[int(len(late) * 0.999)] * 1000
        measured["longest"] = late[-1] * 1000
        measured["scrolled_mb"] = process.memory_info().rss / 1e6
        print(json.dumps(measured), flush=True)
        os._exit(0)

    start_app(rest)


if __name__ == "__main__":
    main()
