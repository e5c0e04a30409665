"""Start the app. The window is shown before any heavy module is imported."""

from __future__ import annotations

import gc
import os
import sys
from types import TracebackType

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog

from studio.formats.atomic_write import make_private_folder
from studio.formats.untrusted_files import open_to_append
from studio.protocol import Problem, unexpected
from studio.settings import default_paths, load_settings
from studio.ui.main_window import MainWindow
from studio.ui.shell.input_method import reach_fcitx
from studio.ui.shell.state import AppState
from studio.ui.shell.window_lock import WindowLock
from studio.ui.style import theme
from studio.ui.style.icons import icon

SWITCH_INTERVAL_S = 0.0005
"""Longest time for which another thread keeps the interpreter lock while the window wants it.

Qt's calls release the lock, so at Python's 5 ms a handler of a hundred calls takes half a second
while another thread reads models or results."""

LISTEN_DELAY_MS = 500
"""Delay before a second start can reach the window: its module is not imported before the paint."""


def main(argv: list[str]) -> int:
    """Run the app until its window is closed; returns the exit status."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    reach_fcitx(os.environ, sys.platform)
    app = QApplication([*argv[:1], *theme.STYLE_ARGUMENTS, *argv[1:]])
    app.setApplicationName("Prompt Studio")
    app.setApplicationDisplayName("Prompt Studio")
    app.setDesktopFileName("prompt-studio")
    paths = default_paths()
    settings, damage = load_settings(paths.settings)
    if damage is not None:
        paths = default_paths()  # a copy of the settings may name the folder of models
    _translate(app, settings.language)
    theme.apply_scheme(app, settings.colour_scheme)
    lock = WindowLock(paths.settings.parent)
    if not lock.acquire() and not _opens_second_window(lock):
        return 0
    while True:
        window, status = _run_window(app, AppState(paths, settings), damage, lock)
        if not window.reopen_requested:
            break
        # Another language: every text is made anew, which only a new window can do.
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        settings, damage = load_settings(paths.settings)
        _translate(app, settings.language)
    sys.excepthook = sys.__excepthook__
    lock.release()
    if window.restart_requested:
        from studio.ui.shell.restart import start_new_process

        if not start_new_process():
            return status or 1
    return status


def _run_window(
    app: QApplication, state: AppState, damage: Problem | None, lock: WindowLock
) -> tuple[MainWindow, int]:
    """Show a window and run the event loop until it is closed; also returns the exit status."""
    settings = state.settings
    follow = QGuiApplication.styleHints().colorSchemeChanged.connect(
        lambda _scheme: theme.apply_scheme(app, settings.colour_scheme)
    )
    sys.excepthook = _ExceptionHook(state)
    window = MainWindow(state, damage=damage)
    window.setWindowIcon(icon("sparkles"))
    # A full collection would look at every object of the start, and stop the window for 35 ms.
    window.built.connect(lambda: gc.freeze())
    window.show()
    QTimer.singleShot(LISTEN_DELAY_MS, window, lambda: _listen(window, lock))
    status = app.exec()
    gc.unfreeze()
    QGuiApplication.styleHints().colorSchemeChanged.disconnect(follow)
    return window, status


def _translate(app: QApplication, language: str) -> None:
    """Install the translators of a language; English on an English system needs none."""
    if language != "en" or app.property("translated"):
        from studio.ui.style import translations

        translations.install(app, language)


def _opens_second_window(lock: WindowLock) -> bool:
    """Show the window that is open, or ask what to do if it does not answer."""
    from studio.ui.shell.window_server import show_open_window

    if show_open_window(lock.server_name):
        return False
    from studio.ui.shell.second_window_dialog import SecondWindowDialog

    # It may have been closed in the meantime.
    return lock.acquire() or SecondWindowDialog().exec() == QDialog.DialogCode.Accepted


def _listen(window: MainWindow, lock: WindowLock) -> None:
    """Let later starts of the app show this window instead of another."""
    if not lock.is_held:
        return
    from studio.ui.shell.window_server import WindowServer

    server = WindowServer(lock.server_name, window.come_to_front, window)
    window.state.closing.connect(server.close)


class _ExceptionHook:
    """Log an uncaught exception and show it in the message bar."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    def __call__(
        self,
        _kind: type[BaseException],
        error: BaseException,
        _where: TracebackType | None,
    ) -> None:
        problem = unexpected(error)
        logs = self._state.paths.logs
        try:
            make_private_folder(logs)
            with os.fdopen(open_to_append(logs / "app.log"), "a", encoding="utf-8") as file:
                file.write(problem.detail)
        except OSError:
            pass
        if sys.stderr is not None:
            sys.stderr.write(problem.detail)
        self._state.problem.emit(problem)
