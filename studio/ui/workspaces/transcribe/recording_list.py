"""The list of recordings to transcribe, with the state of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import (
    QColor,
    QIcon,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from studio.kinds.kind import Medium
from studio.kinds.registry import medium_of_file
from studio.ui.style.icons import icon
from studio.ui.style.theme import severity_colour
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import duration_text
from studio.ui.widgets.two_line_delegate import TwoLineDelegate

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
State = Literal["new", "unreadable", "waiting", "running", "done", "failed", "cancelled"]
_ICON = 24


@dataclass(frozen=True)
class Recording:
    """One file; `asset` is the id of its transcript, "" until there is one."""

    path: Path
    state: State = "new"
    message: str = ""
    seconds: float = 0.0
    asset: str = ""
    progress: float | None = None


class RecordingModel(QAbstractListModel):
    """Recordings in the order in which they were added, without duplicates."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recordings: list[Recording] = []
        self._rows: dict[Path, int] = {}

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._recordings)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        recording = self.at(index.row())
        if recording is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return one_line(recording.path.name)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{recording.path.name}\n{self.status_text(recording)}"
            case Qt.ItemDataRole.ToolTipRole:
                message = f"\n{recording.message}" if recording.message else ""
                return plain_tooltip(f"{recording.path}{message}")
        return None

    def status_text(self, recording: Recording) -> str:
        """Return the second line of a recording: its state, its length or its error."""
        match recording.state:
            case "new":
                return (
                    duration_text(recording.seconds)
                    if recording.seconds
                    else str(recording.path.parent)
                )
            case "waiting":
                return self.tr("Waiting")
            case "running":
                return self.tr("Listening")
            case "done":
                return self.tr("Done")
            case "failed" | "unreadable":
                return recording.message
            case "cancelled":
                return self.tr("Stopped")

    def add(self, paths: Sequence[Path]) -> list[Path]:
        """Add files that are not on the list yet; return them."""
        added = [path for path in dict.fromkeys(paths) if path not in self._rows]
        if added:
            start = len(self._recordings)
            self.beginInsertRows(ROOT, start, start + len(added) - 1)
            self._recordings.extend(map(Recording, added))
            self._rows.update({path: start + at for at, path in enumerate(added)})
            self.endInsertRows()
        return added

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows from the list; the files are kept."""
        gone = set(rows)
        self.beginResetModel()
        self._recordings = [each for row, each in enumerate(self._recordings) if row not in gone]
        self._rows = {each.path: row for row, each in enumerate(self._recordings)}
        self.endResetModel()

    def recordings(self) -> list[Recording]:
        """Return all recordings."""
        return list(self._recordings)

    def at(self, row: int) -> Recording | None:
        """Return the recording of a row, or None."""
        return self._recordings[row] if 0 <= row < len(self._recordings) else None

    def row_of(self, path: Path) -> int:
        """Return the row of a file, or -1."""
        return self._rows.get(path, -1)

    def change(self, path: Path, **values: Any) -> None:
        """Replace values of a recording; files that are not on the list are ignored."""
        row = self.row_of(path)
        if row >= 0:
            self._recordings[row] = replace(self._recordings[row], **values)
            index = self.index(row)
            self.dataChanged.emit(index, index)


class RecordingDelegate(TwoLineDelegate):
    """An icon, the file name and the state."""

    def __init__(self, model: RecordingModel, parent: QWidget) -> None:
        super().__init__(_ICON, parent)
        self._model = model

    def picture(self, index: Index) -> QIcon | QPixmap | None:
        recording = self._model.at(index.row())
        if recording is None:
            return None
        is_video = medium_of_file(recording.path.name) is Medium.VIDEO
        return icon("circle-play" if is_video else "audio-lines", "muted")

    def second_line(self, index: Index) -> str:
        recording = self._model.at(index.row())
        return "" if recording is None else self._model.status_text(recording)

    def second_line_colour(self, index: Index, palette: QPalette) -> QColor:
        recording = self._model.at(index.row())
        if recording is not None and recording.state in ("failed", "unreadable"):
            return severity_colour("error", palette)
        return super().second_line_colour(index, palette)

    def progress(self, index: Index) -> float | None:
        recording = self._model.at(index.row())
        return recording.progress if recording is not None else None
