"""The controls of the Music tab: model, lyrics, length, format, and more."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from studio.kinds.music import KIND, MusicRequest
from studio.protocol import Capabilities
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import number_field, optional_int
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.seed_field import SeedField
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.labelled import labelled
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.workspaces.music.values import MusicValues

_FIELDS = KIND.fields
_USUAL_LOUDNESS = (-30.0, -8.0)
_AUTOMATIC = ("seconds", "steps", "guidance_scale")
_LYRICS_LINES = (4, 12)


class MusicControls(QWidget):
    """Object names: `music.lyrics`, `.language`, `.seconds`, `.format`, `.negative`, …"""

    changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ModelPicker(state, KIND.task, self)
        self.lyrics = PromptEdit(
            self.tr("[verse]\nThe first words that are sung\n[chorus]\n…"), "music.lyrics", self
        )
        self.lyrics.setAccessibleName(tr(_FIELDS["lyrics"].label))
        self.lyrics.setToolTip(plain_tooltip(tr(_FIELDS["lyrics"].help)))
        self.lyrics.grow(*_LYRICS_LINES)
        self.language = QLineEdit(self)
        self.language.setObjectName("music.language")
        self.language.setAccessibleName(tr(_FIELDS["language"].label))
        self.language.setPlaceholderText("en")
        self.language.setToolTip(plain_tooltip(tr(_FIELDS["language"].help)))
        self.ignored = plain_label(self.tr("This model does not sing."), self)
        mute(self.ignored)
        self.ignored.hide()
        self.numbers = {name: number_field(KIND, name) for name in _AUTOMATIC}
        self.loudness = number_field(KIND, "loudness", slider=_USUAL_LOUDNESS)
        self.seed = SeedField("music.seed", self)
        self.negative = PromptEdit(tr(_FIELDS["negative_prompt"].help), "music.negative", self)
        self.negative.setAccessibleName(tr(_FIELDS["negative_prompt"].label))
        self.negative.set_minimum_lines(2)
        self.negative.setMaximumHeight(self.negative.fontMetrics().lineSpacing() * 4)
        self.format = QComboBox(self)
        self.format.setObjectName("music.format")
        self.format.setAccessibleName(tr(_FIELDS["format"].label))
        self.format.setToolTip(plain_tooltip(tr(_FIELDS["format"].help)))
        for choice in _FIELDS["format"].choices:
            self.format.addItem(str(choice).upper(), choice)
        self.more = CollapsibleSection(self.tr("Advanced"), "music.more", self)
        for widget in (
            self.negative,
            self.seed,
            self.numbers["steps"],
            self.numbers["guidance_scale"],
            self.loudness,
            labelled(tr(_FIELDS["format"].label), self.format),
        ):
            self.more.add(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.model)
        layout.addWidget(labelled(tr(_FIELDS["lyrics"].label), self.lyrics))
        layout.addWidget(self.ignored)
        layout.addWidget(labelled(tr(_FIELDS["language"].label), self.language))
        layout.addWidget(self.numbers["seconds"])
        layout.addWidget(self.more)
        for field in (*self.numbers.values(), self.loudness):
            field.changed.connect(self.changed)
        for signal in (
            self.seed.changed,
            self.model.changed,
            self.lyrics.textChanged,
            self.negative.textChanged,
        ):
            signal.connect(self.changed)
        self.language.textEdited.connect(lambda _: self.changed.emit())
        self.format.activated.connect(lambda _: self.changed.emit())
        self.more.toggled.connect(lambda _: self.changed.emit())

    def request(self, prompt: str, count: int) -> MusicRequest:
        """Return the request that the controls describe."""
        values = MusicValues()
        self.read_values(values)
        return MusicRequest(
            prompt=prompt,
            lyrics=values.lyrics,
            language=values.language,
            negative_prompt=values.negative_prompt,
            model=values.model,
            seed=values.seed,
            count=count,
            seconds=values.seconds,
            steps=values.steps,
            guidance_scale=values.guidance_scale,
            format=values.format,  # type: ignore[arg-type]  # one of the choices
            loudness=values.loudness,
        )

    def set_values(self, values: MusicValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        self.lyrics.set_text(values.lyrics)
        self.language.setText(values.language)
        for name, field in self.numbers.items():
            field.set_value(getattr(values, name))
        self.negative.set_text(values.negative_prompt)
        self.seed.set_value(values.seed)
        self.loudness.set_value(values.loudness)
        self.format.setCurrentIndex(max(0, self.format.findData(values.format)))
        self.more.set_open(values.more_open)

    def read_values(self, values: MusicValues) -> None:
        """Store the values of the controls."""
        values.model = self.model.model_id()
        values.lyrics = self.lyrics.text()
        values.language = self.language.text().strip()[:20]
        values.seconds = self.numbers["seconds"].value()
        values.steps = optional_int(self.numbers["steps"].value())
        values.guidance_scale = self.numbers["guidance_scale"].value()
        values.negative_prompt = self.negative.text()
        values.seed = self.seed.value()
        values.loudness = self.loudness.float_value()
        values.format = str(self.format.currentData())
        values.more_open = self.more.is_open()

    def apply_capabilities(self, capabilities: Capabilities | None) -> None:
        """Show what "Auto" stands for, and whether the model sings; None if not known."""
        for name, field in self.numbers.items():
            value = getattr(capabilities, name, None) if capabilities is not None else None
            field.set_auto(value or None)
        sings = capabilities is None or "lyrics" in capabilities.controls
        self.lyrics.setEnabled(sings)
        self.language.setEnabled(sings)
        self.ignored.setVisible(not sings)
