"""The Music tab: description, lyrics and controls on the left, the sound on the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.kinds.music import KIND, MusicRequest
from studio.protocol import Problem, Progress, Request
from studio.ui.fields.described_model import DescribedModel
from studio.ui.fields.prompt_edit import PromptEdit
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
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import one_line
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.music.music_controls import MusicControls
from studio.ui.workspaces.music.values import MusicValues

if TYPE_CHECKING:
    from studio.library.records import Asset, Job

TASK = KIND.task

_LINES = (3, 8)
"""Least and most lines of the prompt."""
_FIELDS = (
    *("lyrics", "language", "negative_prompt", "model", "seed", "seconds", "steps"),
    *("guidance_scale", "format", "loudness"),
)
"""The fields of a request that the controls hold as they are."""


class MusicTab(QWidget):
    """Submits one request; its results are the variations, one for each seed."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, MusicValues)
        self._shown = ""
        self._menu = ShownResultMenu(state, self)
        self.prompt = PromptEdit(
            self.tr("Style, instruments, mood and tempo"), "music.prompt", self
        )
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.grow(*_LINES)
        self.controls = MusicControls(state, self)
        self.run_bar = RunBar(TASK, KIND.fields["count"], stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.job = FollowedJob(state, self.run_bar, self._doing, self)
        self.described = DescribedModel(
            state, self.controls.model, self.run_bar, self.controls.apply_capabilities, self
        )
        self._offers = model_offers_of(state)
        self._empty = EmptyState(
            KIND.icon,
            self.tr("Generate music and sounds"),
            self.tr(
                "Describe the music, and write lyrics if the model sings. No model for this comes "
                "with the app: ACE-Step 1.5 (MIT licence) has about 12 GB, Stable Audio Open "
                "about 5 GB under a licence of its own."
            ),
            parent=self,
        )
        self.panel = SoundPanel("music", self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.panel.menu_requested.connect(self._open_menu)
        self.variations = Takes("music.variations", KIND.icon, self._title, self)
        self.variations.chosen.connect(self._show)
        self.result = QStackedWidget(self)
        self.result.setObjectName("music.result")
        self.result.setAccessibleName(self.tr("Result"))
        self.result.addWidget(self._empty)
        self.result.addWidget(self._shown_part())
        self.columns = Columns(self._left_column(), self.result, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self._load_values()
        self._connect()
        self._show_empty_actions()

    # ---- running

    def request(self) -> MusicRequest:
        """Return the request that the controls describe."""
        return self.controls.request(self.prompt.text(), self.run_bar.count.value())

    def generate(self) -> None:
        """Generate the music."""
        if self._state.models_known and not self._state.models(TASK):
            self._state.show_message(tr(KIND.no_model), "warning", *self._offers.action(TASK))
            return
        request = self.request()
        message = next((text for _, text in KIND.check(request)), None)
        if message is not None:
            self._state.show_message(translated(message), "warning")
            self.focus_prompt()
            return
        self._submit(request)

    def run(self, request: Request) -> None:
        """Show the settings of a request and submit it."""
        assert isinstance(request, MusicRequest)
        self.restore(request)
        self._submit(request)

    def take_text(self, text: str) -> None:
        """Use a text as the description."""
        self.prompt.set_text(text)
        self.focus_prompt()

    def show_job(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        self.job.show(job)

    def stop(self) -> None:
        """Cancel the job."""
        self.job.cancel()

    def focus_prompt(self) -> None:
        """Focus the description."""
        self.prompt.setFocus()

    def _submit(self, request: MusicRequest) -> None:
        self.job.submit([request])
        self.values_to_settings()

    def _follow(self, watch: JobWatch) -> None:
        self.variations.clear_all()
        watch.saved.connect(self._saved)

    def _doing(self, event: Progress) -> str:
        return self.tr("Step {step} of {steps}").format(step=event.step, steps=event.steps)

    def _saved(self, asset: Asset) -> None:
        self.variations.add(asset)
        self.controls.seed.set_last(asset.recipe.seed)

    # ---- showing

    def _title(self, asset: Asset) -> str:
        return self.tr("Seed {seed}").format(seed=asset.recipe.seed)

    def _show(self, asset: Asset) -> None:
        self._shown = asset.id
        path = asset.path

        def show(sound: ShownSound) -> None:
            if self._shown == asset.id:
                self.panel.show_sound(sound, one_line(path.name))
                self.result.setCurrentIndex(1)

        def unreadable(_problem: Problem) -> None:
            show(ShownSound(Path(path)))

        self._state.background.read(self, lambda: read_sound(path), show, unreadable)

    def _open_menu(self, at: QPoint) -> None:
        if self._shown:
            self._menu.open(self._shown, at)

    def _show_empty_actions(self) -> None:
        actions: list[tuple[str, Callable[[], object]]] = []
        if self._state.models_known and not self._state.models(TASK):
            actions.append(self._offers.action(TASK))
        else:
            actions.append((self.tr("Try an example"), self._try_example))
        self._empty.set_actions(actions)

    def _try_example(self) -> None:
        self.take_text(self.tr("Calm acoustic guitar with soft percussion, 80 bpm, for a morning"))

    # ---- the model

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.described.ask()

    # ---- set-up

    def _left_column(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, GRID // 2, 0)
        column.setSpacing(GRID)
        controls = ScrollColumn(left, fills=True)
        controls.add(self.prompt)
        controls.add(self.controls)
        column.addWidget(controls, 1)
        column.addWidget(self.run_bar)
        return left

    def _shown_part(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(GRID, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.variations)
        column.addWidget(self.panel, 1)
        return part

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.generate)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.job.watched.connect(self._follow)
        estimate = RequestEstimate(self._state, self.run_bar, self._requests, self)
        for signal in (self.prompt.textChanged, self.run_bar.count_changed, self.controls.changed):
            signal.connect(estimate.update_soon)
            signal.connect(self.values_to_settings)
        self._state.reports.model_described.connect(estimate.update_soon)
        self._offers.changed.connect(self._show_empty_actions)
        self._state.models_changed.connect(self._show_empty_actions)
        self._state.closing.connect(self.panel.playback.stop)

    def _requests(self) -> list[MusicRequest]:
        request = self.request()
        return [] if any(KIND.check(request)) else [request]

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
        if not isinstance(request, MusicRequest):
            return
        values = MusicValues(more_open=self.controls.more.is_open())
        for name in _FIELDS:
            setattr(values, name, getattr(request, name))
        self.prompt.set_text(request.prompt)
        self.run_bar.count.setValue(request.count)
        self.controls.set_values(values)
        if not isinstance(source, Request):
            self.variations.clear_all()
            self.variations.add(source)
        self.values_to_settings()
