"""Settings read from a picture file that was dropped on the Image tab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from PySide6.QtCore import QObject

from studio.kinds.image import KIND, ImageRequest
from studio.protocol import Request
from studio.ui.style.translations import joined, translated

if TYPE_CHECKING:
    from studio.library.recipes.settings_in_file import FoundSettings
    from studio.library.records import Asset
    from studio.ui.shell.state import AppState
    from studio.ui.workspaces.image.adapter_choice import AdapterChoice


class _Tab(Protocol):
    """The tab that shows the settings."""

    def restore(self, source: Asset | Request, /) -> None: ...
    def start_from(self, path: str, /) -> None: ...


class SettingsFromFile(QObject):
    """Shows the settings in a file; a file without any becomes the start picture."""

    def __init__(
        self, state: AppState, tab: _Tab, adapters: AdapterChoice, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._tab = tab
        self._adapters = adapters
        self._seed: int | None = None
        self._labels: dict[str, str] = {}

    def labels_for(self, request: ImageRequest) -> dict[str, str]:
        """Return the labels of the file that the seed of a request was taken from."""
        return self._labels if request.seed == self._seed else {}

    def open(self, path: Path) -> None:
        """Read a file on another thread, then show what is in it."""
        from studio.library.recipes.settings_in_file import read_settings

        self._state.background.read(
            self,
            lambda: read_settings(path),
            lambda found: self._show(path, found),
            self._state.problem.emit,
        )

    def _show(self, path: Path, found: FoundSettings | None) -> None:
        if found is None or not isinstance(found.request, ImageRequest):
            self._tab.start_from(str(path))
            return
        models = self._state.models(KIND.task)
        model = next((m.id for m in models if found.model_name in (m.id, m.name)), "")
        request = msgspec.structs.replace(found.request, model=found.request.model or model)
        self._tab.restore(request)
        self._seed, self._labels = found.request.seed, found.labels
        missing = self._adapters.show_named(found.adapters) if found.adapters else []
        text = self.tr("The settings of {name} were restored (made with {program}).").format(
            name=path.name, program=found.made_by
        )
        if found.model_name and not model:
            gone = self.tr("Its model {model} is not installed.").format(model=found.model_name)
            text = joined((text, gone))
        for name in missing:
            gone = self.tr("The LoRA {name} is not installed.").format(name=name)
            text = joined((text, gone))
        text = joined([text, *(translated(lost) for lost in found.lost)])
        self._state.show_message(
            text,
            "warning" if found.lost or missing else "info",
            self.tr("Use it as the start picture instead"),
            lambda: self._tab.start_from(str(path)),
        )
