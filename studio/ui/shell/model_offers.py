"""The entry of the catalogue to offer where a model is missing or too weak."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from PySide6.QtCore import QLocale, QObject, Signal

from studio.protocol import readable_size
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr

if TYPE_CHECKING:
    from studio.protocol import DeviceMemory

    _Found = dict[tuple[str, str], "ModelOffer"]


_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class ModelOffer(Struct, frozen=True):
    """An entry that is not installed and runs on this machine. `size` is bytes."""

    entry: str
    name: str
    size: int

    @property
    def label(self) -> str:
        """The text of a button that gets it."""
        return tr("Get {name} ({size})").format(name=self.name, size=readable_size(self.size))


class ModelOffers(QObject):
    """One per `AppState`: see `model_offers_of`. Looked up again when the models change."""

    changed = Signal()

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._offers: _Found = {}
        state.models_changed.connect(self._look)
        if state.models_known:
            self._look()

    def best(self, task: str, language: str = "") -> ModelOffer | None:
        """Return what to offer for a task, and for prompts in a language if one is given.

        Without one, who reads Chinese is offered a model that does so too, where there is one.
        """
        if not language and QLocale().language() == QLocale.Language.Chinese:
            return self._offers.get((task, "zh")) or self._offers.get((task, ""))
        return self._offers.get((task, language))

    def action(self, task: str, language: str = "") -> tuple[str, Callable[[], object]]:
        """Return text and callback of a button: to get the best model, or else to look for one."""
        offer = self.best(task, language)
        if offer is None:
            return tr("Get a model…"), lambda: self._state.destinations.find_models(task)
        return offer.label, lambda: self._state.destinations.get_model(offer.entry)

    def _look(self) -> None:
        paths, models, device = self._state.paths, self._state.all_models, self._state.memory
        uses_gpu = self._state.settings.device != "cpu"

        def look() -> _Found:
            from studio.models.catalogue.catalogue import load_catalogue
            from studio.models.catalogue.choice import by_fit
            from studio.models.catalogue.installed import installed

            found: _Found = {}
            entries = load_catalogue(paths).entries
            for entry, choice in by_fit(entries, *memories(device, uses_gpu=uses_gpu)):
                if choice.place is None or entry.base or installed(entry, models):
                    continue
                offer = ModelOffer(entry.id, entry.name, choice.variant.size)
                for language in ("", *entry.languages):
                    found.setdefault((entry.task, language), offer)
            return found

        self._state.background.read(self, look, self._show, self._state.problem.emit)

    def _show(self, found: _Found) -> None:
        if found != self._offers:
            self._offers = found
            self.changed.emit()


def language_of(prompt: str) -> str:
    """Return "zh" for a prompt with Chinese characters, "" for any other."""
    return "zh" if _CHINESE.search(prompt) else ""


def memories(
    device: DeviceMemory | None, *, uses_gpu: bool
) -> tuple[DeviceMemory, DeviceMemory | None]:
    """Return main memory and GPU memory. `device` is what the engine reported, if it did.

    May start a program, so not on the GUI thread.
    """
    from studio.models.fit import main_memory
    from studio.models.gpu_memory import gpu_memory

    main = main_memory()
    if device is not None:
        return main, device if device.kind != "main" else None
    return main, gpu_memory() if uses_gpu else None


def model_offers_of(state: AppState) -> ModelOffers:
    """Return the offers of a state, created on first use."""
    found = state.findChild(ModelOffers)
    return found if isinstance(found, ModelOffers) else ModelOffers(state)
