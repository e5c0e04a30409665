"""What the chosen model of a tab can do, asked for when the tab is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.protocol import Capabilities
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated
from studio.ui.widgets.run_bar import RunBar

if TYPE_CHECKING:
    from studio.ui.shell.reports import ModelDescribed


class DescribedModel(QObject):
    """Calls `apply` with the capabilities, None while they are not known."""

    def __init__(
        self,
        state: AppState,
        picker: ModelPicker,
        run_bar: RunBar,
        apply: Callable[[Capabilities | None], object],
        tab: QWidget,
    ) -> None:
        super().__init__(tab)
        self._state = state
        self._picker = picker
        self._run_bar = run_bar
        self._apply = apply
        self._tab = tab
        self._model = ""
        state.reports.model_described.connect(self._described)
        state.models_changed.connect(self.ask)
        picker.changed.connect(self.ask)

    def ask(self) -> None:
        """Ask for the capabilities of the chosen model if the tab is seen."""
        ref = self._picker.ref()
        if ref is None or not self._tab.isVisible() or ref.id == self._model:
            return
        self._model = ref.id
        self._apply(None)
        self._state.worker.describe(ref)

    def _described(self, report: ModelDescribed) -> None:
        if report.model != self._model:
            return
        if report.capabilities is None:
            self._model = ""
        if report.problem is not None:
            self._run_bar.set_status(translated(report.problem.message))
        self._apply(report.capabilities)
