"""Shared by the probes that observe the app's own window from inside its process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

INTERVAL = 0.005
"""Seconds between two turns of a timer that stands for what a person does."""


def start_app(watch: Callable[[], None]) -> None:
    """Start the app as usual; `watch` is called once its event loop runs."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from studio.__main__ import main

    run = QApplication.exec

    def watched(*_: object) -> int:
        QTimer.singleShot(300, watch)
        return run()

    QApplication.exec = watched  # type: ignore[method-assign]  # the app calls it by this name
    sys.argv = ["studio"]
    main()


class Gaps:
    """Measure by how many seconds (`values`) a timer of `INTERVAL` is late.

    `turn` is called after each.
    """

    def __init__(self, turn: Callable[[], object] = lambda: None) -> None:
        self.values: list[float] = []
        self._turn = turn

    def start(self) -> None:
        """Start measuring, in the thread of the window."""
        from PySide6.QtCore import QCoreApplication, Qt, QTimer

        self._last = time.perf_counter()
        self._timer = QTimer(QCoreApplication.instance())
        # A bound method would not keep this object alive.
        self._timer.timeout.connect(lambda: self._note())
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.start(round(INTERVAL * 1000))

    def stop(self) -> None:
        """Stop measuring."""
        self._timer.stop()

    def _note(self) -> None:
        now = time.perf_counter()
        self.values.append(max(0.0, now - self._last - INTERVAL))
        self._last = now
        self._turn()
