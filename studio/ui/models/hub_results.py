"""What a search in the hub found: for each model, whether this app can load it, and its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.registry import kinds
from studio.protocol import Problem, readable_size
from studio.ui.models.model_getter import ModelGetter
from studio.ui.shell.kind_labels import task_title
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import PrimaryButton, dialog_button
from studio.ui.widgets.open_link_dialog import OpenLinkDialog
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.jobs.get_model import Plan
    from studio.models.hub.description import HubModel

MOST = 20
"""Results that are shown."""


class HubResults(QWidget):
    """Each result is looked at in turn; a new search or `stop` ends that."""

    closed = Signal()

    def __init__(self, state: AppState, getter: ModelGetter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._getter = getter
        self._number = 0
        self.rows: list[ResultRow] = []
        self.setObjectName("get.results")
        self.status = TintedLabel(self)
        self.status.setObjectName("get.found")
        self.status.setWordWrap(True)
        back = dialog_button(self.tr("Back to the suggestions"), "get.back", self.closed.emit, self)
        self._column = ScrollColumn(self, fills=True)
        top = QHBoxLayout()
        top.addWidget(self.status, 1)
        top.addWidget(back, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(top)
        layout.addWidget(self._column, 1)

    def search(self, text: str, task: str) -> None:
        """Look at an address, a path or a repository; search for anything else."""
        self.stop()
        self._clear()
        self.status.show_text(self.tr("Asking the hub…"))
        number = self._number
        if _is_address(text):
            row = self._add_row(text, "")
            self.status.show_text("")
            self._look_at(row, text, number, follow=False)
            return
        settings = self._state.settings
        tags = kinds()[task].hub_tags if task else ()

        def ask() -> tuple[HubModel, ...]:
            from studio.jobs.get_model import hub_client

            return hub_client(settings).search(text, tags=tags, limit=MOST)

        def found(models: tuple[HubModel, ...]) -> None:
            if number == self._number:
                self._show(models, number)

        def failed(problem: Problem) -> None:
            if number == self._number:
                self.status.show_text(translated(problem.message), "error")

        self._state.background.waiting(self, ask, found, failed)

    def stop(self) -> None:
        """Look at no further result."""
        self._number += 1

    # ---- private

    def _clear(self) -> None:
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = []

    def _show(self, models: tuple[HubModel, ...], number: int) -> None:
        if not models:
            self.status.show_text(self.tr("Nothing was found. Try fewer words."), "warning")
            return
        self.status.show_text(self.tr("Models found: {n}").format(n=len(models)))
        for model in models:
            self._add_row(model.repository, self._summary(model), model.page)
        self._look_at(self.rows[0], models[0].repository, number, follow=True)

    def _add_row(self, name: str, summary: str, page: str = "") -> ResultRow:
        row = ResultRow(name, summary, page, self._column.content)
        row.get.clicked.connect(lambda: self._get(row))
        self.rows.append(row)
        self._column.add(row)
        return row

    def _look_at(self, row: ResultRow, text: str, number: int, *, follow: bool) -> None:
        """Ask what would be downloaded for a result, then look at the next one."""

        def next_one() -> None:
            index = self.rows.index(row) + 1
            if follow and index < len(self.rows):
                self._look_at(self.rows[index], self.rows[index].name, number, follow=True)

        def planned(plan: Plan) -> None:
            if number == self._number:
                row.show_plan(plan)
                next_one()

        def failed(problem: Problem) -> None:
            if number == self._number:
                row.show_problem(problem)
                if problem.kind == "bad_input":  # otherwise the hub does not answer
                    next_one()

        self._getter.plan(text, planned, failed)

    def _get(self, row: ResultRow) -> None:
        if row.plan is not None:
            self._getter.get_plan(row.plan)

    def _summary(self, model: HubModel) -> str:
        task = next(
            (task for task, kind in kinds().items() if model.pipeline_tag in kind.hub_tags), ""
        )
        parts = [
            task_title(task) if task else model.pipeline_tag,
            model.licence,
            self.tr("{n} downloads a month").format(n=f"{model.downloads:,}"),
            self.tr("changed {date}").format(date=model.updated) if model.updated else "",
            self.tr("its terms must be accepted first") if model.is_gated else "",
        ]
        return one_line(" · ".join(part for part in parts if part), 300)


class ResultRow(QFrame):
    """A model of the hub, or what an address leads to."""

    def __init__(self, name: str, summary: str, page: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.plan: Plan | None = None
        self._page = page
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(one_line(name))
        self.title = plain_label(one_line(name), self)
        self.title.setWordWrap(True)
        emphasise(self.title)
        self.summary = plain_label(summary, self)
        self.summary.setWordWrap(True)
        self.summary.setVisible(bool(summary))
        mute(self.summary)
        self.about = TintedLabel(self)
        self.about.setWordWrap(True)
        self.about.show_text(self.tr("Looking at its files…"))
        self.get = PrimaryButton(self.tr("Get"), "download", "", self)
        self.get.setAutoDefault(False)
        self.get.setEnabled(False)
        self.page = dialog_button(self.tr("Page…"), "", self._open_page, self, "external-link")
        self.page.setVisible(bool(page))
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        for label in (self.title, self.summary, self.about):
            texts.addWidget(label)
        buttons = QVBoxLayout()
        buttons.setSpacing(GRID // 2)
        buttons.addWidget(self.get)
        buttons.addWidget(self.page)
        buttons.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(texts, 1)
        layout.addLayout(buttons)

    def show_plan(self, plan: Plan) -> None:
        """Show what would be downloaded."""
        from studio.jobs.get_model import LocalCopy

        self.plan = plan
        if isinstance(plan, LocalCopy):
            self.title.setText(one_line(plan.path.name))
            self.about.show_text(
                self.tr("On this computer: {size} to copy into the models folder").format(
                    size=readable_size(plan.size)
                )
            )
            self._offer(readable_size(plan.size))
            return
        item = plan.item
        size = "" if item.size is None else readable_size(item.size)
        self.title.setText(one_line(item.title))
        weights = max(item.files, key=lambda file: file.size or 0)
        parts = [
            self.tr("1 file")
            if len(item.files) == 1
            else self.tr("{n} files").format(n=len(item.files)),
            size or self.tr("size unknown"),
            weights.name,
        ]
        notes = [translated(note) for note in plan.notes]
        text = "\n".join([one_line(" · ".join(parts), 300), *notes])
        self.about.show_text(text, "warning" if notes else None)
        self._offer(size)

    def show_problem(self, problem: Problem) -> None:
        """Show why it cannot be loaded."""
        self.about.show_text(translated(problem.message), "error")

    def _offer(self, size: str) -> None:
        text = self.tr("Get ({size})").format(size=size) if size else self.tr("Get")
        self.get.setText(text)
        self.get.setAccessibleName(f"{text}: {one_line(self.name)}")
        self.get.setEnabled(True)

    def _open_page(self) -> None:
        OpenLinkDialog(QUrl(self._page), self).open()

    def sizeHint(self) -> QSize:
        return QSize(40 * GRID, super().sizeHint().height())


def _is_address(text: str) -> bool:
    """Return whether a text is a repository, an address or a path, not words to search for."""
    if " " in text and not text.startswith(("/", "~", ".", "file:")) and text[1:2] != ":":
        return False
    return "/" in text or "\\" in text or text.startswith("~")
