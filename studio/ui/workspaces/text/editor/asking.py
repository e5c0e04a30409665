"""Asks the model about a passage of the text, and applies what is accepted of its proposal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from studio.kinds.text import TextRequest
from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED
from studio.protocol import TextDelta
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import one_line
from studio.ui.workspaces.text.editor.ask_bar import ask_titles, value_titles
from studio.ui.workspaces.text.editor.document import DocumentEdit
from studio.ui.workspaces.text.editor.editor_panel import EditorPanel
from studio.writing.checks.length import length_of
from studio.writing.editing.asks import (
    ASKS,
    MAX_CONTEXT,
    AskName,
    instruction,
    proposed_text,
)
from studio.writing.editing.proposal import Proposal
from studio.writing.editing.word_diff import changes_between

if TYPE_CHECKING:
    from studio.library.records import Asset

MAX_PASSAGE = 20_000
"""Characters of a passage."""

_WHOLE = 6000
"""Characters of a text that an ask without a selection is for as a whole."""

_LONGEST_ANSWER, _SHORTEST_ANSWER, _CONTINUATION = 8192, 128, 256
_TOKENS_PER_WORD = 3
"""At most: a character of Chinese is a word here, and up to three tokens."""


class Asking(QObject):
    """`request` returns what the tab's controls describe, for a prompt and a system prompt."""

    accepted = Signal(object)
    """A `DocumentEdit`: a proposal of which something was accepted for the first time."""

    def __init__(
        self,
        state: AppState,
        panel: EditorPanel,
        request: Callable[[str, str], TextRequest],
        document: Callable[[], str],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._panel = panel
        self._request = request
        self._document = document
        self._watch: JobWatch | None = None
        self._ask: AskName = "own"
        self._value = ""
        self._model = ""
        self._asset = ""
        self._before, self._passage, self._after = "", "", ""
        self._proposal: Proposal | None = None
        self._known: dict[str, Proposal] = {}
        self._is_noted = False
        self._applying = False
        panel.asks.asked.connect(self.ask)
        panel.place_changed.connect(self._show_target)
        panel.editor.edited.connect(self._text_changed)
        panel.proposal.decided.connect(self._decide)
        panel.proposal.all_decided.connect(self._decide_all)
        panel.proposal.stopped.connect(self.stop)
        panel.proposal.closed.connect(self.close)

    # ---- asking

    def _target(self, ask: AskName | None = None) -> tuple[int, int]:
        editor = self._panel.editor
        text = editor.text()
        start, end = editor.selection()
        if text[start:end].strip():
            return start, end
        if ask == "continue":
            at = start if text[:start].strip() else len(text)
            return max(0, at - MAX_CONTEXT), at
        if len(text) <= _WHOLE:
            return 0, len(text)
        first = text.rfind("\n", 0, start) + 1
        last = text.find("\n", start)
        return first, len(text) if last < 0 else last

    def _show_target(self) -> None:
        editor = self._panel.editor
        text = editor.text()
        start, end = editor.selection()
        if text[start:end].strip():
            said = self.tr("For the selected text ({n} words):").format(
                n=f"{length_of(text[start:end]):,}"
            )
        elif len(text) <= _WHOLE:
            said = self.tr("For the whole text (select a part to change only that):")
        else:
            said = self.tr("For the paragraph at the cursor (or select a part):")
        self._panel.asks.target.show_text(said)

    def ask(self, name: str, value: str) -> None:
        """Ask the model about the selection, or the text."""
        ask = next(each for each in ASKS if each == name)
        text = self._panel.editor.text()
        start, end = self._target(ask)
        passage = text[start:end]
        if not passage.strip():
            self._state.show_message(self.tr("There is no text to change here."), "warning")
            return
        if len(passage) > MAX_PASSAGE:
            message = self.tr("Select at most {most} characters.")
            self._state.show_message(message.format(most=f"{MAX_PASSAGE:,}"), "warning")
            return
        self.close()
        self._ask, self._value = ask, value
        self._before, self._passage, self._after = text[:start], passage, text[end:]
        system, prompt = instruction(ask, passage, value)
        request = self._request(system, prompt)
        wanted = length_of(passage) * _TOKENS_PER_WORD * (3 if ask == "expand" else 1)
        longest = _CONTINUATION if ask == "continue" else wanted + _SHORTEST_ANSWER
        values: dict[str, Any] = {
            "count": 1,
            "seed": None,
            "max_tokens": min(longest, _LONGEST_ANSWER),
        }
        if ask == "continue":
            values["answer_start"] = passage[-MAX_CONTEXT:].rstrip(" ")
        request = request.with_values(**values)
        self._model = request.model
        panel = self._panel
        panel.editor.show_passage((start, end))
        panel.proposal.show_waiting(self._title(), self.tr("Waiting in the queue…"))
        panel.proposal.show()
        panel.asks.set_enabled(False)
        token = self._state.submit([request], labels=[self._labels(name)])
        watch = self._watch = JobWatch(self._state, self, token=token)
        watch.text.connect(self._written)
        watch.saved.connect(self._saved)
        watch.refused.connect(lambda problem: self._failed(translated(problem.message)))
        watch.ended.connect(self._ended)

    def _labels(self, name: str) -> dict[str, str]:
        asked = {REVIEW_LABEL: REVIEW_REQUIRED} if self._panel.editor.note else {}
        return {"ask": name, "text": self._document(), **asked}

    def _title(self) -> str:
        if self._ask == "own":
            return one_line(self._value, 60)
        title = ask_titles()[self._ask]
        value = value_titles().get(self._value, "")
        return f"{title}: {value}" if value else title

    def stop(self) -> None:
        """Stop writing the proposal."""
        if self._watch is not None:
            self._watch.cancel()

    def close(self) -> None:
        """Put the proposal away; what was accepted stays."""
        if self._watch is not None:
            watch, self._watch = self._watch, None
            watch.cancel()
            watch.close()
        self._proposal, self._known, self._asset, self._is_noted = None, {}, "", False
        self._panel.proposal.hide()
        self._panel.editor.show_passage(None)
        self._panel.asks.set_enabled(True)

    # ---- events

    def _written(self, event: TextDelta) -> None:
        self._panel.proposal.add_text(event.text)

    def _saved(self, asset: Asset) -> None:
        self._asset = asset.id
        self._model = asset.recipe.model_name or asset.recipe.model_id
        proposed = proposed_text(self._ask, self._passage, asset.text)
        passage = self._passage

        def show(proposal: Proposal) -> None:
            if self._asset != asset.id:
                return
            if not proposal.changes:
                note = self.tr("The model proposes no change.")
                self._panel.proposal.show_note(note, None)
                return
            self._proposal = proposal
            self._known = {passage: proposal}
            self._panel.proposal.show_proposal(proposal)
            self._text_changed()

        # Comparing long passages takes a while.
        self._state.background.read(
            self,
            lambda: Proposal(passage, changes_between(passage, proposed)),
            show,
            self._state.problem.emit,
        )

    def _failed(self, message: str) -> None:
        self._watch = None
        self._panel.asks.set_enabled(True)
        self._panel.proposal.show_note(message, "error")

    def _ended(self, end: Ended) -> None:
        self._watch = None
        self._panel.asks.set_enabled(True)
        if end.problem is not None:
            self._failed(translated(end.problem.message))
        elif not self._asset:
            self._panel.proposal.show_note(self.tr("Stopped."), None)

    # ---- the proposal

    def _decide(self, index: int, accepted: bool) -> None:
        if self._proposal is not None:
            self._apply(self._proposal.decided(index, accepted), index)

    def _decide_all(self, accepted: bool) -> None:
        if self._proposal is not None:
            self._apply(self._proposal.all_decided(accepted), None)

    def _apply(self, proposal: Proposal, index: int | None) -> None:
        """Change the passage to what is accepted, as one step of undo."""
        start, new = len(self._before), proposal.text()
        end = start + len(self._passage)
        self._proposal, self._known[new] = proposal, proposal
        self._applying = True
        self._panel.editor.replace(start, end, new)
        self._applying = False
        self._passage = new
        if proposal.accepted and not self._is_noted:
            self._is_noted = True
            self.accepted.emit(DocumentEdit(f"{self._title()} ({self._model})", self._asset))
        if proposal.is_decided:
            self.close()
            self._panel.editor.setFocus()
            return
        self._panel.editor.show_passage((start, start + len(new)))
        self._panel.proposal.show_proposal(
            proposal, proposal.next_open(index) if index is not None else None
        )

    def _text_changed(self) -> None:
        """Follow the passage through what is typed, undone and redone."""
        if self._applying or not self._panel.proposal.isVisibleTo(self._panel):
            return
        if self._proposal is None and self._watch is None:
            return
        text = self._panel.editor.text()
        before, passage, after = self._before, self._passage, self._after
        around = len(before) + len(after)
        middle = text[len(before) : len(text) - len(after)]
        if len(text) >= around and text.startswith(before) and text.endswith(after):
            known = self._known.get(middle)
            if middle == passage:
                return
            if known is not None:
                self._proposal, self._passage = known, middle
                self._panel.proposal.show_proposal(known)
                return
        elif text.endswith(passage + after):
            self._before = text[: len(text) - len(passage) - len(after)]
            return
        elif text.startswith(before + passage):
            self._after = text[len(before) + len(passage) :]
            return
        if self._watch is not None:
            self._watch.cancel()
        self._proposal, self._asset = None, ""
        self._panel.editor.show_passage(None)
        self._panel.proposal.show_note(
            self.tr("The passage was changed meanwhile. Ask again."), "warning"
        )
