"""Runs in a process of its own: the app's window, a real text job, and the event loop's gaps.

Prints JSON: the gaps in milliseconds at 50, 99, 99.9 and 100 %, and how the job ended. A timer
of 5 ms stands for user input; a gap is the time by which it is late.
"""

from __future__ import annotations

import json
import os

from tests.benchmarks.app_probe import Gaps, start_app
from tests.benchmarks.baseline import PROMPT


def main() -> None:
    """Start the app as usual, press Generate once the models are known, and watch."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtWidgets import QAbstractButton, QApplication, QPlainTextEdit

    from studio.protocol import Cancelled, Done, Failed
    from studio.ui.main_window import MainWindow

    ended: list[str] = []

    def turn() -> None:
        if not ended:
            return
        late = sorted(gaps.values)
        at = {
            name: late[min(len(late) - 1, int(len(late) * share))] * 1000
            for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        }
        at["longest"] = late[-1] * 1000
        print(json.dumps({**at, "turns": len(late), "ended": ended[0]}), flush=True)
        os._exit(0)

    gaps = Gaps(turn)

    def watch() -> None:
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))

        def report_end(report: Done | Failed | Cancelled) -> None:
            QTimer.singleShot(500, lambda: ended.append(type(report).__name__))

        def press() -> None:
            if not window.state.models("text"):
                QTimer.singleShot(100, press)
                return
            prompt = window.findChild(QPlainTextEdit, "text.prompt")
            generate = window.findChild(QAbstractButton, "text.generate")
            assert prompt is not None and generate is not None
            prompt.setPlainText(PROMPT)
            generate.click()

        reports = window.state.reports
        for end in (reports.done, reports.failed, reports.cancelled):
            end.connect(report_end, Qt.ConnectionType.QueuedConnection)
        QTimer.singleShot(1500, press)
        gaps.start()

    start_app(watch)


if __name__ == "__main__":
    main()
