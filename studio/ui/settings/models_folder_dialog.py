"""Another folder for models: move what is there, with progress, or leave it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QWidget

from studio.protocol import Problem, problem, readable_size
from studio.settings import save_settings
from studio.ui.models.downloads import downloads_of
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import PrimaryButton
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.storage.models_folder_choice import FolderChoice


class ModelsFolderDialog(QDialog):
    """Modal for its dialog. Esc cancels, also while models are being moved."""

    used = Signal(str)
    """The folder is used after a restart; the models stay where they are."""
    moved = Signal()
    """The models are in the new folder; the app must restart now."""
    _progressed = Signal(float)

    def __init__(self, state: AppState, choice: FolderChoice, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._choice = choice
        self._stop = threading.Event()
        self._is_moving = False
        self.setObjectName("settings.models_dialog")
        self.setWindowTitle(self.tr("Folder of models"))
        self.setMinimumWidth(64 * GRID)
        text = self.tr("New models will be kept in {folder}. {free} is free there.").format(
            folder=choice.folder, free=readable_size(choice.free)
        )
        where = plain_label(text, self)
        where.setWordWrap(True)
        self.what = plain_label(self._question(), self)
        self.what.setWordWrap(True)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID // 2)
        self.progress.setAccessibleName(self.tr("Progress"))
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.status = TintedLabel(self)
        self.status.setWordWrap(True)
        self.status.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        self.move_all = PrimaryButton(
            self.tr("Move everything and restart"), "folder-open", "settings.models_move", self
        )
        self.move_all.setAutoDefault(False)
        self.move_all.setVisible(bool(choice.size) and not choice.is_used)
        self.leave = buttons.addButton(
            self.tr("Leave them there") if choice.size else self.tr("Use this folder"),
            role.ActionRole,
        )
        self.leave.setAutoDefault(False)
        self.cancel = buttons.addButton(self.tr("Cancel"), role.RejectRole)
        self.cancel.setDefault(True)
        buttons.addButton(self.move_all, role.ActionRole)
        self.move_all.clicked.connect(self._move)
        self.leave.clicked.connect(self._use)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, where, self.what, self.progress, self.status, buttons)
        self._progressed.connect(self._show_progress)
        state.closing.connect(self._stop.set)

    def reject(self) -> None:
        """Stop moving, or close."""
        if self._is_moving:
            self._stop.set()
            self.cancel.setEnabled(False)
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._is_moving:
            self.reject()
            event.ignore()
        else:
            super().closeEvent(event)

    # ---- private

    def _question(self) -> str:
        choice, old = self._choice, self._state.paths.models
        if not choice.size:
            text = self.tr("There are no models in {folder} yet.").format(folder=old)
            return text + self._unknown_folders()
        if choice.is_used:
            return (
                self.tr(
                    "The folder was used for models before; those in it are listed. The models in "
                    "{folder} ({size}) stay there and stay in the list."
                ).format(folder=old, size=readable_size(choice.size))
                + self._unknown_folders()
            )
        return self.tr(
            "{size} of models are in {folder}. They can be moved, or stay there and stay in the "
            "list. Moving them ends running jobs, which can be resumed after the restart."
        ).format(folder=old, size=readable_size(choice.size))

    def _unknown_folders(self) -> str:
        if not self._choice.unknown:
            return ""
        from studio.models.storage.models_folder_choice import not_searched

        return "\n\n" + translated(not_searched(self._choice))

    def _save(self) -> Callable[[], Problem | None]:
        settings, file = deepcopy(self._state.settings), self._state.paths.settings
        settings.models = str(self._choice.folder)
        return lambda: save_settings(file, settings)

    def _use(self) -> None:
        paths, folder, save = self._state.paths, self._choice.folder, self._save()
        self._enable(is_free=False)

        def use() -> None:
            from studio.models.storage.models_folder_choice import use_folder

            use_folder(paths, folder, save)

        def used(_: object) -> None:
            self._state.settings.models = str(folder)
            self.used.emit(str(folder))
            self.accept()

        self._state.background.waiting(self, use, used, self._failed)

    def _move(self) -> None:
        paths, folder, save = self._state.paths, self._choice.folder, self._save()
        downloads, stop, progressed = downloads_of(self._state), self._stop, self._progressed
        stop.clear()
        self._is_moving = True
        self._enable(is_free=False)
        self.progress.show()
        self.status.show_text(self.tr("Moving the models…"))

        def check() -> None:
            if stop.is_set():
                raise problem("cancelled", "It was cancelled. The models stay where they are.")

        def report(done: int, total: int) -> None:
            progressed.emit(done / total if total else 0.0)

        def move() -> None:
            from studio.downloads.writers import no_writers
            from studio.models.storage.models_folder_choice import move_folder

            downloads.suspend()
            try:
                with no_writers(paths.models):
                    move_folder(paths, folder, save, report, check)
            except BaseException:
                downloads.go_on()
                raise

        def moved(_: object) -> None:
            self._is_moving = False
            self._state.settings.models = str(folder)
            self.accept()
            self.moved.emit()

        self._state.background.long(self, move, moved, self._failed)

    def _show_progress(self, share: float) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * share))

    def _failed(self, found: Problem) -> None:
        self._is_moving = False
        self._enable(is_free=True)
        self.progress.hide()
        is_problem = found.kind != "cancelled"
        self.status.show_text(translated(found.message), "error" if is_problem else None)

    def _enable(self, *, is_free: bool) -> None:
        self.move_all.setEnabled(is_free)
        self.leave.setEnabled(is_free)
        self.cancel.setEnabled(is_free or self._is_moving)
