"""Runs in a process of its own: the app's window while thousands of requests are enqueued.

Prints JSON: the seconds from the call until all are in the library, and the event loop's longest
gap in milliseconds on the way and for a second after it, while the views look at them.
"""

from __future__ import annotations

import json
import os
import sys
import time

INTERVAL = 0.005


def main() -> None:
    """Start the app as usual with its queue paused, submit, watch."""
    from PySide6.QtCore import QCoreApplication, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from studio.__main__ import main as start
    from studio.protocol import Request, TextRequest
    from studio.ui.main_window import MainWindow
    from studio.ui.worker_thread import Enqueued

    requests: list[Request] = [TextRequest(prompt=f"number {n}") for n in range(int(sys.argv[1]))]
    gaps: list[float] = []
    told: dict[str, float] = {}

    def watch() -> None:
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        if not window.is_complete or window.state.library is None:
            QTimer.singleShot(100, watch)
            return
        window.state.library.pause(True)
        QTimer.singleShot(1500, lambda: submit(window))

    def submit(window: MainWindow) -> None:
        begun = time.perf_counter()
        state = {"last": begun}

        def turn() -> None:
            now = time.perf_counter()
            gaps.append(max(0.0, now - state["last"] - INTERVAL))
            state["last"] = now

        def hear(report: object) -> None:
            if isinstance(report, Enqueued):
                told["seconds"] = time.perf_counter() - begun
                QTimer.singleShot(1000, done)

        timer = QTimer(QCoreApplication.instance())
        timer.timeout.connect(turn)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.start(round(INTERVAL * 1000))
        window.state.reported.connect(hear)
        window.state.submit(requests)

    def done() -> None:
        told["longest"] = max(gaps) * 1000
        print(json.dumps(told), flush=True)
        os._exit(0)

    run = QApplication.exec

    def watched(*_: object) -> int:
        QTimer.singleShot(300, watch)
        return run()

    QApplication.exec = watched  # type: ignore[method-assign, assignment]
    sys.argv = ["studio"]
    start()


if __name__ == "__main__":
    main()
