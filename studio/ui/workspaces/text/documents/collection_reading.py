"""Looks through the folder of a collection on other threads, and reads what is new or changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, QTimer, Signal

from studio.jobs.documents.collection_files import CollectionFile
from studio.protocol import Problem
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.workspaces.text.documents.passage_vectors import passage_vectors_of

LOOK_MS = 5000
"""Between looks at the folder while it is shown. Some systems cannot watch one, or then lock it."""


class CollectionReading(QObject):
    """Reads one folder at a time; another one, or `stop`, ends the reading of the one before."""

    listed = cast("TypedSignal[Sequence[CollectionFile]]", Signal(object))
    """All documents of the folder, before and after the new ones are read."""
    read = Signal(int, object)
    """The place of a document, and what is known of it now."""
    refused = cast("TypedSignal[Problem]", Signal(object))
    _reported = Signal(int, int, object)

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._folder: Path | None = None
        self._files: Sequence[CollectionFile] = ()
        self._turn = 0
        self.is_reading = False
        self._reported.connect(self._pass_on)
        self._looks = QTimer(self)
        self._looks.setInterval(LOOK_MS)
        self._looks.timeout.connect(self.look)
        state.closing.connect(self.stop)

    def start(self, folder: Path) -> None:
        """Look through a folder and read what is new."""
        if folder != self._folder:
            self._files = ()
        self._folder = folder
        self._looks.start()
        self._turn += 1
        turn, before, paths = self._turn, self._files, self._state.paths

        def look() -> tuple[CollectionFile, ...]:
            from studio.jobs.documents.collection_files import collection_files
            from studio.jobs.documents.index_file import open_index

            index = open_index(paths)
            try:
                return collection_files(folder, index, before)
            finally:
                index.close()

        def found(files: tuple[CollectionFile, ...]) -> None:
            if turn == self._turn:
                self._files = files
                waiting = any(file.state in ("new", "changed") for file in files)
                self.is_reading = waiting
                self.listed.emit(files)
                if waiting:
                    self._read(folder, files)
                else:
                    self._want_vectors(folder, files)

        def failed(problem: Problem) -> None:
            if turn == self._turn:
                self._files, self.is_reading = (), False
                self.listed.emit(())
                self.refused.emit(problem)

        self.is_reading = True
        self._state.background.read(self, look, found, failed)

    def look(self) -> None:
        """Look whether anything has changed, unless it is being read."""
        if self._folder is not None and not self.is_reading:
            self.start(self._folder)

    def again(self) -> None:
        """Read what has changed, and once more also what could not be read."""
        self._files = ()
        self.look()

    def stop(self) -> None:
        """End the reading."""
        self._turn += 1
        self._folder = None
        self.is_reading = False
        self._looks.stop()

    def _read(self, folder: Path, files: Sequence[CollectionFile]) -> None:
        turn, paths = self._turn, self._state.paths

        def read() -> tuple[CollectionFile, ...]:
            from studio.jobs.documents.collection_files import update_files
            from studio.jobs.documents.index_file import open_index

            index = open_index(paths)
            try:
                return update_files(
                    folder,
                    files,
                    index,
                    lambda place, file: self._reported.emit(turn, place, file),
                    lambda: turn != self._turn,
                )
            finally:
                index.close()

        def done(found: tuple[CollectionFile, ...]) -> None:
            if turn == self._turn:
                self._files, self.is_reading = found, False
                self.listed.emit(found)
                self._want_vectors(folder, found)

        def failed(problem: Problem) -> None:
            if turn == self._turn:
                self.is_reading = False
                self.refused.emit(problem)

        self._state.background.long(self, read, done, failed)

    def _want_vectors(self, folder: Path, files: Sequence[CollectionFile]) -> None:
        passage_vectors_of(self._state).want_files(
            [str(folder / file.name) for file in files if file.state == "read"]
        )

    def _pass_on(self, turn: int, place: int, file: CollectionFile) -> None:
        if turn == self._turn:
            self.read.emit(place, file)
