"""The Describe tab: pictures, a prompt and controls on the left, the texts on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.kinds.describe import DEFAULT_PROMPT, KIND, DescribeRequest
from studio.protocol import InputFile, Progress, Request, TextDelta
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import number_field
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.seed_field import SeedField
from studio.ui.gallery.review_states import text_note
from studio.ui.gallery.shown_result_menu import ShownResultMenu
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
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.columns import Columns
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.marked_selection import MarkedTextView
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.describe.picture_list import MOST, PictureList
from studio.ui.workspaces.describe.values import DescribeValues

if TYPE_CHECKING:
    from studio.library.records import Asset, Job

TASK = KIND.task

_LINES = (2, 6)
"""Least and most lines of the prompt."""


class DescribeTab(QWidget):
    """Submits a request for each picture; its results are the texts."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, DescribeValues)
        self._shown = ""
        self._menu = ShownResultMenu(state, self)
        self.setAcceptDrops(True)
        self.pictures = PictureList(state, KIND.fields["input"], self)
        self.prompt = PromptEdit(DEFAULT_PROMPT, "describe.prompt", self)
        self.prompt.setAccessibleName(tr(KIND.fields["prompt"].label))
        self.prompt.grow(*_LINES)
        self.model = ModelPicker(state, TASK, self)
        self.max_tokens = number_field(KIND, "max_tokens")
        self.temperature = number_field(KIND, "temperature")
        self.seed = SeedField("describe.seed", self)
        self.more = CollapsibleSection(self.tr("Advanced"), "describe.more", self)
        for widget in (self.max_tokens, self.temperature, self.seed):
            self.more.add(widget)
        self.run_bar = RunBar(TASK, KIND.fields["count"], stacked=True, parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.job = FollowedJob(state, self.run_bar, self._doing, self)
        self._offers = model_offers_of(state)
        self._empty = EmptyState(
            KIND.icon,
            self.tr("Captions and answers about pictures"),
            self.tr(
                "Add pictures, and ask something about them, or leave the prompt empty for a "
                "description. No model for this comes with the app; small ones have about 1 GB."
            ),
            parent=self,
        )
        self.text = MarkedTextView(self)
        self.text.setObjectName("describe.text")
        self.text.setAccessibleName(self.tr("Text"))
        self.text.setReadOnly(True)
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.text.customContextMenuRequested.connect(self._open_menu)
        self.texts = Takes("describe.texts", KIND.icon, _title, self)
        self.texts.chosen.connect(self._show)
        self.result = QStackedWidget(self)
        self.result.setObjectName("describe.result")
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

    def requests(self) -> list[DescribeRequest]:
        """Return the requests that the controls describe, one for each picture."""
        values = DescribeValues()
        self._read_values(values)
        return [
            DescribeRequest(
                input=InputFile(str(path)),
                prompt=values.prompt,
                model=values.model,
                seed=values.seed,
                count=values.count,
                max_tokens=values.max_tokens,
                temperature=values.temperature,
            )
            for path in self.pictures.paths()
        ]

    def generate(self) -> None:
        """Write about the pictures."""
        if self._state.models_known and not self._state.models(TASK):
            self._state.show_message(tr(KIND.no_model), "warning", *self._offers.action(TASK))
            return
        requests = self.requests()
        if not requests:
            self._state.show_message(self.tr("Add a picture first."), "warning")
            return
        message = next((text for _, text in KIND.check(requests[0])), None)
        if message is not None:
            self._state.show_message(translated(message), "warning")
            self.focus_prompt()
            return
        self.job.submit(requests)
        self.values_to_settings()

    def run(self, request: Request) -> None:
        """Show the settings of a request and submit it."""
        assert isinstance(request, DescribeRequest)
        self.restore(request)
        self.job.submit([request])
        self.values_to_settings()

    def take(self, paths: Sequence[Path]) -> None:
        """Add pictures, also those in folders."""
        self.pictures.take(paths)

    def show_job(self, job: Job) -> None:
        """Follow a job that was submitted elsewhere."""
        self.job.show(job)

    def stop(self) -> None:
        """Cancel the jobs."""
        self.job.cancel()

    def focus_prompt(self) -> None:
        """Focus the prompt."""
        self.prompt.setFocus()

    def _follow(self, watch: JobWatch) -> None:
        self.texts.clear_all()
        self._shown = ""
        self.text.clear()
        watch.text.connect(self._write)
        watch.saved.connect(self.texts.add)

    def _doing(self, _event: Progress) -> str:
        watch = self.job.watch
        if watch is None or len(watch.jobs) < 2:
            return self.tr("Writing")
        return self.tr("Picture {number} of {all}").format(
            number=min(watch.ended_jobs + 1, len(watch.jobs)), all=len(watch.jobs)
        )

    # ---- showing

    def _write(self, event: TextDelta) -> None:
        """Show the text of the first result while it is written."""
        if not self._shown and not event.row and not self.texts.count():
            self.text.setPlainText(self.text.toPlainText() + event.text)
            self.result.setCurrentIndex(1)

    def _show(self, asset: Asset) -> None:
        self._shown = asset.id
        self.text.setPlainText(asset.text)
        self.text.note = text_note(asset.review_state)
        self.result.setCurrentIndex(1)

    def _open_menu(self, at: QPoint) -> None:
        if self._shown:
            self._menu.open(self._shown, self.text.mapToGlobal(at))

    def _show_empty_actions(self) -> None:
        actions: list[tuple[str, Callable[[], object]]] = []
        if self._state.models_known and not self._state.models(TASK):
            actions.append(self._offers.action(TASK))
        self._empty.set_actions(actions)

    # ---- set-up

    def _left_column(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, GRID // 2, 0)
        column.setSpacing(GRID)
        controls = ScrollColumn(left, fills=True)
        for widget in (self.pictures, self.prompt, self.model, self.more):
            controls.add(widget)
        column.addWidget(controls, 1)
        column.addWidget(self.run_bar)
        return left

    def _shown_part(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(GRID, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.texts)
        column.addWidget(self.text, 1)
        return part

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.generate)
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.job.watched.connect(self._follow)
        self.pictures.too_many.connect(
            lambda: self._state.show_message(
                self.tr("The list holds {most} pictures. The others were left out.").format(
                    most=MOST
                ),
                "warning",
            )
        )
        estimate = RequestEstimate(self._state, self.run_bar, self.requests, self)
        for signal in (
            self.prompt.textChanged,
            self.run_bar.count_changed,
            self.pictures.changed,
            self.model.changed,
            self.max_tokens.changed,
            self.temperature.changed,
            self.seed.changed,
            self.more.toggled,
        ):
            signal.connect(estimate.update_soon)
            signal.connect(self.values_to_settings)
        self._offers.changed.connect(self._show_empty_actions)
        self._state.models_changed.connect(self._show_empty_actions)

    def _load_values(self) -> None:
        self._show_values(self._values)

    def _show_values(self, values: DescribeValues) -> None:
        self.prompt.set_text(values.prompt)
        self.run_bar.count.setValue(values.count)
        self.model.set_model_id(values.model)
        self.max_tokens.set_value(values.max_tokens)
        self.temperature.set_value(values.temperature)
        self.seed.set_value(values.seed)
        self.more.set_open(values.more_open)

    def _read_values(self, values: DescribeValues) -> None:
        values.prompt = self.prompt.text()
        values.count = self.run_bar.count.value()
        values.model = self.model.model_id()
        values.max_tokens = self.max_tokens.int_value()
        values.temperature = self.temperature.value()
        values.seed = self.seed.value()
        values.more_open = self.more.is_open()

    def values_to_settings(self, *_: object) -> None:
        """Store the values of the controls; they are written to the file soon."""
        self._read_values(self._values)
        self._state.save_soon()

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a request, or those in an asset's recipe."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, DescribeRequest):
            return
        self._show_values(
            DescribeValues(
                prompt=request.prompt,
                model=request.model,
                count=request.count,
                seed=request.seed,
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                more_open=self.more.is_open(),
            )
        )
        self.pictures.clear()
        self.pictures.set_added([Path(request.input.path)])
        if not isinstance(source, Request):
            self.texts.clear_all()
            self.texts.add(source)
        self.values_to_settings()

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = accepted_paths(event, dropped_paths)
        if paths:
            self.take(paths)


def _title(asset: Asset) -> str:
    request = asset.recipe.request
    name = Path(request.input.path).name if isinstance(request, DescribeRequest) else ""
    return f"{name} · {tr('Seed {seed}').format(seed=asset.recipe.seed)}"
