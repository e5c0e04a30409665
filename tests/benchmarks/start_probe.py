"""Runs in a process of its own: a window, and the moment its prompt accepts a letter.

`python -m tests.benchmarks.start_probe app|bare` prints the clock (seconds since the epoch) at
which a typed letter had arrived in the prompt. `bare` is a PySide6 window with three empty tabs.
"""

from __future__ import annotations

import os
import sys
import time


def _watch_prompt() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QApplication, QPlainTextEdit

    def look() -> None:
        prompt = QApplication.focusWidget()
        if not isinstance(prompt, QPlainTextEdit) or not prompt.isVisible():
            return
        if "§" in prompt.toPlainText():
            print(time.time(), flush=True)
            os._exit(0)
        press = QKeyEvent(QEvent.Type.KeyPress, 0, Qt.KeyboardModifier.NoModifier, "§")
        QCoreApplication.postEvent(prompt, press)

    timer = QTimer(QCoreApplication.instance())
    timer.timeout.connect(look)
    timer.start(0)


def _bare() -> None:
    from PySide6.QtWidgets import QApplication, QMainWindow, QPlainTextEdit, QTabWidget, QWidget

    application = QApplication(sys.argv[:1])
    window = QMainWindow()
    tabs = QTabWidget()
    prompt = QPlainTextEdit()
    tabs.addTab(prompt, "Text")
    tabs.addTab(QWidget(), "Image")
    tabs.addTab(QWidget(), "Upscale")
    window.setCentralWidget(tabs)
    window.resize(1280, 800)
    window.show()
    prompt.setFocus()
    _watch_prompt()
    application.exec()


def _app() -> None:
    """Start the app as usual, and begin watching when its event loop starts."""
    from PySide6.QtWidgets import QApplication

    from studio.__main__ import main

    run = QApplication.exec

    def watched(*_: object) -> int:
        _watch_prompt()
        return run()

    QApplication.exec = watched  # type: ignore[method-assign]  # the app calls it by this name
    sys.argv = ["studio"]
    main()


if __name__ == "__main__":
    _app() if sys.argv[1] == "app" else _bare()
