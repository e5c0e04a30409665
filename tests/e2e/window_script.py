"""The app as usual, with a prompt typed into it and Generate pressed. Started by the tests.

The arguments are the prompts: the next one is typed when a job has failed. Prints JSON lines:
`{"engine": pid}` at the first text, where the engine is stopped if another prompt follows,
`{"failed": …}`, and at the end `{"path": …, "longest_gap": ms}`, the longest gap of the event loop.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from studio.engine.local.client import EngineClient
from studio.library.records import Asset
from studio.protocol import Failed, TextDelta
from studio.ui.app import main
from studio.ui.main_window import MainWindow


class Typist:
    """Type the prompts, press Generate, and print what comes back."""

    def __init__(self) -> None:
        self.window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        self.last = time.perf_counter()
        self.longest = 0.0
        self.streaming = False
        self.more = sys.argv[1:]
        self.beat = QTimer(self.window)
        self.beat.timeout.connect(self.measure_gap)
        self.beat.start(5)
        reports = self.window.state.reports
        reports.text.connect(self.streams)
        reports.asset_saved.connect(self.saved)
        reports.failed.connect(self.failed)
        self.type()

    def measure_gap(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last - 0.005)
        self.last = now

    def type(self) -> None:
        if not self.window.state.models("text"):
            QTimer.singleShot(50, self.type)
            return
        prompt = self.window.findChild(QWidget, "text.prompt")
        button = self.window.findChild(QWidget, "text.generate")
        assert prompt is not None and button is not None
        prompt.setFocus()
        QTest.keyClicks(prompt, self.more.pop(0))
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def streams(self, _: TextDelta) -> None:
        if not self.streaming:
            self.streaming = True
            engine = self.window.state.worker._engines[0]
            assert isinstance(engine, EngineClient)
            if self.more:
                # Otherwise the answer might be there before the engine is killed.
                os.kill(engine.pid or 0, signal.SIGSTOP)
            print(json.dumps({"engine": engine.pid}), flush=True)

    def saved(self, asset: Asset) -> None:
        gap = self.longest * 1000
        print(json.dumps({"path": str(asset.path), "longest_gap": gap}), flush=True)
        QTimer.singleShot(0, self.window.close)

    def failed(self, report: Failed) -> None:
        print(json.dumps({"failed": str(report.problem.message)}), flush=True)
        QTimer.singleShot(0, self.type)


def watched() -> int:
    """Begin once the event loop runs."""
    typists: list[Typist] = []
    QTimer.singleShot(0, lambda: typists.append(Typist()))
    return run()


if __name__ == "__main__":
    run = QApplication.exec
    QApplication.exec = staticmethod(watched)  # type: ignore[method-assign]  # the app calls it so
    sys.exit(main(["studio"]))
