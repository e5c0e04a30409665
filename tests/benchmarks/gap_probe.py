"""Runs in a process of its own: the app's window, a real text job, and the event loop's gaps.

Prints JSON: the gaps in milliseconds at 50, 99, 99.9 and 100 %, and how the job ended. A timer
of 5 ms stands for what a person does; a gap is the time by which it came late.
"""

from __future__ import annotations

import json
import os
import sys
import time

from tests.benchmarks.bare import PROMPT

INTERVAL = 0.005


def main() -> None:
    """Start the app as usual, press Generate once the models are known, and watch."""
    from PySide6.QtCore import QCoreApplication, Qt, QTimer
    from PySide6.QtWidgets import QAbstractButton, QApplication, QPlainTextEdit

    from studio.__main__ import main as start
    from studio.protocol import Cancelled, Done, Failed
    from studio.ui.main_window import MainWindow

    gaps: list[float] = []
    last = [0.0]
    ended: list[str] = []

    def turn() -> None:
        now = time.perf_counter()
        if last[0]:
            gaps.append(max(0.0, now - last[0] - INTERVAL))
        last[0] = now
        if ended:
            gaps.sort()
            at = {
                name: gaps[min(len(gaps) - 1, int(len(gaps) * share))] * 1000
                for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
            }
            at["longest"] = gaps[-1] * 1000
            print(json.dumps({**at, "turns": len(gaps), "ended": ended[0]}), flush=True)
            os._exit(0)

    def watch() -> None:
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))

        def hear(report: object) -> None:
            if isinstance(report, Done | Failed | Cancelled):
                QTimer.singleShot(500, lambda: ended.append(type(report).__name__))

        def press() -> None:
            if not window.state.models("text"):
                QTimer.singleShot(100, press)
                return
            prompt = window.findChild(QPlainTextEdit, "text.prompt")
            prompt.setPlainText(PROMPT)
            window.findChild(QAbstractButton, "text.generate").click()

        window.state.reported.connect(hear, Qt.ConnectionType.QueuedConnection)
        QTimer.singleShot(1500, press)
        timer = QTimer(QCoreApplication.instance())
        timer.timeout.connect(turn)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.start(round(INTERVAL * 1000))

    run = QApplication.exec

    def watched(*_: object) -> int:
        QTimer.singleShot(300, watch)
        return run()

    QApplication.exec = watched  # type: ignore[method-assign, assignment]
    sys.argv = ["studio"]
    start()


if __name__ == "__main__":
    main()
