"""The pictures that are described, as a list of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.formats.suffixes import is_picture, pictures_in
from studio.formats.untrusted_files import is_folder
from studio.kinds.fields import Field
from studio.ui.media.picture.choose_picture import choose_picture
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.file_list_view import FileListView
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip

MOST = 500
_PATH = Qt.ItemDataRole.UserRole


class PictureList(QWidget):
    """Object names: `describe.pictures`, `.add`, `.remove`, `.clear`."""

    changed = Signal()
    too_many = Signal()

    def __init__(self, state: AppState, field: Field, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._model = QStandardItemModel(self)
        self.view = FileListView(
            self._model,
            self.tr("Pictures"),
            self.tr("Drop pictures or folders here"),
            "describe.pictures",
            self,
        )
        self.view.setToolTip(plain_tooltip(tr(field.help)))
        self.view.dropped.connect(self.take)
        self.view.remove_requested.connect(self._remove)
        head = QHBoxLayout()
        head.setSpacing(GRID // 2)
        head.addWidget(plain_label(self.tr("Pictures"), self), 1)
        for name, symbol, text, action in (
            ("add", "plus", self.tr("Add picture…"), self._choose),
            ("remove", "x", self.tr("Remove the selected pictures from the list"), self._remove),
            ("clear", "trash-2", self.tr("Empty the list"), self.clear),
        ):
            button = tool_button(symbol, text, f"describe.{name}", self)
            button.clicked.connect(lambda _=False, act=action: act())
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(head)
        column.addWidget(self.view)

    def paths(self) -> list[Path]:
        """Return the pictures in the order in which they were added."""
        rows = range(self._model.rowCount())
        return [Path(self._model.item(row).data(_PATH)) for row in rows]

    def take(self, paths: Sequence[Path]) -> None:
        """Add pictures, also those in folders, which are read on another thread."""

        def read() -> list[Path]:
            found: list[Path] = []
            for path in paths:
                found += pictures_in(path) if is_folder(path) else [path] * is_picture(path)
            return found

        self._state.background.read(self, read, self.set_added)

    def set_added(self, found: Sequence[Path]) -> None:
        """Add pictures that are not on the list yet."""
        known = set(self.paths())
        new = [path for path in dict.fromkeys(found) if path not in known]
        room = MOST - len(known)
        for path in new[:room]:
            item = QStandardItem(icon("image"), one_line(path.name))
            item.setData(str(path), _PATH)
            item.setToolTip(plain_tooltip(str(path)))
            item.setEditable(False)
            self._model.appendRow(item)
        if len(new) > room:
            self.too_many.emit()
        if new:
            self.changed.emit()

    def clear(self) -> None:
        """Empty the list; the files stay."""
        self._model.clear()
        self.changed.emit()

    def _remove(self) -> None:
        rows = sorted({index.row() for index in self.view.selectedIndexes()}, reverse=True)
        for row in rows:
            self._model.removeRow(row)
        if rows:
            self.changed.emit()

    def _choose(self) -> None:
        path = choose_picture(self, self.tr("Add picture…"))
        if path:
            self.take([Path(path)])
