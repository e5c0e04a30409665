"""The controls of the Transcribe tab: language and model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.formats.sounds.spoken_languages import CODES, code_of
from studio.kinds.transcribe import KIND, TranscribeRequest
from studio.protocol import InputFile, ModelRef
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.workspaces.transcribe.values import TranscribeValues

_FIELDS = KIND.fields
_NAMES = {"en": "English", "zh": "中文", "yue": "粵語", "es": "Español", "jw": "Jawa"}
"""Where the system's names say more than the language, such as American English."""


class TranscribeControls(QWidget):
    """Object names: `transcribe.language`, `.model`, `.hint`."""

    changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._language = ""
        self.model = ModelPicker(state, KIND.task, self)
        self.language = QComboBox(self)
        self.language.setObjectName("transcribe.language")
        self.language.setAccessibleName(tr(_FIELDS["language"].label))
        self.language.setToolTip(plain_tooltip(tr(_FIELDS["language"].help)))
        self.language.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.language.setMinimumContentsLength(12)
        self._hint = plain_label(parent=self)
        self._hint.setObjectName("transcribe.hint")
        self._hint.setWordWrap(True)
        mute(self._hint)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        label = plain_label(tr(_FIELDS["language"].label), self)
        label.setBuddy(self.language)
        row.addWidget(label)
        row.addWidget(self.language, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(row)
        column.addWidget(self.model)
        column.addWidget(self._hint)
        self.language.activated.connect(self._chosen)
        self.model.changed.connect(self._model_changed)
        self._model_changed()

    def set_values(self, values: TranscribeValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        self.set_language(values.language)

    def read_values(self, values: TranscribeValues) -> None:
        """Store the values of the controls."""
        values.model = self.model.model_id()
        values.language = self._language

    def set_language(self, language: str) -> None:
        """Choose a language by its code; "" lets the model find it."""
        self._language = code_of(language)
        self._list_languages()

    def request(self, path: Path) -> TranscribeRequest:
        """Return the request for a recording."""
        return TranscribeRequest(
            input=InputFile(str(path)), language=self._language, model=self.model.model_id()
        )

    def _languages(self) -> tuple[str, ...]:
        model = self.model.ref()
        known = model.languages if isinstance(model, ModelRef) else ()
        return tuple(code for code in CODES if not known or code in known)

    def _list_languages(self) -> None:
        codes = self._languages()
        blocked = self.language.blockSignals(True)
        self.language.clear()
        if len(codes) > 1:
            self.language.addItem(self.tr("Find out"), "")
        for code in codes:
            self.language.addItem(language_name(code), code)
        if self._language and self._language not in codes:
            # Said by the job, and by the hint: nothing else is taken instead without a word.
            self.language.addItem(language_name(self._language), self._language)
        self.language.setCurrentIndex(max(0, self.language.findData(self._language)))
        self.language.blockSignals(blocked)
        self._show_hint(codes)

    def _show_hint(self, codes: tuple[str, ...]) -> None:
        if len(codes) > 1 or self.model.ref() is None:
            self._hint.hide()
            return
        self._hint.setText(
            self.tr(
                "This model understands {language} only. Models of other languages are in Models."
            ).format(language=language_name(codes[0]) if codes else "")
        )
        self._hint.show()

    def _model_changed(self) -> None:
        self._list_languages()
        self.changed.emit()

    def _chosen(self) -> None:
        self._language = str(self.language.currentData() or "")
        self.changed.emit()


def language_name(code: str) -> str:
    """Return a language in its own words, such as Deutsch; the code if it is unknown."""
    if code in _NAMES:
        return _NAMES[code]
    locale = QLocale(code)
    name = locale.nativeLanguageName()
    return name[:1].upper() + name[1:] if name and locale.language() != QLocale.Language.C else code
