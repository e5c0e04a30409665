"""The controls of the Voice tab: voice, speed, format, and more."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from studio.formats.voices import language_of
from studio.kinds.speech import KIND
from studio.protocol import ModelRef
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import number_field
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.labelled import labelled
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.workspaces.speech.values import SpeechValues

_FIELDS = KIND.fields

_USUAL_SPEED = (0.5, 2.0)
_USUAL_PAUSE = (0.0, 2.0)
_USUAL_LOUDNESS = (-30.0, -10.0)
"""What can be chosen with the slider."""


class SpeechControls(QWidget):
    """Object names: `speech.voice`, `.speed`, `.format`, `.pause`, `.loudness`, `.cast`, …"""

    changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._voice = ""
        self.model = ModelPicker(state, KIND.task, self)
        self.voice = _combo("voice", self)
        self.format = _combo("format", self)
        for choice in _FIELDS["format"].choices:
            self.format.addItem(choice.upper(), choice)
        self.speed = number_field(KIND, "speed", slider=_USUAL_SPEED)
        self.pause = number_field(KIND, "pause", slider=_USUAL_PAUSE)
        self.loudness = number_field(KIND, "loudness", slider=_USUAL_LOUDNESS)
        self.cast = _list_edit("cast", self.tr("Narrator=zm_yunjian; Anna=af_bella"), self)
        self.pronunciations = _list_edit(
            "pronunciations", self.tr("Qwen=kwen; 重庆=chong2 qing4"), self
        )
        self.more = CollapsibleSection(self.tr("Advanced"), "speech.more", self)
        for widget in (
            self.pause,
            self.loudness,
            labelled(tr(_FIELDS["cast"].label), self.cast),
            labelled(tr(_FIELDS["pronunciations"].label), self.pronunciations),
        ):
            self.more.add(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.model)
        labels = [self.model.label]
        for name, combo in (("voice", self.voice), ("format", self.format)):
            labels.append(plain_label(tr(_FIELDS[name].label), self))
            layout.addWidget(_row(labels[-1], combo))
        width = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setMinimumWidth(width)
        layout.addWidget(self.speed)
        layout.addWidget(self.more)
        self.voice.activated.connect(self._voice_chosen)
        self.format.activated.connect(lambda _: self.changed.emit())
        for field in (self.speed, self.pause, self.loudness):
            field.changed.connect(self._changed)
        self.cast.textChanged.connect(self._changed)
        self.pronunciations.textChanged.connect(self._changed)
        self.more.toggled.connect(lambda _: self.changed.emit())
        self.model.changed.connect(self._list_voices)
        self._list_voices()

    def set_values(self, values: SpeechValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        self.set_voice(values.voice)
        self.format.setCurrentIndex(max(0, self.format.findData(values.format)))
        self.speed.set_value(values.speed)
        self.pause.set_value(values.pause)
        self.loudness.set_value(values.loudness)
        self.cast.set_text(values.cast)
        self.pronunciations.set_text(values.pronunciations)
        self.more.set_open(values.more_open)
        self._show_badge()

    def read_values(self, values: SpeechValues) -> None:
        """Store the values of the controls."""
        values.model = self.model.model_id()
        values.voice = self._voice
        values.format = str(self.format.currentData())
        values.speed = self.speed.float_value()
        values.pause = self.pause.float_value()
        values.loudness = self.loudness.float_value()
        values.cast = self.cast.text()
        values.pronunciations = self.pronunciations.text()
        values.more_open = self.more.is_open()

    def set_voice(self, voice: str) -> None:
        """Choose a voice, or several separated by commas; "" is the one that suits the text."""
        self._voice = voice
        self._select_voice()

    @property
    def voices(self) -> Sequence[str]:
        """The voices of the model."""
        model = self.model.ref()
        return model.voices if isinstance(model, ModelRef) else ()

    def _list_voices(self) -> None:
        blocked = self.voice.blockSignals(True)
        self.voice.clear()
        self.voice.addItem(self.tr("To suit the text"), "")
        wants_chinese = QLocale().language() == QLocale.Language.Chinese
        first = "zh" if wants_chinese else "en"
        for voice in sorted(self.voices, key=lambda name: (language_of(name) != first, name)):
            self.voice.addItem(voice_title(voice), voice)
        self._select_voice()
        self.voice.blockSignals(blocked)
        self.changed.emit()

    def _select_voice(self) -> None:
        index = self.voice.findData(self._voice)
        if index < 0 and "," in self._voice:
            self.voice.addItem(one_line(self._voice), self._voice)
            index = self.voice.count() - 1
        self.voice.setCurrentIndex(max(0, index))

    def _voice_chosen(self) -> None:
        self._voice = str(self.voice.currentData() or "")
        self.changed.emit()

    def _changed(self) -> None:
        self._show_badge()
        self.changed.emit()

    def _show_badge(self) -> None:
        differing = (
            self.pause.float_value() != _FIELDS["pause"].default,
            self.loudness.float_value() != _FIELDS["loudness"].default,
            bool(self.cast.text().strip()),
            bool(self.pronunciations.text().strip()),
        )
        self.more.set_badge(sum(differing))


def voice_title(voice: str) -> str:
    """Return the name of a voice for a list: `af_heart` is "Heart (English, female)"."""
    languages = {
        "a": tr("American English"),
        "b": tr("British English"),
        "z": tr("Mandarin"),
    }
    people = {"f": tr("female"), "m": tr("male")}
    language, person = languages.get(voice[:1]), people.get(voice[1:2])
    if voice[2:3] != "_" or language is None or person is None:
        return one_line(voice)
    return f"{one_line(voice[3:]).capitalize()} ({language}, {person})"


def _combo(name: str, parent: QWidget) -> QComboBox:
    combo = QComboBox(parent)
    combo.setObjectName(f"speech.{name}")
    combo.setAccessibleName(tr(_FIELDS[name].label))
    combo.setToolTip(plain_tooltip(tr(_FIELDS[name].help)))
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(12)
    return combo


def _list_edit(name: str, example: str, parent: QWidget) -> PromptEdit:
    edit = PromptEdit(example, f"speech.{name}", parent)
    edit.setAccessibleName(tr(_FIELDS[name].label))
    edit.setToolTip(plain_tooltip(tr(_FIELDS[name].help)))
    edit.set_minimum_lines(2)
    edit.setMaximumHeight(edit.fontMetrics().lineSpacing() * 4)
    return edit


def _row(label: QLabel, widget: QWidget) -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    label.setBuddy(widget)
    row.addWidget(label)
    row.addWidget(widget, 1)
    return box
