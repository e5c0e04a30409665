"""The list of pictures to be enlarged, and the ways to put them on it and take them off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.ui.media.picture.choose_picture import choose_pictures
from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button
from studio.ui.workspaces.upscale.adding import MOST_FILES, look_at, pictures_below
from studio.ui.workspaces.upscale.input_list import InputModel, InputView

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState


class InputPanel(QWidget):
    """Files and folders are looked at off the window's thread."""

    added = Signal(list)
    """Paths that were put on the list, or were there already."""

    removed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.inputs = InputModel(self)
        self.view = InputView(self.inputs, self)
        add = QPushButton(self.tr("Add pictures…"), self)
        add.setObjectName("upscale.add")
        add.clicked.connect(self.choose_files)
        folder = QPushButton(self.tr("Add a folder…"), self)
        folder.setObjectName("upscale.add_folder")
        folder.clicked.connect(self.choose_folder)
        remove = tool_button(
            "trash-2", self.tr("Take off the list (the files stay)"), "upscale.remove"
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
        self.view.remove_wanted.connect(self.remove_selected)

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and the pictures below folders."""
        given = [Path(path) for path in paths]
        self._state.background.read(
            self, lambda: pictures_below(given), self._found, self._state.problem.emit
        )

    def look(self, paths: Sequence[Path]) -> None:
        """Find out size and thumbnail of pictures on the list, or what is wrong with them."""
        look_at(paths, self.inputs, self._state)

    def _found(self, found: list[Path]) -> None:
        if not found:
            self._state.show_message(self.tr("There is no picture in it."), "warning")
            return
        if len(found) > MOST_FILES:
            found = found[:MOST_FILES]
            self._state.show_message(
                self.tr("Only the first {number} pictures were added.").format(number=MOST_FILES),
                "warning",
            )
        self.inputs.add(found)
        self.look(found)
        self.added.emit(found)

    def choose(self, path: Path) -> None:
        """Make a picture on the list the current one."""
        self.view.setCurrentIndex(self.inputs.index(self.inputs.row_of(path)))

    def remove_selected(self) -> None:
        """Take the selected pictures off the list; those being enlarged stay."""
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
