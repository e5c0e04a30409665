"""Shows what the chosen model uses where the options leave a value open."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject

from studio.ui.fields.model_picker import ModelPicker
from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.text_controls import TextControls


class ModelDefaults(QObject):
    """Call `update` when the model may be another one."""

    def __init__(
        self, state: AppState, picker: ModelPicker, controls: TextControls, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._picker = picker
        self._controls = controls

    def update(self) -> None:
        """Read the values of the chosen model, and show them."""
        model = self._picker.ref()
        if model is None:
            self._controls.show_model_defaults({})
            return

        def show(values: dict[str, Any]) -> None:
            if self._picker.ref() == model:
                self._controls.show_model_defaults(values)

        self._state.read_models(lambda registry: registry.defaults(model), show)
