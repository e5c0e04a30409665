"""Runs in a process of its own: the app's window while thousands of requests are enqueued.

Prints JSON: the seconds from the call until all are in the library, and the event loop's longest
gap in milliseconds on the way and for a second after it, while the views look at them.
"""

from __future__ import annotations

import json
import os
import sys
import time

from tests.benchmarks.app_probe import Gaps, start_app


def main() -> None:
    """Start the app as usual with its queue paused, submit, watch."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from studio.kinds.text import TextRequest
    from studio.protocol import Request
    from studio.ui.main_window import MainWindow
    from studio.ui.shell.reports import Enqueued

    requests: list[Request] = [TextRequest(prompt=f"number {n}") for n in range(int(sys.argv[1]))]
    gaps = Gaps()
    measured: dict[str, float] = {}

    def watch() -> None:
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        if not window.is_complete or window.state.library is None:
            QTimer.singleShot(100, watch)
            return
        window.state.library.queue.set_paused(True)
        QTimer.singleShot(1500, lambda: submit(window))

    def submit(window: MainWindow) -> None:
        begun = time.perf_counter()

        def note_enqueued(_: Enqueued) -> None:
            measured["seconds"] = time.perf_counter() - begun
            QTimer.singleShot(1000, done)

        gaps.start()
        window.state.reports.enqueued.connect(note_enqueued)
        window.state.submit(requests)

    def done() -> None:
        measured["longest"] = max(gaps.values) * 1000
        print(json.dumps(measured), flush=True)
        os._exit(0)

    start_app(watch)


if __name__ == "__main__":
    main()
