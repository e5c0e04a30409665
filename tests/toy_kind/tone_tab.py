"""The Tone tab: a prompt, a pitch, and a button."""

from __future__ import annotations

from msgspec import Struct
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from studio.library.records import Asset
from studio.protocol import Request
from studio.ui.fields.number_field import NumberField
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values
from studio.ui.widgets.run_bar import RunBar
from tests.toy_kind.kind import KIND, ToneRequest


class ToneValues(Struct):
    """What the tab keeps from one start to the next."""

    pitch: int = KIND.fields["pitch"].default


class ToneTab(QWidget):
    """Object names: `tone.prompt`, `.pitch`, `.generate`, `.stop`, `.count`, `.status`, …"""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, KIND.task, ToneValues)
        self._watch: JobWatch | None = None
        pitch = KIND.fields["pitch"]
        self.prompt = PromptEdit(pitch.help, "tone.prompt", self)
        self.pitch = NumberField(
            pitch.label,
            pitch.minimum or 0,
            pitch.maximum or 0,
            self._values.pitch,
            pitch.step,
            name="tone.pitch",
            suffix=pitch.unit,
        )
        self.run_bar = RunBar("tone", parent=self)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.result = QLabel(self)
        self.result.setObjectName("tone.result")
        layout = QVBoxLayout(self)
        for widget in (self.prompt, self.pitch, self.run_bar, self.result):
            layout.addWidget(widget)

    def generate(self) -> None:
        """Send the request."""
        request = ToneRequest(
            prompt=self.prompt.text(),
            pitch=self.pitch.int_value(),
            count=self.run_bar.count.value(),
        )
        self._watch = JobWatch(self._state, self, token=self._state.submit([request]))
        self._watch.saved.connect(lambda asset: self.result.setText(asset.path.name))
        self._watch.ended.connect(self._ended)
        self.run_bar.set_running(True)

    def stop(self) -> None:
        """Cancel what was sent."""
        if self._watch is not None:
            self._watch.cancel()

    def focus_prompt(self) -> None:
        """Put the cursor into the prompt."""
        self.prompt.setFocus()

    def values_to_settings(self) -> None:
        """Keep the pitch."""
        self._values.pitch = self.pitch.int_value()

    def restore(self, source: Asset | Request, /) -> None:
        """Show the settings of a request or an asset."""
        request = source.recipe.request if isinstance(source, Asset) else source
        if isinstance(request, ToneRequest):
            self.prompt.set_text(request.prompt)
            self.pitch.set_value(request.pitch)

    def _ended(self, end: Ended) -> None:
        self.run_bar.set_running(False)
        self.run_bar.set_status(end.status)
