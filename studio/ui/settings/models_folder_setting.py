"""Where models are kept, how much room they take and how much is free there, and a new choice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from studio.protocol import Problem, readable_size
from studio.ui.settings.models_folder_dialog import ModelsFolderDialog
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.storage.models_folder_choice import FolderChoice


class ModelsFolderSetting(QWidget):
    """A row of the settings. Object names: `settings.models`, `settings.models_choose`."""

    changed = Signal()
    """Another folder is used after a restart."""
    moved = Signal()
    """The models were moved; the app must restart now."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.folder = QLineEdit(str(state.paths.models), self)
        self.folder.setObjectName("settings.models")
        self.folder.setAccessibleName(self.tr("Folder of models"))
        self.folder.setReadOnly(True)
        self.folder.setToolTip(plain_tooltip(str(state.paths.models)))
        self.choose_button = dialog_button(
            self.tr("Choose…"), "settings.models_choose", self._ask, self
        )
        show = dialog_button(self.tr("Open folder"), "settings.models_open", self._open, self)
        self.about = TintedLabel(self)
        self.about.setObjectName("settings.models_about")
        self.about.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.folder, 1)
        row.addWidget(self.choose_button)
        row.addWidget(show)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row)
        layout.addWidget(self.about)
        self.about.show_text(" ")
        self._read_space()

    def choose(self, folder: str) -> None:
        """Ask what shall happen with the models, then use another folder."""
        paths = self._state.paths

        def look() -> FolderChoice:
            from studio.models.storage.models_folder_choice import describe_choice

            return describe_choice(paths, Path(folder))

        self._state.background.waiting(self, look, self._show_choice, self._failed)

    # ---- private

    def _read_space(self) -> None:
        paths = self._state.paths

        def look() -> tuple[int, int] | None:
            import shutil

            from studio.models.storage.copy_tree import tree_size

            if paths.is_models_folder_gone:
                return None
            place = paths.models if paths.models.is_dir() else paths.settings.parent
            return tree_size(paths.models), shutil.disk_usage(place).free

        self._state.background.waiting(self, look, self._show_space, self._failed)

    def _show_space(self, found: tuple[int, int] | None) -> None:
        if found is None:
            text = self.tr("This folder is not there. Connect its disk, or choose another folder.")
            self.about.show_text(text, "warning")
            return
        self.about.show_text(
            self.tr("{size} in it, {free} free on this disk").format(
                size=readable_size(found[0]), free=readable_size(found[1])
            )
        )

    def _failed(self, problem: Problem) -> None:
        self.about.show_text(translated(problem.message), "error")

    def _ask(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder of models"), str(self._state.paths.models))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.choose)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _show_choice(self, choice: FolderChoice) -> None:
        dialog = ModelsFolderDialog(self._state, choice, self)
        dialog.used.connect(self._used)
        dialog.moved.connect(self.moved)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _used(self, folder: str) -> None:
        self.folder.setText(folder)
        self.folder.setToolTip(plain_tooltip(folder))
        self.about.show_text(" ")
        self.changed.emit()

    def _open(self) -> None:
        folder = self._state.paths.models
        open_path(folder if folder.is_dir() else folder.parent, self._state.show_message)
