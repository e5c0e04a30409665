"""Runs in a process of its own: the app's window on the library of `STUDIO_HOME`, scrolled.

Prints JSON: the gaps of the event loop in milliseconds while History is scrolled from one end to
the other and back, how many rows it has, and the process's resident megabytes before and after.
"""

from __future__ import annotations

import json
import os
import sys
import time

STEPS = 900
"""Places at which History is looked at on the way from one end to the other."""

INTERVAL = 0.005


def main() -> None:
    """Start the app as usual, wait for History, let it rest, scroll, report."""
    import psutil
    from PySide6.QtCore import QCoreApplication, Qt, QTimer
    from PySide6.QtWidgets import QAbstractItemView, QApplication

    from studio.__main__ import main as start

    process = psutil.Process()
    gaps: list[float] = []
    told: dict[str, float] = {}

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
        told["rows"] = shown.model().rowCount()
        QTimer.singleShot(3000, lambda: scroll(shown))

    def scroll(shown: QAbstractItemView) -> None:
        told["idle_mb"] = process.memory_info().rss / 1e6
        bar = shown.verticalScrollBar()
        # There by leaps, back a page at a time at the end: as with the mouse, and with the wheel.
        places = [bar.maximum() * step // STEPS for step in range(STEPS + 1)]
        places += [bar.maximum() - bar.pageStep() * page for page in range(STEPS // 2)]
        state = {"at": 0, "last": time.perf_counter()}

        def turn() -> None:
            now = time.perf_counter()
            gaps.append(max(0.0, now - state["last"] - INTERVAL))
            state["last"] = now
            if state["at"] == len(places):
                timer.stop()
                QTimer.singleShot(1000, report)
                return
            bar.setValue(places[int(state["at"])])
            state["at"] += 1

        timer = QTimer(QCoreApplication.instance())
        timer.timeout.connect(turn)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.start(round(INTERVAL * 1000))

    def report() -> None:
        gaps.sort()
        told["p99.9"] = gaps[int(len(gaps) * 0.999)] * 1000
        told["longest"] = gaps[-1] * 1000
        told["scrolled_mb"] = process.memory_info().rss / 1e6
        print(json.dumps(told), flush=True)
        os._exit(0)

    run = QApplication.exec

    def watched(*_: object) -> int:
        QTimer.singleShot(300, rest)
        return run()

    QApplication.exec = watched  # type: ignore[method-assign, assignment]
    sys.argv = ["studio"]
    start()


if __name__ == "__main__":
    main()
