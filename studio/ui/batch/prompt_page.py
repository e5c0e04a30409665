"""The prompt page of the batch dialog: a prompt with alternatives and wildcards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from studio.jobs.prompt_alternatives import WILDCARD_FOLDER, expand_all
from studio.kinds.registry import AnyKind
from studio.kinds.requests import prompt_of
from studio.protocol import Problem, Request
from studio.ui.batch.plan import Plan
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import plain_label

_DEBOUNCE_MS = 300
_PREVIEWED = 50


class PromptPage(QWidget):
    """Shows the number of prompts and the first of them. Other settings come from the tab."""

    planned = Signal(object)
    """A `Plan`, or None while there is nothing to run."""

    def __init__(
        self,
        state: AppState,
        kind: AnyKind,
        base: Callable[[], Request],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._base = base
        self._expanding: tuple[str, Request, Path] | None = None
        folder = state.paths.settings.parent / WILDCARD_FOLDER
        self._folder = folder
        intro = plain_label(
            self.tr(
                "Write alternatives like {example}. __animal__ stands for each line of the file"
                " animal.txt in {folder}. All other settings come from the {tab} tab."
            ).format(example="{red|blue}", folder=folder, tab=tr(kind.title)),
            self,
        )
        intro.setWordWrap(True)
        mute(intro)
        self.prompt = QPlainTextEdit(self)
        break_long_words(self.prompt)
        self.prompt.setPlainText(prompt_of(base()))
        self.prompt.setObjectName("batch.prompt")
        self.prompt.setAccessibleName(self.tr("Prompt with alternatives"))
        self.prompt.setTabChangesFocus(True)
        self.summary = plain_label(parent=self)
        self.summary.setObjectName("batch.prompt.summary")
        self.summary.setWordWrap(True)
        self.preview = QPlainTextEdit(self)
        break_long_words(self.preview)
        self.preview.setObjectName("batch.prompt.preview")
        self.preview.setAccessibleName(self.tr("The first prompts"))
        self.preview.setReadOnly(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(intro)
        layout.addWidget(self.prompt, 1)
        layout.addWidget(self.summary)
        layout.addWidget(self.preview, 2)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_DEBOUNCE_MS)
        self._typing.timeout.connect(self.update_plan)
        self.prompt.textChanged.connect(self._typed)

    def update_plan(self) -> None:
        """Expand the prompt on another thread and emit `planned`."""
        text = self.prompt.toPlainText().strip()
        base, folder = self._base(), self._folder
        # The prompt may be expanded for other settings at the same time.
        wanted = self._expanding = (text, base, folder)
        self.planned.emit(None)
        if not text:
            self.summary.setText(self.tr("Write a prompt first."))
            self.preview.clear()
            return
        self.summary.setText(self.tr("Expanding the prompt…"))

        def work() -> Plan:
            prompts = expand_all(text, folder)
            requests = tuple(base.with_values(prompt=prompt) for prompt in prompts)
            return Plan(requests, tuple({"prompt": prompt} for prompt in prompts), ("prompt",))

        def done(plan: Plan) -> None:
            if wanted == self._expanding:
                self._show(plan)

        def failed(problem: Problem) -> None:
            if wanted == self._expanding:
                self.summary.setText(translated(problem.message))
                self.preview.clear()

        self._state.background.read(self, work, done, failed)

    def _show(self, plan: Plan) -> None:
        count = len(plan.requests)
        self.summary.setText(
            self.tr("1 prompt") if count == 1 else self.tr("{count} prompts").format(count=count)
        )
        first = [labels["prompt"] for labels in plan.labels[:_PREVIEWED]]
        self.preview.setPlainText("\n".join(first))
        self.planned.emit(plan)

    def _typed(self) -> None:
        self.planned.emit(None)
        self._typing.start()
