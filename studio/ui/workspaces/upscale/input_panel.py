"""The list of pictures to upscale, with buttons to add and remove them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.protocol import Problem
from studio.ui.media.picture.choose_picture import choose_pictures
from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.file_list_view import FileListView
from studio.ui.workspaces.upscale.input_files import MAX_FILES, check_pictures, expand_folders
from studio.ui.workspaces.upscale.input_list import InputDelegate, InputModel

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState


class InputPanel(QWidget):
    """Folders are listed and files checked in the background."""

    added = Signal(list)
    """Paths that were added, including those already on the list."""

    removed = Signal()

    settled = Signal()
    """Everything that was to be added was looked at."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._additions = 0
        self.inputs = InputModel(self)
        self.view = FileListView(
            self.inputs,
            self.tr("Pictures to enlarge"),
            self.tr("Drop pictures or folders here"),
            "upscale.inputs",
            self,
        )
        self.view.setItemDelegate(InputDelegate(self.inputs, self.view))
        add = QPushButton(self.tr("Add pictures…"), self)
        add.setObjectName("upscale.add")
        add.clicked.connect(self.choose_files)
        folder = QPushButton(self.tr("Add a folder…"), self)
        folder.setObjectName("upscale.add_folder")
        folder.clicked.connect(self.choose_folder)
        remove = tool_button(
            "trash-2", self.tr("Remove from the list (the files are kept)"), "upscale.remove"
        )
        remove.clicked.connect(self.remove_selected)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(add)
        buttons.addWidget(folder)
        buttons.addStretch(1)
        buttons.addWidget(remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.view, 1)
        column.addLayout(buttons)
        self.view.dropped.connect(self.add)
        self.view.remove_requested.connect(self.remove_selected)

    def add(self, paths: Sequence[Path]) -> None:
        """Add files, and the pictures in folders."""
        requested = [Path(path) for path in paths]

        def listed(found: list[Path]) -> None:
            self._add_files(found)
            self._end_addition()

        def failed(problem: Problem) -> None:
            self._state.problem.emit(problem)
            self._end_addition()

        self._additions += 1
        self._state.background.read(self, lambda: expand_folders(requested), listed, failed)

    @property
    def is_adding(self) -> bool:
        """Whether `settled` will be emitted."""
        return self._additions > 0

    def _end_addition(self) -> None:
        self._additions -= 1
        if not self._additions:
            self.settled.emit()

    def check(self, paths: Sequence[Path]) -> None:
        """Mark files on the list that are not readable pictures."""
        check_pictures(paths, self.inputs, self._state)

    def _add_files(self, found: list[Path]) -> None:
        if not found:
            self._state.show_message(self.tr("No pictures were found."), "warning")
            return
        if len(found) > MAX_FILES:
            found = found[:MAX_FILES]
            self._state.show_message(
                self.tr("Only the first {number} pictures were added.").format(number=MAX_FILES),
                "warning",
            )
        self.inputs.add(found)
        self.check(found)
        self.added.emit(found)

    def set_current(self, path: Path) -> None:
        """Make a picture of the list the current one."""
        self.view.setCurrentIndex(self.inputs.index(self.inputs.row_of(path)))

    def remove_selected(self) -> None:
        """Remove the selected pictures from the list, except waiting and running ones."""
        rows = [
            index.row()
            for index in self.view.selectionModel().selectedIndexes()
            if (item := self.inputs.at(index.row())) is not None
            and item.state not in ("waiting", "running")
        ]
        self.inputs.remove(rows)
        self.removed.emit()

    def choose_files(self) -> None:
        """Ask for pictures."""
        paths = choose_pictures(self, self.tr("Add pictures"))
        if paths:
            self.add([Path(path) for path in paths])

    def choose_folder(self) -> None:
        """Ask for a folder of pictures."""
        path = QFileDialog.getExistingDirectory(self, self.tr("Add a folder"))
        if path:
            self.add([Path(path)])
