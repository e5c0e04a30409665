"""Offers to write PyTorch files as safetensors: of refused files, and of models in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QPushButton, QWidget

from studio.protocol import Problem
from studio.ui.models.model_work import model_work_of
from studio.ui.shell.state import AppState

if TYPE_CHECKING:
    from studio.models.registry import Registry

T = TypeVar("T")


class ConvertOffer(QPushButton):
    """A button that is shown only while there is something to convert."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._work = model_work_of(state)
        self._path: Path | None = None
        self._models: dict[str, str] = {}
        self._looks = 0
        self.setText(self.tr("Convert to .safetensors"))
        self.setObjectName("models.convert")
        self.setAccessibleName(self.text())
        self.setToolTip(
            self.tr("Write the same weights as a new file beside it. Nothing in it is run.")
        )
        self.setAutoDefault(False)
        self.clicked.connect(self._convert)
        self.hide()

    def look_at_path(self, path: Path) -> None:
        """Show the button if what is at `path` can be converted. It is read on another thread."""

        def found(can_be: bool) -> None:
            self._path = path if can_be else None
            self.setVisible(can_be)

        self._look(lambda _: _is_convertible(path), found)

    def look_at(self, models: Sequence[tuple[str, str]]) -> None:
        """Show the button if one of these models, id and name, can be converted."""

        def look(registry: Registry) -> dict[str, str]:
            places = [(id, name, registry.path_of(id)) for id, name in models]
            return {id: name for id, name, path in places if path and _is_convertible(path)}

        def found(names: dict[str, str]) -> None:
            self._models = names
            self.setVisible(bool(names))

        self._look(look, found)

    # ---- private

    def _look(self, look: Callable[[Registry], T], found: Callable[[T], None]) -> None:
        self.hide()
        self._path, self._models = None, {}
        self._looks += 1
        number = self._looks

        def done(result: T) -> None:
            if number == self._looks:
                found(result)

        def failed(_: Problem) -> None:
            """What cannot be read is not offered; the list says what is wrong with it."""

        state = self._state
        state.background.waiting(self, lambda: look(state.open_registry()), done, failed)

    def _convert(self) -> None:
        self.hide()
        if self._path is not None:
            self._work.convert_path(self._path)
        else:
            self._work.convert(list(self._models), list(self._models.values()))


def _is_convertible(path: Path) -> bool:
    from studio.formats.weights.convert_pickle import convertible_files, target_of

    return any(not target_of(file).exists() for file in convertible_files(path))
