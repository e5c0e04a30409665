"""The list of pictures to upscale, with the state of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QIcon,
    QImage,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.icons import icon
from studio.ui.style.theme import severity_colour
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.two_line_delegate import TwoLineDelegate

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
State = Literal["new", "unreadable", "waiting", "running", "done", "failed", "cancelled"]
INPUT_ROLE = Qt.ItemDataRole.UserRole + 1
THUMBNAIL = 40
"""Device-independent pixels per side."""


@dataclass(frozen=True)
class Input:
    """One picture; `output` is the path of the upscaled file, empty until it exists."""

    path: Path
    state: State = "new"
    output: str = ""
    message: str = ""
    thumbnail: QPixmap | None = None


class InputModel(QAbstractListModel):
    """Pictures in the order in which they were added, without duplicates."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inputs: list[Input] = []
        self._requested: set[Path] = set()
        self._loader = PictureLoader(self, threads=1)
        self._loader.loaded.connect(self._keep_thumbnail)

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._inputs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self._inputs[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return one_line(item.path.name)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{item.path.name}\n{self.status_text(item)}"
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(str(item.path) + (f"\n{item.message}" if item.message else ""))
            case _ if role == INPUT_ROLE:
                return item
        return None

    def status_text(self, item: Input) -> str:
        """Return the second line of a picture: its state, its folder or its error."""
        match item.state:
            case "new":
                return str(item.path.parent)
            case "waiting":
                return self.tr("Waiting")
            case "running":
                return self.tr("Enlarging")
            case "done":
                return self.tr("Done")
            case "failed" | "unreadable":
                return item.message
            case "cancelled":
                return self.tr("Stopped")

    def add(self, paths: Sequence[Path]) -> int:
        """Add pictures that are not on the list yet; return their number."""
        known = {item.path for item in self._inputs}
        added = [path for path in dict.fromkeys(paths) if path not in known]
        if added:
            start = len(self._inputs)
            self.beginInsertRows(ROOT, start, start + len(added) - 1)
            self._inputs.extend(Input(path) for path in added)
            self.endInsertRows()
        return len(added)

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows from the list; the files are kept."""
        for row in sorted(set(rows), reverse=True):
            self.beginRemoveRows(ROOT, row, row)
            self._requested.discard(self._inputs[row].path)
            del self._inputs[row]
            self.endRemoveRows()

    def inputs(self) -> list[Input]:
        """Return all pictures."""
        return list(self._inputs)

    def at(self, row: int) -> Input | None:
        """Return the picture of a row, or None."""
        return self._inputs[row] if 0 <= row < len(self._inputs) else None

    def row_of(self, path: Path) -> int:
        """Return the row of a picture, or -1."""
        return next((row for row, item in enumerate(self._inputs) if item.path == path), -1)

    def set_state(self, path: Path, state: State, output: str = "", message: str = "") -> None:
        """Set the state of a picture; paths that are not on the list are ignored."""
        row = self.row_of(path)
        if row >= 0:
            old = self._inputs[row]
            self._change(
                row, replace(old, state=state, output=output or old.output, message=message)
            )

    def set_check_result(self, path: Path, problem: str) -> None:
        """Set why a file cannot be read, empty if it can; ignored once its job was submitted."""
        item = self.at(self.row_of(path))
        if item is not None and item.state in ("new", "unreadable"):
            self.set_state(path, "unreadable" if problem else "new", message=problem)

    def stop(self) -> None:
        """Stop loading thumbnails; wait for reads in progress."""
        self._loader.stop()

    def picture(self, item: Input) -> QPixmap | QIcon:
        """Return the thumbnail of a picture, loaded on first use, or a placeholder icon."""
        if item.path not in self._requested:
            self._requested.add(item.path)
            self._loader.request(str(item.path), str(item.path), QSize(THUMBNAIL, THUMBNAIL) * 2)
        return item.thumbnail or icon("image", "muted")

    def _keep_thumbnail(self, key: str, _path: str, image: QImage, _size: QSize) -> None:
        row = self.row_of(Path(key))
        if row >= 0:
            thumbnail = QPixmap.fromImage(image)
            self._change(row, replace(self._inputs[row], thumbnail=thumbnail))

    def _change(self, row: int, item: Input) -> None:
        self._inputs[row] = item
        index = self.index(row)
        self.dataChanged.emit(index, index)


class InputDelegate(TwoLineDelegate):
    """A thumbnail, the file name and the state."""

    def __init__(self, model: InputModel, parent: QWidget) -> None:
        super().__init__(THUMBNAIL, parent)
        self._model = model

    def picture(self, index: Index) -> QIcon | QPixmap | None:
        item = self._model.at(index.row())
        return None if item is None else self._model.picture(item)

    def second_line(self, index: Index) -> str:
        item = self._model.at(index.row())
        return "" if item is None else self._model.status_text(item)

    def second_line_colour(self, index: Index, palette: QPalette) -> QColor:
        item = self._model.at(index.row())
        if item is not None and item.state in ("failed", "unreadable"):
            return severity_colour("error", palette)
        return super().second_line_colour(index, palette)
