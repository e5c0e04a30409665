"""Keeps the LoRA cards of the Image tab in step with the installed models and the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from studio.kinds.image import KIND
from studio.ui.fields.adapter_cards import AdapterCards, AdapterValue

if TYPE_CHECKING:
    from studio.library.recipes.settings_in_file import NamedAdapter
    from studio.protocol import ModelRef
    from studio.ui.fields.model_picker import ModelPicker
    from studio.ui.fields.prompt_edit import PromptEdit
    from studio.ui.shell.state import AppState


class AdapterChoice(QObject):
    """Offers the LoRAs of the chosen model's base family; inserts trigger words."""

    def __init__(
        self, state: AppState, cards: AdapterCards, model: ModelPicker, prompt: PromptEdit
    ) -> None:
        super().__init__(cards)
        self._state = state
        self._cards = cards
        self._model = model
        self._prompt = prompt
        model.changed.connect(self._refresh)
        state.models_changed.connect(self._refresh)
        cards.word_chosen.connect(self._insert)
        cards.models_requested.connect(lambda: state.destinations.open_models(KIND.task))
        self._refresh()

    def show_named(self, named: Sequence[NamedAdapter]) -> list[str]:
        """Show the LoRAs that a file of another program names; return those not installed."""
        found = [(each, self._installed(each.name)) for each in named]
        self._cards.set_values(
            [AdapterValue(model.id, each.weight) for each, model in found if model is not None]
        )
        return [each.name for each, model in found if model is None]

    def _installed(self, name: str) -> ModelRef | None:
        wanted = PurePath(name.replace("\\", "/")).name.lower()
        for model in self._state.companions(KIND.task):
            names = {model.id, model.name.lower(), PurePath(model.path).stem.lower()}
            if model.role == "lora" and wanted.removesuffix(".safetensors") in names:
                return model
        return None

    def _refresh(self) -> None:
        chosen = self._model.ref()
        base = chosen.base if chosen is not None else ""
        self._cards.set_models(self._state.companions(KIND.task), base)

    def _insert(self, word: str) -> None:
        text = self._prompt.text().rstrip()
        self._prompt.set_text(f"{text}, {word}" if text else word)
        self._prompt.setFocus()
