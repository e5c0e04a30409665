"""The main window: one tab per kind, the library, and a line for the queue and messages.

Only the visible tab is built before the first paint; everything else is built right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from studio.protocol import ModelRef, Problem, Request
from studio.ui.shell.destinations import NullDestinations
from studio.ui.shell.event_loop_slices import Slice, import_slices, run_in_slices
from studio.ui.shell.screen_fit import available_area, fit_to_screen
from studio.ui.shell.state import AppState
from studio.ui.shell.tabs import Tabs
from studio.ui.shell.window.library_place import LibraryPlace
from studio.ui.shell.workspace import (
    ProvidesRequest,
    RunsRequests,
    ShowsJobs,
    TakesFiles,
    TakesText,
    Workspace,
)
from studio.ui.style.theme import GRID, Severity
from studio.ui.widgets.dialog_frame import show_dialog

if TYPE_CHECKING:
    from studio.library.records import Asset, Job
    from studio.ui.batch.batch_dialog import BatchDialog
    from studio.ui.gallery.history_view import HistoryView
    from studio.ui.messages.message_bar import MessageBar
    from studio.ui.models.models_dialog import ModelsDialog
    from studio.ui.queue.queue_panel import QueueLine

BOTTOM_HEIGHT = 5 * GRID
"""Height of the line with the queue and the messages."""

LEAST_SIZE = QSize(960, 640)
"""The smallest size of the window, unless the screen is smaller."""

BUILD_DELAY_MS = 40
"""Delay before the remaining parts are built, so that pending input events are handled first."""

_DIALOGS = (
    "studio.ui.models",
    "studio.ui.settings",
    "studio.ui.batch",
    "studio.ui.shell.window",
    "studio.ui.compare",
    "studio.ui.cull",
)
"""Imported ahead, so that a dialog opens at once."""


class MainWindow(QMainWindow):
    """Create the state from the default settings and folders if `state` is None."""

    activated = Signal()
    """The window has become the active one."""
    built = Signal()
    """All its parts have been built, and the modules of its dialogs are imported."""

    def __init__(
        self,
        state: AppState | None = None,
        parent: QWidget | None = None,
        *,
        damage: Problem | None = None,
    ) -> None:
        super().__init__(parent)
        if state is None:
            state, damage = _default_state(self)
        self.state = state
        self._damage = damage
        self._messages: MessageBar | None = None
        self._queue_line: QueueLine | None = None
        self._history: HistoryView | None = None
        self.setObjectName("window")
        self.setWindowTitle("Prompt Studio")
        self.setMinimumSize(LEAST_SIZE)
        self.resize(1280, 800)
        self._started = False
        self._closed = False
        self.restart_requested = False
        """Whether the app should be started again after it has exited."""
        self.reopen_requested = False
        """Whether another window should be opened in the same process, in another language."""

        self.tabs = Tabs(state, self)
        middle = QWidget(self)
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.tabs, 1)
        self._bottom = QHBoxLayout()
        self._bottom.setContentsMargins(GRID, 0, 0, 0)
        self._bottom.addStrut(BOTTOM_HEIGHT)
        rows.addLayout(self._bottom)
        self.setCentralWidget(middle)
        self.library_place = LibraryPlace(self, self.tabs, state.settings.window)

        state.message.connect(self._show_message)
        state.problem.connect(self.show_problem)
        state.destinations = self
        self.tabs.open_first(state.settings.window.tab)
        self.tabs.task_changed.connect(self._task_changed)
        self._restore_layout()

    # ---- tabs

    def tab(self, task: str) -> Workspace:
        """Return the workspace of a task, building it if necessary."""
        return self.tabs.workspace(task)

    @property
    def is_complete(self) -> bool:
        """Whether all deferred parts have been built and the library is open."""
        return self.tabs.is_complete and self.state.library is not None

    @property
    def current_task(self) -> str:
        return self.tabs.current_task

    def _task_changed(self, task: str) -> None:
        self.state.settings.window.tab = task

    # ---- destinations (see `Destinations`)

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of an asset or a request in the tab of its kind."""
        from studio.kinds.registry import kind_if_known
        from studio.kinds.requests import unsupported_reason

        request = source if isinstance(source, Request) else source.recipe.request
        if kind_if_known(request) is not None:
            if self._has_tab(request.task):
                self.tabs.show_task(request.task).restore(source)
        elif (why := unsupported_reason(request)) is not None:
            self.show_problem(Problem("bad_input", why))

    def send(self, task: str, paths: Sequence[Path]) -> None:
        """Show the tab of a task and pass it files, if its workspace accepts files."""
        workspace = self.tabs.show_task(task)
        if isinstance(workspace, TakesFiles):
            workspace.take(paths)

    def send_text(self, task: str, text: str) -> None:
        """Show the tab of a task and pass it a text, if its workspace accepts texts."""
        workspace = self.tabs.show_task(task)
        if isinstance(workspace, TakesText):
            workspace.take_text(text)

    def show_job(self, job: Job) -> None:
        """Show a job in the tab of its kind, if that workspace can show jobs."""
        from studio.kinds.registry import kind_if_known

        if kind_if_known(job.request) is None or not self.tabs.has(job.request.task):
            return
        workspace = self.tab(job.request.task)
        if isinstance(workspace, ShowsJobs):
            self.tabs.show_task(job.request.task)
            workspace.show_job(job)

    def run(self, request: Request) -> None:
        """Show the tab of the request's kind and run the request there."""
        if not self._has_tab(request.task):
            return
        workspace = self.tabs.show_task(request.task)
        if isinstance(workspace, RunsRequests):
            workspace.run(request)

    def _has_tab(self, task: str) -> bool:
        """Return whether a kind has a tab; say it if it has none."""
        from studio.ui.shell.kind_labels import task_title

        if self.tabs.has(task):
            return True
        text = self.tr("{kind} has no tab yet: use the command studio {task}, or a table.")
        self.state.show_message(text.format(kind=task_title(task), task=task), "info")
        return False

    # ---- frame

    @property
    def messages(self) -> MessageBar:
        """The message bar at the bottom of the window, created on first use."""
        if self._messages is None:
            from studio.ui.messages.message_bar import MessageBar

            self._messages = MessageBar(self)
            self._bottom.addWidget(self._messages, 1)
        return self._messages

    def _make_shortcuts(self) -> None:
        from studio.ui.shell.window.actions import window_actions

        self._actions = list(window_actions(self))
        for action in self._actions:
            for keys in action.keys:
                QShortcut(QKeySequence(keys), self).activated.connect(action.run)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._started:
            self._started = True
            QTimer.singleShot(BUILD_DELAY_MS, self, self._after_first_paint)

    def _after_first_paint(self) -> None:
        """Build the remaining parts, one slice per event loop iteration."""
        run_in_slices(self, self._deferred_slices(), lambda: not self._closed)

    def _deferred_slices(self) -> Iterator[Slice]:
        yield from self.tabs.slices_of_visible()
        yield self._finish_frame
        yield self._make_shortcuts
        yield from import_slices("studio.ui.queue", "studio.ui.gallery")
        yield self._fill_queue
        yield self._fill_history
        yield from self.tabs.slices_of_hidden()
        # After the others, because the threads it starts import modules and hold the GIL meanwhile.
        yield self._start_state
        yield from import_slices(*_DIALOGS)
        yield self.built.emit

    def _finish_frame(self) -> None:
        from studio.ui.shell.window.corner import make_corner

        self.library_place.finish()
        self._models_button = make_corner(self)
        # If the settings are unknown, opening the library fails for the same reason.
        if self._damage is not None and not self.state.settings.is_unknown:
            self.show_problem(self._damage)
        self.messages.show()

    def _fill_queue(self) -> None:
        from studio.ui.queue.queue_panel import QueueLine, QueuePanel
        from studio.ui.queue.queue_view import QueueView

        panel = QueuePanel(QueueView(self.state, self), self)
        self._queue_line = QueueLine(panel, self)
        self._bottom.insertWidget(0, self._queue_line)

    def _fill_history(self) -> None:
        from studio.ui.gallery.history_view import HistoryView

        view = self._history = HistoryView(self.state, self)
        self.library_place.fill(view, view)

    def toggle_queue(self) -> None:
        """Open or close the list of the queue."""
        if self._queue_line is not None:
            self._queue_line.toggle_panel()

    def _start_state(self) -> None:
        from studio.ui.models.download_indicator import DownloadIndicator
        from studio.ui.models.downloads import downloads_of
        from studio.ui.models.folder_watch import folder_watch_of
        from studio.ui.shell.notices import Notices
        from studio.ui.shell.other_processes import OtherProcesses
        from studio.ui.shell.window.job_notification import JobNotification
        from studio.ui.shell.window.task_bar_progress import TaskBarProgress

        self._notices = Notices(self.state, self.messages, self)
        OtherProcesses(self.state, self)
        JobNotification(self.state, self)
        TaskBarProgress(self.state, self)
        self.state.start()
        DownloadIndicator(self._models_button, downloads_of(self.state))
        downloads_of(self.state).start()
        self.activated.connect(folder_watch_of(self.state).look)

    # ---- dialogs and messages

    def open_models(self, task: str = "") -> None:
        """Open the models dialog, with the models of `task` first."""
        dialog = self._models_dialog(task)
        if task and not self.state.models(task):
            dialog.show_get(task)

    def find_models(self, task: str = "") -> None:
        """Open the models dialog where models can be got, with those for `task`."""
        self._models_dialog(task).show_get(task)

    def get_model(self, entry: str) -> None:
        """Download an entry of the catalogue, after a question where its licence needs one."""
        self._models_dialog().show_get(entry=entry)

    def get_smaller(self, model: ModelRef) -> None:
        """Download a smaller version of an installed model, if its hub has one."""
        self._models_dialog(model.task).show_smaller(model)

    def show_downloads(self) -> None:
        """Open the models dialog at the downloads."""
        self._models_dialog().show_downloads()

    def _models_dialog(self, task: str = "") -> ModelsDialog:
        from studio.ui.models.models_dialog import ModelsDialog

        open_one = self.findChild(ModelsDialog)
        if isinstance(open_one, ModelsDialog) and open_one.isVisible():
            open_one.activateWindow()
            return open_one
        dialog = ModelsDialog(self.state, task, self)
        show_dialog(dialog)
        return dialog

    def open_table(self, path: Path) -> None:
        """Open the batch dialog with a table of requests."""
        self.open_batch().table.load(path)

    def open_batch(self) -> BatchDialog:
        """Open the batch dialog for the current task."""
        from studio.ui.batch.batch_dialog import BatchDialog
        from studio.ui.batch.plan import batch_task

        task = batch_task(self.current_task)
        workspace = self.tab(task)
        assert isinstance(workspace, ProvidesRequest)
        dialog = BatchDialog(self.state, task, workspace.request, self)
        show_dialog(dialog)
        return dialog

    def open_settings(self, field: str = "") -> None:
        """Open the settings dialog, with the focus in the field of this object name."""
        from studio.ui.settings.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self.state, self)
        dialog.restart_requested.connect(self.restart)
        dialog.reopen_requested.connect(self.reopen)
        dialog.reopen_when_idle_requested.connect(self._reopen_when_idle)
        dialog.finished.connect(lambda _: self._offer_restart(dialog.needs_restart))
        show_dialog(dialog)
        if field:
            dialog.show_field(field)

    def _offer_restart(self, needed: bool) -> None:
        if needed and not self._closed:
            self.messages.show_message(
                self.tr("Your changes take effect after a restart."),
                "info",
                self.tr("Restart now"),
                self.restart,
            )

    def restart(self) -> None:
        """Close the window and request a restart of the app."""
        self.restart_requested = True
        self.close()

    def reopen(self) -> None:
        """Close the window and request another one in the same process."""
        self.reopen_requested = True
        self.close()

    def _reopen_when_idle(self) -> None:
        from studio.ui.shell.window.reopen_when_idle import ReopenWhenIdle

        if not self.findChildren(ReopenWhenIdle):
            ReopenWhenIdle(self.state, self.reopen, self)

    def show_shortcuts(self) -> None:
        """Show the list of keyboard shortcuts."""
        from studio.ui.settings.shortcuts_dialog import ShortcutsDialog

        here = [("  ".join(action.keys), action.text) for action in self._actions if action.keys]
        results = () if self._history is None else self._history.commands.results
        library = [(action.keys, action.text) for action in results if action.keys]
        show_dialog(ShortcutsDialog(here, library, self))

    def show_palette(self) -> None:
        """Show the command palette, or close it."""
        from studio.ui.shell.window.show_palette import toggle_palette

        toggle_palette(self, self.state, self._actions, self.tabs.show_task, self.open_settings)

    def show_messages(self) -> None:
        """Show the list of earlier messages."""
        self.messages.show_list()

    def show_about(self) -> None:
        """Show the version, the licences and the folders in use."""
        from studio.ui.settings.about_dialog import AboutDialog

        show_dialog(AboutDialog(self.state, self))

    def show_problem(self, problem: Problem) -> None:
        """Show a problem in the message bar and offer the next step."""
        from studio.ui.shell.notices import next_step, severity_of
        from studio.ui.style.translations import translated

        text, action = next_step(problem, self.state, self.messages)
        self.messages.show_message(
            translated(problem.message), severity_of(problem), text, action, detail=problem.detail
        )

    def _show_message(
        self, text: str, kind: Severity, action_text: str, action: Callable[[], object] | None
    ) -> None:
        self.messages.show_message(text, kind, action_text, action)

    def come_to_front(self) -> None:
        """Show the window in front of those of other programs."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # ---- layout and closing

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.activated.emit()

    def _restore_layout(self) -> None:
        window = self.state.settings.window
        if window.geometry:
            self.restoreGeometry(QByteArray.fromBase64(window.geometry.encode()))
        fit_to_screen(self, available_area(self), LEAST_SIZE)
        if not (window.state and self.restoreState(QByteArray.fromBase64(window.state.encode()))):
            self.resizeDocks([self.library_place.dock], [32 * GRID], Qt.Orientation.Horizontal)
        self.library_place.update_side()

    def _save_layout(self) -> None:
        window = self.state.settings.window
        window.geometry = self.saveGeometry().toBase64().toStdString()
        window.state = self.saveState().toBase64().toStdString()
        self.tabs.save_values()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save the settings and stop the worker and its engines. A running job is interrupted."""
        if not self._closed:
            self._closed = True
            self._save_layout()
            self.state.destinations = NullDestinations()
            self.hide()
            self.state.close()
        super().closeEvent(event)


def _default_state(parent: MainWindow) -> tuple[AppState, Problem | None]:
    from studio.settings import default_paths, load_settings

    paths = default_paths()
    settings, damage = load_settings(paths.settings)
    if damage is not None:
        paths = default_paths()  # a copy of the settings may name the folder of models
    return AppState(paths, settings, parent), damage
