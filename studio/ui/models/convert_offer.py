"""Offers to write refused PyTorch files as safetensors, and adds the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from studio.protocol import ModelRef, Problem
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated

if TYPE_CHECKING:
    from studio.models.registry import Registry


class ConvertOffer(QPushButton):
    """A button that is shown only while there is something to convert."""

    ended = Signal(str, bool)
    """What to say about it, and whether that is a problem."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._path = Path()
        self._files: tuple[Path, ...] = ()
        self.setText(self.tr("Convert to .safetensors"))
        self.setObjectName("models.convert")
        self.setAccessibleName(self.text())
        self.setToolTip(
            self.tr("Write the same weights as a new file beside it. Nothing in it is run.")
        )
        self.setAutoDefault(False)
        self.clicked.connect(self._convert)
        self.hide()

    def look(self, path: Path) -> None:
        """Show the button if what is at `path` can be converted. It is read on another thread."""
        self.hide()
        self._state.background.waiting(
            self, lambda: _convertible(path), lambda files: self._offer(path, files), self._refused
        )

    def _offer(self, path: Path, files: tuple[Path, ...]) -> None:
        self._path, self._files = path, files
        self.setVisible(bool(files))

    def _convert(self) -> None:
        path, files = self._path, self._files
        self.hide()
        self.ended.emit(self.tr("Converting…"), False)

        def work() -> ModelRef:
            return _convert_and_add(self._state.open_registry(), path, files)

        self._state.background.waiting(self, work, self._added, self._refused)

    def _added(self, model: ModelRef) -> None:
        self._state.refresh_models()
        self.ended.emit(self.tr("Added: {name}").format(name=model.name), False)

    def _refused(self, found: Problem) -> None:
        self.ended.emit(translated(found.message), True)


def _convertible(path: Path) -> tuple[Path, ...]:
    from studio.formats.weights.convert_pickle import convertible_files

    return convertible_files(path)


def _convert_and_add(registry: Registry, path: Path, files: tuple[Path, ...]) -> ModelRef:
    from studio.formats.weights.convert_pickle import convert_index, convert_to_safetensors

    targets = [convert_to_safetensors(file) for file in files]
    for file in files:
        convert_index(file)
    return registry.add(targets[0] if files == (path,) else path)
