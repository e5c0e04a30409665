"""The Text tab: the conversation, the composer below it, the options at its side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.text import KIND, TextRequest
from studio.protocol import MAX_PROMPT_LENGTH, Request
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values
from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button
from studio.ui.workspaces.text.composer import Composer
from studio.ui.workspaces.text.values import TextValues, follow_model

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.workspaces.text.chat import Chat
    from studio.ui.workspaces.text.conversation import Turn

TASK = KIND.task

ALWAYS_SHOWN = ("system_prompt", "max_tokens")
"""Fields of the options that are not in "Advanced"."""


class TextTab(QWidget):
    """Object names: `text.prompt`, `.system`, `.model`, `.generate`, … and `text.result`.

    The prompt is created at once, the rest by `pieces` after the first paint.
    """

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, TextValues)
        follow_model(self._values)
        self._chat: Chat | None = None
        self._editing: Turn | None = None
        self._slices = [
            self._make_view,
            self._make_options,
            self._make_model,
            self._make_chat,
            self._make_side,
            self._make_editing,
        ]
        self.composer = Composer(self)
        self.prompt = self.composer.prompt
        self.prompt.setPlainText(self._values.prompt)
        self.prompt.submits_on_enter = self._values.enter_sends
        self.prompt.submitted.connect(self.generate)
        self.run_bar = self.composer.run_bar
        self.run_bar.count.setValue(self._values.count)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.composer.edit_cancelled.connect(self.stop)
        self._middle = QVBoxLayout()
        self._middle.setSpacing(GRID)
        self._middle.addStretch(1)
        self._middle.addWidget(self.composer)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2 * GRID)
        self._row.addLayout(self._middle, 1)

    # ---- Workspace

    def focus_prompt(self) -> None:
        """Focus the prompt."""
        self.prompt.setFocus()

    def take_text(self, text: str) -> None:
        """Use a text as the next prompt."""
        self.prompt.set_text(text)
        self.focus_prompt()

    def generate(self) -> None:
        """Send the prompt, or show in the message bar why it cannot be sent."""
        self.create_all()
        prompt = self.prompt.text()
        if not prompt.strip():
            self._state.show_message(
                self.tr("Write a prompt first, then press Generate."), "warning"
            )
            self.focus_prompt()
            return
        if len(prompt) > MAX_PROMPT_LENGTH:
            from studio.ui.workspaces.text.send_hint import too_long_text

            self._state.show_message(too_long_text(len(prompt)), "warning")
            return
        if error := self.options.form.error():
            self._state.show_message(error, "warning")
            self.panels.show_options(True)
            self.options.form.set_open(True)
            return
        if self._state.models_known and not self._state.models(TASK):
            self._state.show_message(
                self.tr("There is no text model yet. Install the starter models, or add your own."),
                "warning",
                *self._offers.action(TASK),
            )
            return
        if self._editing is not None:
            self.chat.set_aside(self._editing)
            self._stop_editing()
        self.prompt.set_text("")
        request = self._request(prompt)
        if not self.documents.send(prompt, request):
            self.chat.send(prompt, request)
        # A killed window opens its conversation again.
        self._values.starts_new = False
        self._state.save_soon()

    def stop(self) -> None:
        """Stop generating, or cancel editing an earlier message."""
        if self._editing is not None:
            self._stop_editing()
            self.prompt.set_text("")
        else:
            self.chat.stop()

    def values_to_settings(self) -> None:
        """Store the values of the controls, and save the conversation."""
        self.create_all()
        self._store_values()
        self.chat.save_now()

    def _store_values(self) -> None:
        values = self._values
        values.prompt = self.prompt.text()[:MAX_PROMPT_LENGTH]
        values.system_prompt = self.system.text()[:MAX_PROMPT_LENGTH]
        values.model = self.model.model_id()
        values.count = self.run_bar.count.value()
        values.options_open = self.panels.wants_options
        values.list_open = self.panels.wants_list
        values.starts_new = not self.chat.conversation.turns
        values.enter_sends = self.options.enter_sends.isChecked()
        self.options.store_values(values)

    def _show_values(self, values: TextValues) -> None:
        self.prompt.set_text(values.prompt)
        self.run_bar.count.setValue(values.count)
        self._show_below_prompt(values)

    def _show_below_prompt(self, values: TextValues) -> None:
        self.system.set_text(values.system_prompt)
        self.model.set_model_id(values.model)
        self.controls.seed.set_value(values.seed)
        self.options.show_values(values)

    def restore(self, source: Asset | Request) -> None:
        """Show an asset in its conversation, or the settings of a request."""
        from studio.ui.workspaces.text.conversation import Answer, from_messages

        self.create_all()
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, TextRequest):
            return
        self._store_values()
        before = copy(self._values)
        if isinstance(source, Request):
            self._show_request(request, with_prompt=True)
            self._store_values()
            if self._values != before:
                self._state.show_message(
                    self.tr("The settings were taken over, with the prompt and the seed."),
                    "info",
                    self.tr("Undo"),
                    lambda: self._show_values(before),
                )
        else:
            seed = source.recipe.seed
            answer = Answer(text=source.text, seed=seed, asset=source.id, path=str(source.path))
            self.chat.replace(
                from_messages(request.messages, request.prompt, answer, source.recipe.labels),
                self.tr("This is an earlier conversation."),
                lambda: self._show_values(before),
            )
            self._show_request(request, with_prompt=False)
            self.controls.seed.set_last(seed)

    @property
    def chat(self) -> Chat:
        """The chat; creates the missing parts of the tab."""
        if self._chat is None:
            self.create_all()
        assert self._chat is not None
        return self._chat

    # ---- parts

    def _make_view(self) -> None:
        from studio.ui.shell.model_offers import model_offers_of
        from studio.ui.widgets.empty_state import EmptyState
        from studio.ui.workspaces.text.conversation_head import ConversationHead
        from studio.ui.workspaces.text.conversation_view import ConversationView

        self._head = ConversationHead(self)
        self.new = self._head.new
        self.new.clicked.connect(self._new_conversation)
        self._empty = EmptyState("message-square-text", "", "")
        self._offers = model_offers_of(self._state)
        self._offers.changed.connect(self._show_empty)
        self.view = ConversationView(self._empty, self)
        self.view.edit_requested.connect(self._edit)
        self.view.regenerate_requested.connect(self._regenerate)
        self.view.send_requested.connect(lambda *sent: self._state.destinations.send_text(*sent))
        self.view.continue_requested.connect(self._continue)
        self.view.branch_requested.connect(self._branch)
        self.view.version_picked.connect(self._show_version)
        self._middle.takeAt(0)
        self._middle.insertWidget(0, self._head)
        self._middle.insertWidget(1, self.view, 1)

    def _make_options(self) -> None:
        from studio.ui.workspaces.text.documents.documents_button import documents_button
        from studio.ui.workspaces.text.forms.forms_button import forms_button
        from studio.ui.workspaces.text.options_panel import OptionsPanel
        from studio.ui.workspaces.text.side_panels import SidePanels

        self.options = OptionsPanel(self)
        self.system = self.options.system
        self.controls = self.options.controls
        self.system.submitted.connect(self.generate)
        self.options.enter_sends.setChecked(self._values.enter_sends)
        self.options.enter_sends.toggled.connect(self._set_enter_sends)
        self._row.addWidget(self.options)
        self.options_button = tool_button(
            "sliders-horizontal", self.tr("Options"), "text.options", self
        )
        self.options_button.setText(self.tr("Options"))
        self.options_button.setToolTip(
            self.tr("System prompt, longest answer, temperature and more")
        )
        self.panels = SidePanels(self, self.options, self.options_button, self._head.list_button)
        self.forms_button = forms_button(self, self.open_forms)
        self.documents_button = documents_button(self)
        self._buttons = (self.options_button, self.forms_button, self.documents_button)
        self.options.closed.connect(lambda: self.panels.show_options(False))
        self.panels.changed.connect(self._show_set_values)

    def _make_model(self) -> None:
        from studio.ui.fields.language_hint import LanguageHint
        from studio.ui.fields.model_picker import ModelPicker

        self.model = ModelPicker(self._state, TASK)
        self.model.label.hide()
        self.model.setMaximumWidth(30 * GRID)
        self.run_bar.leading.addWidget(self.model, 100)
        for button in self._buttons:
            self.run_bar.leading.addWidget(button)
        self.run_bar.leading.addStretch(1)
        self.composer.narrowed.connect(self._set_narrow)
        self._set_narrow(self.composer.is_narrow)
        self.composer.fit()
        self.composer.hints.addWidget(self.model.notices)
        self.language_hint = LanguageHint(self._state, TASK, self.model, self.prompt)
        self.composer.hints.addWidget(self.language_hint)
        # The tab order follows the visual order.
        buttons = (self.options_button, self.forms_button, self.documents_button)
        for before, after in pairwise(
            (self.prompt, self.model.combo, *buttons, self.run_bar.count)
        ):
            QWidget.setTabOrder(before, after)
        self._show_below_prompt(self._values)
        self.options.show_open(self._values)
        self.panels.show_wanted(self._values.options_open, self._values.list_open)

    def _set_narrow(self, narrow: bool) -> None:
        self.model.combo.setMinimumContentsLength(12 if narrow else 14)
        style = Qt.ToolButtonStyle
        # That of the documents has always only its icon.
        for button in (self.options_button, self.forms_button):
            button.setToolButtonStyle(
                style.ToolButtonIconOnly if narrow else style.ToolButtonTextBesideIcon
            )

    def _set_enter_sends(self, sends: bool) -> None:
        self.prompt.submits_on_enter = sends
        self._state.save_soon()

    def _show_empty(self) -> None:
        from studio.ui.workspaces.text.empty_conversation import show_empty

        show_empty(self._empty, self._state, self.model.ref(), self.prompt, self.open_forms)

    def create_all(self) -> None:
        """Create all remaining parts at once."""
        for create in self.slices():
            create()

    def slices(self) -> Iterator[Callable[[], None]]:
        """Yield functions that create the parts not needed for the first paint."""
        while self._slices:
            yield self._slices.pop(0)

    def _make_chat(self) -> None:
        from studio.ui.fields.value_chips import ValueChips
        from studio.ui.shell.paused_hint import PausedHint
        from studio.ui.shell.request_estimate import RequestEstimate
        from studio.ui.workspaces.text.alternatives_menu import WordChoices
        from studio.ui.workspaces.text.answer_reviews import AnswerReviews
        from studio.ui.workspaces.text.chat import Chat
        from studio.ui.workspaces.text.context_meter import ContextMeter
        from studio.ui.workspaces.text.documents.document_writing import DocumentWriting
        from studio.ui.workspaces.text.forms.form_writing import FormWriting
        from studio.ui.workspaces.text.model_defaults import ModelDefaults
        from studio.ui.workspaces.text.send_hint import SendHint

        self.meter = ContextMeter(self._state, self)
        self.composer.foot.addWidget(self.meter)
        self.composer.hints.addWidget(SendHint(self._state, self.prompt))
        self.composer.hints.addWidget(self.meter.notice)
        self._chat = Chat(self._state, self.view, self.run_bar, self)
        self.forms = FormWriting(self._state, self.view, self._chat, self._request, self)
        self.documents = DocumentWriting(
            self._state, self.composer, self.documents_button, self.view, self._chat, self.model
        )
        AnswerReviews(self._state, self.view, self._chat)
        self._choices = WordChoices(self._state, self.view, self._chat, self._request)
        self._chat.seed_used.connect(self.controls.seed.set_last)
        self._chat.refused.connect(self._restore_prompt)
        self._chat.changed.connect(self._conversation_changed)
        for changed in (
            self.prompt.textChanged,
            self.system.textChanged,
            self.model.changed,
            self.controls.max_tokens.changed,
        ):
            changed.connect(self._measure)
        self.composer.hints.addWidget(PausedHint(self._state, TASK))
        self.chips = ValueChips("text.values", self)
        self.run_bar.extra.addWidget(self.chips)
        self.chips.removed.connect(self._reset)
        self.options.changed.connect(self._show_set_values)
        self.system.textChanged.connect(self._show_set_values)
        self._show_set_values()
        estimate = RequestEstimate(self._state, self.run_bar, lambda: [self._request("")], self)
        for changed in (
            self.model.changed,
            self.controls.max_tokens.changed,
            self.run_bar.count_changed,
        ):
            changed.connect(estimate.update_soon)
        defaults = ModelDefaults(self._state, self.model, self.controls, self)
        for changed in (self.model.changed, self._state.models_changed):
            changed.connect(self._show_empty)
            changed.connect(defaults.update)
        defaults.update()
        self._chat.load(open_last=not self._values.starts_new)
        self._measure()

    def _make_side(self) -> None:
        from studio.ui.workspaces.text.conversation_side import ConversationSide

        self._side = ConversationSide(self._state, self.chat, self._head, self)
        self._row.insertWidget(0, self._side.panel)
        self.panels.set_list(self._side.panel)

    def _make_editing(self) -> None:
        from studio.ui.workspaces.text.editor.text_editing import TextEditing

        parts = (self._state, self.view, self.chat, self._request, self.panels, self._row)
        self.editing = TextEditing(*parts, self)

    # ---- actions

    def _show_set_values(self) -> None:
        """Show what the next job uses of the controls that are folded away."""
        from studio.ui.fields.value_chips import value_texts

        if self._chat is None:
            return
        texts = value_texts(self._request(""))
        folded = self.options.show_badges(texts)
        if self.options.isHidden():
            folded = {name: texts[name] for name in ALWAYS_SHOWN if name in texts} | folded
        self.chips.show_values(folded)

    def _reset(self, name: str) -> None:
        if name == "system_prompt":
            self.system.set_text("")
        else:
            self.options.reset(name)

    def _measure(self) -> None:
        self.meter.measure(self._request(self.prompt.text()), self.model.ref())

    def _conversation_changed(self) -> None:
        conversation = self.chat.conversation
        self._head.show_conversation(conversation.shown_title(), not conversation.turns)
        self._measure()

    def _request(self, prompt: str) -> TextRequest:
        before = self.chat.index_of(self._editing) if self._editing is not None else None
        return TextRequest(
            prompt=prompt,
            system_prompt=self.system.text().strip(),
            messages=self.chat.messages(before),
            model=self.model.model_id(),
            count=self.run_bar.count.value(),
            **self.options.fields(),
        )

    def _show_request(self, request: TextRequest, with_prompt: bool) -> None:
        if with_prompt:
            self.prompt.set_text(request.prompt)
            self.controls.seed.set_value(request.seed)
            self.run_bar.count.setValue(request.count)
        self.system.set_text(request.system_prompt)
        if request.model:
            self.model.set_model_id(request.model)
        self.options.show_values(request)

    def _new_conversation(self) -> None:
        from studio.ui.workspaces.text.conversation import Conversation

        self._stop_editing()
        self.chat.replace(Conversation(), "")
        self.focus_prompt()

    def _branch(self, turn: Turn) -> None:
        self._stop_editing()
        self.chat.branch(turn, self.tr("This is a new conversation with a copy of the turns."))
        self.focus_prompt()

    def _show_version(self, turn: Turn) -> None:
        self._stop_editing()
        self.chat.show_version(turn)

    def _edit(self, turn: Turn) -> None:
        self._editing = turn
        self.composer.show_banner(True)
        self.prompt.set_text(turn.prompt)
        self.focus_prompt()

    def _stop_editing(self) -> None:
        self._editing = None
        self.composer.show_banner(False)

    def _regenerate(self, turn: Turn) -> None:
        request = self.documents.with_sources(turn, self.forms.request_for(turn))
        self.chat.regenerate(turn, request)

    def _continue(self, turn: Turn, index: int) -> None:
        request = self.documents.with_sources(turn, self.forms.request_for(turn))
        self.chat.go_on(turn, index, request)

    def open_forms(self) -> None:
        """Open the forms."""
        self.create_all()
        self.forms.open()

    def _restore_prompt(self, prompt: str) -> None:
        if not self.prompt.text():
            self.prompt.set_text(prompt)
