"""The list of recordings, with buttons to add and remove them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.formats.suffixes import AUDIO, VIDEO, files_in
from studio.formats.untrusted_files import is_folder
from studio.protocol import Problem
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.file_list_view import FileListView
from studio.ui.workspaces.transcribe.recording_list import RecordingDelegate, RecordingModel

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState

MAX_FILES = 10_000
_CHECKED_AT_ONCE = 10


class RecordingPanel(QWidget):
    """Folders are listed and files checked in the background."""

    added = Signal(list)
    """Paths that were added, including those already on the list."""
    removed = Signal()
    settled = Signal()
    """Everything that was to be added is on the list."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._additions = 0
        self.recordings = RecordingModel(self)
        self.view = FileListView(
            self.recordings,
            self.tr("Recordings to transcribe"),
            self.tr("Drop sounds, videos or folders here"),
            "transcribe.inputs",
            self,
        )
        self.view.setItemDelegate(RecordingDelegate(self.recordings, self.view))
        add = QPushButton(self.tr("Add recordings…"), self)
        add.setObjectName("transcribe.add")
        add.clicked.connect(self.choose_files)
        remove = tool_button(
            "trash-2", self.tr("Remove from the list (the files are kept)"), "transcribe.remove"
        )
        remove.clicked.connect(self.remove_selected)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(add)
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
        """Add files, and the sounds and videos in folders."""
        requested = [Path(path) for path in paths]

        def listed(found: list[Path]) -> None:
            self._add_files(found)
            self._end_addition()

        def failed(problem: Problem) -> None:
            self._state.problem.emit(problem)
            self._end_addition()

        self._additions += 1
        self._state.background.read(self, lambda: _expanded(requested), listed, failed)

    @property
    def is_adding(self) -> bool:
        """Whether `settled` will be emitted."""
        return self._additions > 0

    def _end_addition(self) -> None:
        self._additions -= 1
        if not self._additions:
            self.settled.emit()

    def _add_files(self, found: list[Path]) -> None:
        if not found:
            self._state.show_message(self.tr("No sounds or videos were found."), "warning")
            return
        if len(found) > MAX_FILES:
            found = found[:MAX_FILES]
            self._state.show_message(
                self.tr("Only the first {number} recordings were added.").format(number=MAX_FILES),
                "warning",
            )
        self.check(self.recordings.add(found))
        self.added.emit(found)

    def check(self, paths: Sequence[Path]) -> None:
        """Read the lengths, and mark files on the list in which nothing can be heard."""
        if not paths:
            return
        batch, rest = paths[:_CHECKED_AT_ONCE], paths[_CHECKED_AT_ONCE:]

        def look() -> list[tuple[float, Problem | None]]:
            from studio.formats.sounds.recording import seconds_of
            from studio.jobs.input_check import recording_problem

            problems = [recording_problem(path) for path in batch]
            return [
                (0.0 if problem else seconds_of(path), problem)
                for path, problem in zip(batch, problems, strict=True)
            ]

        def mark(found: list[tuple[float, Problem | None]]) -> None:
            for path, (seconds, problem) in zip(batch, found, strict=True):
                recording = self.recordings.at(self.recordings.row_of(path))
                if recording is None or recording.state not in ("new", "unreadable"):
                    continue
                self.recordings.change(
                    path,
                    state="unreadable" if problem else "new",
                    message=translated(problem.message) if problem else "",
                    seconds=seconds,
                )
            self.check(rest)

        self._state.background.read(self, look, mark, self._state.problem.emit)

    def set_current(self, path: Path) -> None:
        """Make a recording of the list the current one."""
        self.view.setCurrentIndex(self.recordings.index(self.recordings.row_of(path)))

    def remove_selected(self) -> None:
        """Remove the selected recordings from the list, except waiting and running ones."""
        rows = [
            index.row()
            for index in self.view.selectionModel().selectedIndexes()
            if (recording := self.recordings.at(index.row())) is not None
            and recording.state not in ("waiting", "running")
        ]
        if rows:
            self.recordings.remove(rows)
            self.removed.emit()

    def choose_files(self) -> None:
        """Ask for sounds and videos."""
        patterns = " ".join(f"*{suffix}" for suffix in (*AUDIO, *VIDEO))
        filters = f"{self.tr('Sounds and videos')} ({patterns});;{self.tr('All files')} (*)"
        paths, _ = QFileDialog.getOpenFileNames(self, self.tr("Add recordings"), "", filters)
        if paths:
            self.add([Path(path) for path in paths])


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """Replace folders by the recordings in them, sorted by name."""
    found: list[Path] = []
    for path in paths:
        found.extend(files_in(path, (*AUDIO, *VIDEO)) if is_folder(path) else [path])
        if len(found) > MAX_FILES:
            break
    return found
