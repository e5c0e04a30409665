"""From an idea to a prompt in the manner of the chosen model, with parts to switch on and off."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from studio.kinds.text import KIND as TEXT_KIND
from studio.kinds.text import TextRequest
from studio.protocol import Problem, Sentence
from studio.ui.fields.language_hint import knows_only_english
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.widgets.wrapped_buttons import WrappedButtons
from studio.ui.workspaces.image.image_controls import ImageControls
from studio.writing.picture_prompts.ask import question, read_answer
from studio.writing.picture_prompts.compose import compose
from studio.writing.picture_prompts.parts import Manner, PartName, manner_of, parts_for

_ANSWER_TOKENS = 400


class PromptHelper(QWidget):
    """Object names: `image.helper.idea`, `.<part>.<number>`, `.ask`, `.use`, `.result`."""

    def __init__(
        self,
        state: AppState,
        prompt: PromptEdit,
        model: ModelPicker,
        controls: ImageControls,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._prompt = prompt
        self._model = model
        self._controls = controls
        self._manner: Manner | None = None
        self._english = False
        self._chosen: dict[PartName, str] = {}
        self._own: dict[PartName, str] = {}
        self._watch: JobWatch | None = None
        self.idea = QLineEdit(self)
        self.idea.setObjectName("image.helper.idea")
        self.idea.setPlaceholderText(self.tr("What is to be seen?"))
        self.idea.setAccessibleName(self.tr("Idea"))
        self.idea.setMaxLength(2000)
        self.idea.setText(one_line(prompt.text(), 300))
        self.ask = QPushButton(icon("sparkles"), self.tr("Fill in with the text model"), self)
        self.ask.setObjectName("image.helper.ask")
        self.ask.setAccessibleName(self.ask.text())
        self.ask.setAutoDefault(False)
        self.ask.clicked.connect(self._ask_or_stop)
        self.note = TintedLabel(self)
        self.note.setWordWrap(True)
        self.note.hide()
        self._groups = QWidget(self)
        self._rows = QVBoxLayout(self._groups)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(GRID // 2)
        self._chips: dict[PartName, WrappedButtons] = {}
        self.result = plain_label(parent=self)
        self.result.setObjectName("image.helper.result")
        self.result.setWordWrap(True)
        self._manner_note = TintedLabel(self)
        self._manner_note.setWordWrap(True)
        self.use = QPushButton(icon("check"), self.tr("Use as prompt"), self)
        self.use.setObjectName("image.helper.use")
        self.use.setAccessibleName(self.use.text())
        self.use.setAutoDefault(False)
        self.use.clicked.connect(lambda: self._prompt.set_text(self.text()))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(GRID)
        for part in (
            self.idea,
            self.ask,
            self.note,
            self._manner_note,
            self.result,
            self.use,
            self._groups,
        ):
            rows.addWidget(part)
        self.idea.textChanged.connect(self._show)
        model.changed.connect(self._fill)
        controls.described.connect(self._fill)
        state.models_changed.connect(self._show_ask)
        self._fill()
        self._show_ask()

    # ---- parts

    def _fill(self) -> None:
        """Offer what suits the model."""
        ref = self._model.ref()
        things = self._controls.is_known and self._controls.supports("transparent")
        manner = manner_of(ref.base if ref is not None else "", knows_only_things=things)
        english = knows_only_english(ref)
        if (manner, english) == (self._manner, self._english):
            return
        self._manner, self._english = manner, english
        names = {part.name for part in parts_for(manner)}
        self._chosen = {name: text for name, text in self._chosen.items() if name in names}
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._chips = {}
        for part in parts_for(manner):
            title = plain_label(translated(part.title), self._groups)
            mute(title)
            self._rows.addWidget(title)
            self._chips[part.name] = WrappedButtons(self._groups)
            self._rows.addWidget(self._chips[part.name])
            self._fill_part(part.name)
        self._manner_note.show_text(
            {
                "tags": self.tr("This model reads lists of words:"),
                "sentences": self.tr("This model reads sentences:"),
                "words": self.tr("This model draws single things that it knows, in a style:"),
            }[manner]
        )
        self._show()

    def _said(self, text: Sentence) -> str:
        return text.template if self._english else translated(text)

    def _fill_part(self, name: PartName) -> None:
        assert self._manner is not None
        part = next(part for part in parts_for(self._manner) if part.name == name)
        texts = [self._said(value) for value in part.values]
        own = self._own.get(name, "")
        if own and own not in texts:
            texts.insert(0, own)
        chips = self._chips[name]
        made = []
        for number, text in enumerate(texts):
            chip = QToolButton(chips)
            chip.setText(one_line(text, 36).replace("&", "&&"))
            chip.setToolTip(plain_tooltip(text))
            chip.setAccessibleName(one_line(text, 80))
            chip.setObjectName(f"image.helper.{name}.{number}")
            chip.setCheckable(True)
            chip.setChecked(self._chosen.get(name) == text)
            chip.clicked.connect(lambda on, text=text: self._choose(name, text, on))
            made.append(chip)
        chips.set_buttons(made)

    def _choose(self, name: PartName, text: str, chosen: bool) -> None:
        """Switch a value on, or off."""
        if chosen:
            self._chosen[name] = text
        else:
            self._chosen.pop(name, None)
        self._fill_part(name)
        self._show()

    def text(self) -> str:
        """Return the prompt."""
        return compose(self._manner or "sentences", self.idea.text(), self._chosen)

    def _show(self) -> None:
        text = self.text()
        self.result.setText(text)
        self.use.setEnabled(bool(text))
        self._show_ask()

    # ---- the text model

    def _show_ask(self) -> None:
        there = bool(self._state.models(TEXT_KIND.task))
        running = self._watch is not None
        self.ask.setVisible(there and self._manner != "words")
        self.ask.setEnabled(running or bool(self.idea.text().strip()))
        self.ask.setText(self.tr("Stop") if running else self.tr("Fill in with the text model"))

    def _ask_or_stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            return
        system, prompt, schema = question(self.idea.text().strip())
        request = TextRequest(
            prompt=prompt, system_prompt=system, schema=schema, max_tokens=_ANSWER_TOKENS
        )
        token = self._state.submit([request], labels=[{"ask": "parts"}])
        watch = self._watch = JobWatch(self._state, self, token=token)
        watch.saved.connect(lambda asset: self._answered(asset.text))
        watch.refused.connect(self._refused)
        watch.ended.connect(self._ended)
        self._say(self.tr("Writing…"))
        self._show_ask()

    def _answered(self, answer: str) -> None:
        found = read_answer(answer)
        if found is None:
            self._say(self.tr("The model gave no parts. Choose them yourself, or try again."), True)
            return
        self._say("")
        subject, self._own = found
        self._chosen = {name: text for name, text in self._own.items() if name in self._chips}
        for name in self._chips:
            self._fill_part(name)
        if subject:
            self.idea.setText(subject)
        self._show()

    def _refused(self, problem: Problem) -> None:
        self._watch = None
        self._say(translated(problem.message), True)
        self._show_ask()

    def _ended(self, end: Ended) -> None:
        self._watch = None
        if end.problem is not None:
            self._say(translated(end.problem.message), True)
        elif end.status == "cancelled":
            self._say("")
        self._show_ask()

    def _say(self, text: str, is_warning: bool = False) -> None:
        self.note.show_text(text, "warning" if is_warning else None)
        self.note.setVisible(bool(text))
