"""The Text tab: what to ask on the left, the conversation on the right."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.library.records import Asset
from studio.protocol import TextRequest
from studio.ui.state import AppState
from studio.ui.text.chat import Chat
from studio.ui.text.conversation import Answer, Turn, from_messages
from studio.ui.text.conversation_view import ConversationView
from studio.ui.text.text_controls import TextControls
from studio.ui.theme import GRID, enlarge
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.icons import icon
from studio.ui.widgets.model_picker import ModelPicker
from studio.ui.widgets.more_section import MoreSection
from studio.ui.widgets.prompt_edit import PromptEdit
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn

LONGEST_PROMPT = 200_000
"""Characters; the limit of a request."""


class TextTab(QWidget):
    """Object names: `text.prompt`, `.system`, `.model`, `.generate`, … and `text.result`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._editing: Turn | None = None
        self._make_left()
        self._make_right()
        self.columns = Columns(self._left, self._right, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self.chat = Chat(state, self.view, self.run_bar, self)
        self.chat.seed_used.connect(self.controls.seed.set_last)
        self.chat.refused.connect(self._give_back)
        self.chat.changed.connect(self._conversation_changed)
        self._show_values()
        state.models_changed.connect(self._show_empty)
        QTimer.singleShot(0, self, self._finish)

    # ---- what the window asks of a tab

    def focus_prompt(self) -> None:
        """Put the cursor into the prompt."""
        self.prompt.setFocus()

    def generate(self) -> None:
        """Send the prompt; what is missing is said in the message bar."""
        prompt = self.prompt.text()
        if not prompt.strip():
            self._state.show_message(self.tr("Write a prompt first, then press Generate."), "warning")
            self.focus_prompt()
            return
        if len(prompt) > LONGEST_PROMPT:
            self._state.show_message(
                self.tr("The prompt has {n} characters; at most {most} can be sent.").format(
                    n=f"{len(prompt):,}", most=f"{LONGEST_PROMPT:,}"
                ),
                "warning",
            )
            return
        if self._state.models_known and not self._state.models("text"):
            self._state.show_message(
                self.tr("There is no text model yet. Install the starter model, or add one."),
                "warning",
                self.tr("Models…"),
                lambda: self._state.models_wanted.emit("text"),
            )
            return
        if self._editing is not None:
            self.chat.truncate(self._editing)
            self._stop_editing()
        self.prompt.set_text("")
        self.chat.send(prompt, self._request(prompt))
        self._state.save_soon()

    def stop(self) -> None:
        """Stop the answer that is being written, or leave the editing of an earlier message."""
        if self._editing is not None:
            self._stop_editing()
            self.prompt.set_text("")
        else:
            self.chat.stop()

    def values_to_settings(self) -> None:
        """Keep the controls' values and the conversation."""
        values = self._state.settings.text
        values.prompt = self.prompt.text()[:LONGEST_PROMPT]
        values.system_prompt = self.system.text()[:LONGEST_PROMPT]
        values.model = self.model.model_id()
        values.count = self.run_bar.count.value()
        values.seed = self.controls.seed.value()
        values.max_tokens = self.controls.max_tokens.whole()
        values.temperature = float(self.controls.temperature.value() or 0)
        values.top_p = float(self.controls.top_p.value() or 1)
        values.top_k = self.controls.top_k.whole()
        values.repetition_penalty = float(self.controls.penalty.value() or 1)
        values.more_open = self.controls.is_open()
        sizes = self.columns.chosen_sizes()
        if sizes:
            self._state.settings.window.splitters["text"] = sizes
        self.chat.save_now()

    def restore(self, asset_or_request: object) -> None:
        """Show an earlier answer in its conversation, or an earlier request's settings."""
        if isinstance(asset_or_request, Asset):
            recipe = asset_or_request.recipe
            request = cast(TextRequest, recipe.request)
            answer = Answer(
                text=asset_or_request.text,
                seed=recipe.seed,
                asset=asset_or_request.id,
                path=str(asset_or_request.path),
            )
            self.chat.replace(
                from_messages(request.messages, request.prompt, answer),
                self.tr("An earlier conversation is on show."),
            )
            self._show_request(request, with_prompt=False)
            self.controls.seed.set_last(recipe.seed)
        else:
            self._show_request(cast(TextRequest, asset_or_request), with_prompt=True)

    # ---- left

    def _make_left(self) -> None:
        self._left = QWidget(self)
        self.prompt = PromptEdit(
            self.tr("Ask for anything: a slogan, a summary, a story…"), "text.prompt", self._left
        )
        self.prompt.setAccessibleName(self.tr("Prompt"))
        self.prompt.submitted.connect(self.generate)
        self._banner = QWidget(self._left)
        row = QHBoxLayout(self._banner)
        row.setContentsMargins(0, 0, 0, 0)
        note = QLabel(self.tr("Sending replaces the earlier message and what follows it."))
        note.setWordWrap(True)
        keep = QPushButton(self.tr("Leave it"), self._banner)
        keep.clicked.connect(self.stop)
        row.addWidget(note, 1)
        row.addWidget(keep)
        self._banner.hide()
        self.system_section = MoreSection(self.tr("System prompt"), "text.system_open")
        self.system = PromptEdit(
            self.tr("How the model should behave, e.g. “You answer in one sentence.”"),
            "text.system",
        )
        self.system.setAccessibleName(self.tr("System prompt"))
        self.system.setFixedHeight(9 * GRID)
        self.system.submitted.connect(self.generate)
        self.system_section.add(self.system)
        self.model = ModelPicker(self._state, "text")
        self.controls = TextControls()
        self.run_bar = RunBar("text")
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        column = ScrollColumn()
        column.add(self.system_section)
        column.add(self.model)
        column.add(self.controls)
        self._column = QVBoxLayout(self._left)
        self._column.setContentsMargins(0, 0, GRID // 2, 0)
        self._column.setSpacing(GRID)
        self._column.addWidget(self._banner)
        self._column.addWidget(self.prompt, 1)
        self._column.addWidget(column)
        self._column.addWidget(self.run_bar)

    # ---- right

    def _make_right(self) -> None:
        self._right = QWidget(self)
        heading = QLabel(self.tr("Conversation"), self._right)
        enlarge(heading)
        self.new = QPushButton(self.tr("New conversation"), self._right)
        self.new.setIcon(icon("message-square-plus"))
        self.new.setObjectName("text.new")
        self.new.setAccessibleName(self.new.text())
        self.new.clicked.connect(self._new_conversation)
        self.new.setEnabled(False)
        row = QHBoxLayout()
        row.addWidget(heading, 1)
        row.addWidget(self.new)
        self._empty = EmptyState("message-square-text", "", "")
        self.view = ConversationView(self._empty, self._right)
        self.view.edit_wanted.connect(self._edit)
        self.view.again_wanted.connect(self._again)
        column = QVBoxLayout(self._right)
        column.setContentsMargins(GRID // 2, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(row)
        column.addWidget(self.view, 1)
        self._show_empty()

    def _show_empty(self) -> None:
        if self._state.models_known and not self._state.models("text"):
            self._empty.set_text(
                self.tr("No text model yet"),
                self.tr(
                    "Install the small starter model to begin at once, or add a model that you "
                    "have: a folder with safetensors, or a GGUF file."
                ),
            )
            self._empty.set_actions(
                [(self.tr("Models…"), lambda: self._state.models_wanted.emit("text"))]
            )
            return
        self._empty.set_text(
            self.tr("Ask for something"),
            self.tr(
                "Write a prompt and press Generate, or Ctrl+Enter. With several variations the "
                "answers stand side by side, and you choose the one to go on with."
            ),
        )
        example = self.tr("Write a slogan for a bicycle repair shop")
        self._empty.set_actions([(example, lambda: self._try(example))])

    def _try(self, example: str) -> None:
        self.prompt.set_text(example)
        self.focus_prompt()

    # ---- actions

    def _finish(self) -> None:
        """Add what the first paint can do without: the context meter, the last conversation."""
        from studio.ui.text.context_meter import ContextMeter

        self.meter = ContextMeter(self._state, self._left)
        self._column.insertWidget(2, self.meter)
        for changed in (
            self.prompt.textChanged,
            self.system.textChanged,
            self.model.changed,
            self.controls.max_tokens.changed,
        ):
            changed.connect(self._measure)
        self.chat.load()
        self._measure()

    def _measure(self) -> None:
        self.meter.ask(self._request(self.prompt.text()), self.model.ref())

    def _conversation_changed(self) -> None:
        self.new.setEnabled(bool(self.chat.conversation.turns))
        if hasattr(self, "meter"):
            self._measure()

    def _request(self, prompt: str) -> TextRequest:
        controls = self.controls
        before = None
        if self._editing is not None:
            before = self.chat.place_of(self._editing)
        return TextRequest(
            prompt=prompt,
            system_prompt=self.system.text().strip(),
            messages=self.chat.conversation.messages(before),
            model=self.model.model_id(),
            seed=controls.seed.value(),
            count=self.run_bar.count.value(),
            max_tokens=controls.max_tokens.whole(),
            temperature=float(controls.temperature.value() or 0),
            top_p=float(controls.top_p.value() or 1),
            top_k=controls.top_k.whole(),
            repetition_penalty=float(controls.penalty.value() or 1),
        )

    def _show_values(self) -> None:
        values = self._state.settings.text
        self.prompt.setPlainText(values.prompt)
        self.system.setPlainText(values.system_prompt)
        self.system_section.set_open(bool(values.system_prompt))
        self.model.set_model_id(values.model)
        self.run_bar.count.setValue(values.count)
        self.controls.seed.set_value(values.seed)
        self.controls.max_tokens.set_value(values.max_tokens)
        self.controls.temperature.set_value(values.temperature)
        self.controls.top_p.set_value(values.top_p)
        self.controls.top_k.set_value(values.top_k)
        self.controls.penalty.set_value(values.repetition_penalty)
        self.controls.set_open(values.more_open)
        self.columns.set_chosen_sizes(self._state.settings.window.splitters.get("text", []))

    def _show_request(self, request: TextRequest, with_prompt: bool) -> None:
        if with_prompt:
            self.prompt.set_text(request.prompt)
            self.controls.seed.set_value(request.seed)
            self.run_bar.count.setValue(request.count)
        self.system.set_text(request.system_prompt)
        self.system_section.set_open(bool(request.system_prompt))
        if request.model:
            self.model.set_model_id(request.model)
        self.controls.max_tokens.set_value(request.max_tokens)
        self.controls.temperature.set_value(request.temperature)
        self.controls.top_p.set_value(request.top_p)
        self.controls.top_k.set_value(request.top_k)
        self.controls.penalty.set_value(request.repetition_penalty)

    def _new_conversation(self) -> None:
        from studio.ui.text.conversation import Conversation

        self._stop_editing()
        self.chat.replace(Conversation(), self.tr("A new conversation has begun."))
        self.focus_prompt()

    def _edit(self, turn: Turn) -> None:
        self._editing = turn
        self._banner.show()
        self.prompt.set_text(turn.prompt)
        self.focus_prompt()

    def _stop_editing(self) -> None:
        self._editing = None
        self._banner.hide()

    def _again(self, turn: Turn) -> None:
        request = self._request(turn.prompt)
        self.chat.ask_again(turn, request)

    def _give_back(self, prompt: str) -> None:
        if not self.prompt.text():
            self.prompt.set_text(prompt)
