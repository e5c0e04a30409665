"""Weights that are on the disk more than once, found by their hashes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QProgressBar,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from studio.protocol import Problem, problem, readable_size
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.storage.duplicates import DuplicateFile, Duplicates

_FILE = Qt.ItemDataRole.UserRole


class DuplicatesDialog(QDialog):
    """Not modal; closing it ends the search. Hashes found so far are kept for the next one."""

    model_chosen = Signal(str)
    """The id of a model to show in the list, where it can be removed."""
    _progressed = Signal(float)

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._stop = threading.Event()
        self._names = {model.id: model.name for model in state.all_models}
        self.setObjectName("models.duplicates")
        self.setWindowTitle(self.tr("Duplicates"))
        self.resize(88 * GRID, 54 * GRID)
        self.about = TintedLabel(self)
        self.about.setWordWrap(True)
        self.about.show_text(self.tr("Comparing the files of the models…"))
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID // 2)
        self.progress.setAccessibleName(self.tr("Progress"))
        self.view = QTreeWidget(self)
        self.view.setObjectName("models.duplicates.view")
        self.view.setAccessibleName(self.windowTitle())
        self.view.setHeaderHidden(True)
        self.view.setColumnCount(1)
        self.view.setRootIsDecorated(False)
        self.view.currentItemChanged.connect(lambda *_: self._enable())
        self.show_model = dialog_button(
            self.tr("Show in the list"), "models.duplicates.show", self._show_model, self
        )
        self.open_folder = dialog_button(
            self.tr("Open folder"), "models.duplicates.open", self._open, self, "folder-open"
        )
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.show_model)
        row.addWidget(self.open_folder)
        row.addStretch(1)
        row.addWidget(close_buttons(self))
        fill_dialog(self, self.about, self.progress, self.view, row, stretched=self.view)
        self._progressed.connect(self._show_progress)
        state.closing.connect(self._stop.set)
        self._enable()
        self._search()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._stop.set()
        super().closeEvent(event)

    # ---- private

    def _search(self) -> None:
        models, cache, stop = self._state.all_models, self._state.paths.cache, self._stop
        progressed = self._progressed

        def report(done: int, total: int) -> None:
            progressed.emit(done / total if total else 0.0)

        def check() -> None:
            if stop.is_set():
                raise problem("cancelled", "The search was cancelled.")

        def search() -> list[Duplicates]:
            from studio.models.storage.duplicates import find_duplicates

            return find_duplicates(models, cache, report, check)

        self._state.background.long(self, search, self._show, self._failed)

    def _show_progress(self, share: float) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * share))

    def _show(self, found: list[Duplicates]) -> None:
        self.progress.hide()
        if not found:
            self.about.show_text(self.tr("No weights are there twice."), "success")
            return
        wasted = readable_size(sum(group.wasted for group in found))
        text = self.tr("The copies take {size}. Models that you do not need can be removed.")
        self.about.show_text(text.format(size=wasted))
        for group in found:
            title = self.tr("{n} copies of {size} each").format(
                n=len(group.files), size=readable_size(group.size)
            )
            parent = QTreeWidgetItem(self.view, [title])
            parent.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for file in group.files:
                names = ", ".join(one_line(self._names.get(id, id)) for id in file.models)
                item = QTreeWidgetItem(parent, [one_line(f"{names} · {file.path}", 400)])
                item.setToolTip(0, plain_tooltip(file.path))
                item.setData(0, _FILE, file)
            parent.setExpanded(True)
        self._enable()

    def _failed(self, found: Problem) -> None:
        self.progress.hide()
        is_problem = found.kind != "cancelled"
        self.about.show_text(translated(found.message), "error" if is_problem else None)

    def _chosen(self) -> DuplicateFile | None:
        item = self.view.currentItem()
        file: DuplicateFile | None = item.data(0, _FILE) if item is not None else None
        return file

    def _enable(self) -> None:
        file = self._chosen()
        self.show_model.setEnabled(file is not None and bool(file.models))
        self.open_folder.setEnabled(file is not None)

    def _show_model(self) -> None:
        file = self._chosen()
        if file is not None and file.models:
            self.model_chosen.emit(file.models[0])
            self.close()

    def _open(self) -> None:
        file = self._chosen()
        if file is not None:
            open_path(Path(file.path).parent, self._state.show_message)
