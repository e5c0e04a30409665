"""Forms in the Text tab: the dialog, the turns that forms made, and the checks of their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.kinds.text import KIND, TextRequest
from studio.protocol import ProblemError
from studio.settings import RESOURCES
from studio.ui.shell.state import AppState
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation import Conversation, Turn
from studio.ui.workspaces.text.conversation_view import ConversationView

if TYPE_CHECKING:
    from studio.jobs.forms.form_request import FormUse
    from studio.ui.workspaces.text.forms.form_dialog import FormDialog
    from studio.ui.workspaces.text.forms.merge_dialog import MergeDialog
    from studio.writing.facts.compare import FactCheck
    from studio.writing.forms.form_folders import Brands, Forms


class FormWriting(QObject):
    """`request` returns what the tab's controls describe, for a prompt."""

    def __init__(
        self,
        state: AppState,
        view: ConversationView,
        chat: Chat,
        request: Callable[[str], TextRequest],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._view = view
        self._chat = chat
        self._request = request
        self._window = parent
        self._kept: dict[str, FormUse] = {}
        self._found: tuple[Forms, Brands] | None = None
        self._checks: dict[str, FactCheck | None] = {}
        self.merge_dialog: MergeDialog | None = None
        chat.changed.connect(self.check_shown)
        view.built.connect(lambda _: self.check_shown())
        view.again_requested.connect(self._write_again)

    def open(self, form: str = "") -> FormDialog:
        """Open the dialog, at a form if its id is given."""
        from studio.ui.workspaces.text.forms.form_dialog import FormDialog

        dialog = FormDialog(self._state, self._kept, form, self._window)
        dialog.generate.connect(self.write)
        dialog.table_requested.connect(self.open_merge)
        show_dialog(dialog)
        return dialog

    def open_merge(self, use: FormUse) -> MergeDialog:
        """Open the dialog that writes a form for each row of a table."""
        from studio.ui.workspaces.text.forms.merge_dialog import MergeDialog

        is_text = use.found.form.task == KIND.task
        options = {"model": self._options()["model"]} if is_text else {}
        dialog = self.merge_dialog = MergeDialog(self._state, use, options, self._window)
        show_dialog(dialog)
        return dialog

    def write(self, use: FormUse) -> None:
        """Submit a filled form, as the first message of a conversation."""
        request = self._made(use, self._options())
        if request is None:
            return
        # The file may have changed, or be new.
        self._found = None
        if self._chat.conversation.turns:
            self._chat.replace(Conversation(), "")
        self._chat.send(request.prompt, request, use.labels())

    def request_for(self, turn: Turn) -> TextRequest:
        """Return the request for one more answer to a turn: as its form says, if one made it."""
        request = self._request(turn.prompt)
        use = self._use(turn)
        if use is None:
            return request
        made = self._made(use, {**self._options(), "count": 1, "seed": None})
        return made if made is not None and made.prompt == turn.prompt else request

    def check_shown(self) -> None:
        """Check the answers that forms made and that are shown."""
        for turn in self._chat.conversation.turns:
            view = self._view.view_of(turn)
            if not turn.form or view is None:
                continue
            for answer in turn.answers:
                if not answer.asset or not answer.text:
                    continue
                if answer.asset not in self._checks:
                    self._checks[answer.asset] = None
                    self._check(turn, answer.asset, answer.text)
                elif (found := self._checks[answer.asset]) is not None:
                    self._show(turn, answer.asset, found)

    def _check(self, turn: Turn, asset: str, text: str) -> None:
        root, labels, known = self._state.library_root, dict(turn.form), self._found

        def check() -> tuple[tuple[Forms, Brands], FactCheck | None]:
            # Not at the top: the window starts without them.
            from studio.jobs.forms.form_request import use_of_labels
            from studio.writing.forms.form_folders import list_brands, list_forms

            forms = known or (list_forms(RESOURCES, root), list_brands(root))
            use = use_of_labels(labels, *forms)
            return forms, use.check(text) if use is not None else None

        def show(found: tuple[tuple[Forms, Brands], FactCheck | None]) -> None:
            self._found, self._checks[asset] = found
            if found[1] is not None:
                self._show(turn, asset, found[1])

        self._state.background.read(self, check, show, self._state.problem.emit)

    def _show(self, turn: Turn, asset: str, found: FactCheck) -> None:
        view = self._view.view_of(turn)
        if view is not None and view.checks.get(asset) is not found:
            view.checks[asset] = found
            view.refresh()

    def _write_again(self, turn: Turn, index: int) -> None:
        from studio.jobs.forms.form_request import ATTEMPT, attempt_of, next_attempt

        use = self._use(turn)
        answer = turn.answers[index]
        base = self._made(use, self._options()) if use is not None else None
        if use is None or base is None:
            return
        request = next_attempt(use, base, answer.seed or 0, answer.text)
        assert isinstance(request, TextRequest)
        attempt = str(attempt_of(turn.form) + len(turn.answers))
        self._chat.add_answer(turn, request, {**turn.form, ATTEMPT: attempt})

    def _use(self, turn: Turn) -> FormUse | None:
        """Return the form of a turn, if it has been read."""
        if not turn.form or self._found is None:
            return None
        from studio.jobs.forms.form_request import use_of_labels

        return use_of_labels(turn.form, *self._found)

    def _options(self) -> dict[str, Any]:
        """Return what the tab decides of a request that a form makes."""
        request = self._request("")
        return {"model": request.model, "count": request.count, "seed": request.seed}

    def _made(self, use: FormUse, options: Mapping[str, Any]) -> TextRequest | None:
        from studio.jobs.forms.form_request import request_of

        try:
            request = request_of(use, options)
        except ProblemError as error:
            self._state.problem.emit(error.problem)
            return None
        if isinstance(request, TextRequest):
            return request
        # A form may be for another kind of work.
        self._state.destinations.run(request)
        return None
