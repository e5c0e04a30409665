"""The Voice tab: text and controls on the left, the sound and its words on the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.kinds.speech import KIND, SpeechRequest
from studio.protocol import Problem, Request
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.gallery.review_states import text_note
from studio.ui.gallery.shown_result_menu import ShownResultMenu
from studio.ui.media.sound.sound_panel import ShownSound, SoundPanel, read_sound
from studio.ui.media.takes import Takes
from studio.ui.shell.followed_job import FollowedJob
from studio.ui.shell.job_watch import JobWatch
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.request_estimate import RequestEstimate
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.speech.sentence_preview import SentencePreview
from studio.ui.workspaces.speech.speech_controls import SpeechControls, voice_title
from studio.ui.workspaces.speech.values import SpeechValues

if TYPE_CHECKING:
    from studio.library.records import Asset, Job

TASK = KIND.task

_WIDTH = 43 * GRID

_LINES = (6, 16)
"""Least and most lines of the text."""


class SpeechTab(QWidget):
    """Submits one request; its results are the variations, one for each voice."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, SpeechValues)
        self._shown = ""
        self._menu = ShownResultMenu(state, self)
        self.prompt = PromptEdit(
            self.tr("Text or Markdown in English or Chinese, also mixed"), "speech.prompt", self
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.grow(*_LINES)
        self.controls = SpeechControls(state, self)
        self.preview = SentencePreview(state, self.prompt, self.request, self)
        self.run_bar = RunBar(
            TASK,
            KIND.fields["count"],
            generate_text=self.tr("Read aloud"),
            stacked=True,
            parent=self,
        )
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.job = FollowedJob(state, self.run_bar, lambda _: self.tr("Speaking"), self)
        self._offers = model_offers_of(state)
        self._empty = EmptyState(
            KIND.icon,
            self.tr("Read a text aloud"),
            self.tr(
                "Write or paste a text on the left and press Read aloud. Numbers, dates and units "
                "are read as words; the sound file knows when each word is said."
            ),
            parent=self,
        )
        self.panel = SoundPanel("speech", self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.panel.menu_requested.connect(self._open_menu)
        self.takes = Takes("speech.takes", KIND.icon, _voice_of, self)
        self.takes.chosen.connect(self._show)
        self.result = QStackedWidget(self)
        self.result.setObjectName("speech.result")
        self.result.setAccessibleName(self.tr("Result"))
        self.result.addWidget(self._empty)
        self.result.addWidget(self._shown_part())
        self.columns = Columns(self._left_column(), self.result, self, left_width=_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._load_values()
        self._connect()
        self._show_empty_actions()

    # ---- running

    def request(self) -> SpeechRequest:
        """Return the request that the controls describe."""
        values = SpeechValues()
        self.controls.read_values(values)
        fields = {name: getattr(values, name) for name in _SENT}
        return SpeechRequest(prompt=self.prompt.text(), **fields, count=self.run_bar.count.value())

    def generate(self) -> None:
        """Read the text aloud."""
        if self._state.models_known and not self._state.models(TASK):
            self._state.show_message(tr(KIND.no_model), "warning", *self._offers.action(TASK))
            return
        request = self.request()
        if not request.prompt.strip():
            self._state.show_message(self.tr("Write a text first."), "warning")
            self.focus_prompt()
            return
        self._submit(request)

    def run(self, request: Request) -> None:
        """Show the settings of a request and submit it."""
        assert isinstance(request, SpeechRequest)
        self.restore(request)
        self._submit(request)

    def take_text(self, text: str) -> None:
        """Use a text as what is read next."""
        self.prompt.set_text(text)
        self.focus_prompt()

    def show_job(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        self.job.show(job)

    def stop(self) -> None:
        """Cancel the job, and what is tried."""
        self.preview.stop()
        self.job.cancel()

    def focus_prompt(self) -> None:
        """Focus the text."""
        self.prompt.setFocus()

    def _submit(self, request: SpeechRequest) -> None:
        self.job.submit([request])
        self.values_to_settings()

    def _follow(self, watch: JobWatch) -> None:
        self.takes.clear_all()
        watch.saved.connect(self.takes.add)

    # ---- showing

    def _show(self, asset: Asset) -> None:
        """Show a result of this tab."""
        self._shown = asset.id
        path = asset.path

        def show(sound: ShownSound) -> None:
            if self._shown == asset.id:
                self.panel.show_sound(sound, _voice_of(asset))
                self.panel.transcript.note = text_note(asset.review_state)
                self.result.setCurrentIndex(1)

        def unreadable(_problem: Problem) -> None:
            show(ShownSound(Path(path)))

        self._state.background.read(self, lambda: read_sound(path), show, unreadable)

    def _play_preview(self, sound: ShownSound, sentence: str) -> None:
        """Show a sentence that was spoken for a try, and play it."""
        self._shown = ""
        self.takes.clear_all()
        self.panel.show_sound(sound, sentence)
        self.panel.transcript.note = ""
        self.result.setCurrentIndex(1)
        self.panel.playback.play()

    def _open_menu(self, at: QPoint) -> None:
        if self._shown:
            self._menu.open(self._shown, at)

    def _show_empty_actions(self) -> None:
        actions: list[tuple[str, Callable[[], object]]] = [
            (self.tr("Try an example"), self._try_example)
        ]
        if self._state.models_known and not self._state.models(TASK):
            actions.insert(0, self._offers.action(TASK))
        self._empty.set_actions(actions)

    def _try_example(self) -> None:
        self.prompt.set_text(
            self.tr(
                "# Welcome\n\nPrompt Studio reads texts aloud. It costs $4.50 less than before, "
                "and on 2026-11-30 it will be open at 9:30 am."
            )
        )
        self.focus_prompt()

    # ---- set-up

    def _left_column(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, GRID // 2, 0)
        column.setSpacing(GRID)
        controls = ScrollColumn(left, fills=True)
        controls.add(self.prompt)
        controls.add(self.preview)
        controls.add(self.controls)
        column.addWidget(controls, 1)
        column.addWidget(self.run_bar)
        return left

    def _shown_part(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(GRID, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.takes)
        column.addWidget(self.panel, 1)
        return part

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.generate)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.job.watched.connect(self._follow)
        estimate = RequestEstimate(self._state, self.run_bar, self._requests, self)
        self.prompt.textChanged.connect(estimate.update_soon)
        self.run_bar.count_changed.connect(estimate.update_soon)
        self.controls.changed.connect(estimate.update_soon)
        self.controls.changed.connect(self.values_to_settings)
        self.controls.changed.connect(self.preview.prepare_soon)
        self._offers.changed.connect(self._show_empty_actions)
        self._state.models_changed.connect(self._show_empty_actions)
        self.preview.spoken.connect(self._play_preview)
        self._state.closing.connect(self.panel.playback.stop)

    def _requests(self) -> list[SpeechRequest]:
        request = self.request()
        return [request] if request.prompt.strip() else []

    def _load_values(self) -> None:
        self.prompt.set_text(self._values.prompt)
        self.run_bar.count.setValue(self._values.count)
        self.controls.set_values(self._values)

    def values_to_settings(self) -> None:
        """Store the values of the controls; they are written to the file soon."""
        self.controls.read_values(self._values)
        self._values.prompt = self.prompt.text()
        self._values.count = self.run_bar.count.value()
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or those in an asset's recipe."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, SpeechRequest):
            return
        values = SpeechValues(more_open=self.controls.more.is_open())
        for name in (*_SENT, "prompt", "count"):
            setattr(values, name, getattr(request, name))
        self.prompt.set_text(values.prompt)
        self.run_bar.count.setValue(values.count)
        self.controls.set_values(values)
        if not isinstance(source, Request):
            self.takes.clear_all()
            self.takes.add(source)
        self.values_to_settings()


def _voice_of(asset: Asset) -> str:
    return voice_title(str(getattr(asset.recipe.request, "voice", "")))


_SENT = ("voice", "speed", "format", "pause", "loudness", "pronunciations", "cast", "model")
"""The fields of a request that the controls hold."""
