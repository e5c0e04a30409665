"""The models in the trash: bring them back, or free their space."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from studio.protocol import Problem, ProblemError, readable_size
from studio.ui.models.delete_question import DeleteQuestion
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import time_ago_text
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.registry import Registry
    from studio.models.storage.model_trash import RemovedModel

_KEY = Qt.ItemDataRole.UserRole


class TrashDialog(QDialog):
    """Not modal. Object names: `models.trash`, `models.trash.restore`, `models.trash.empty`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._size = 0
        self.setObjectName("models.trash")
        self.setWindowTitle(self.tr("Removed models"))
        self.resize(72 * GRID, 48 * GRID)
        self.about = TintedLabel(self)
        self.about.setWordWrap(True)
        self.view = QTreeWidget(self)
        self.view.setObjectName("models.trash.view")
        self.view.setAccessibleName(self.windowTitle())
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        self.view.setHeaderLabels([self.tr("Name"), self.tr("On disk"), self.tr("Removed")])
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.view.itemSelectionChanged.connect(self._enable)
        self.restore = dialog_button(
            self.tr("Restore"), "models.trash.restore", self._restore, self, "archive-restore"
        )
        self.empty = dialog_button(
            self.tr("Empty the trash…"), "models.trash.empty", self._ask, self, "trash-2"
        )
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.restore)
        row.addWidget(self.empty)
        row.addStretch(1)
        row.addWidget(close_buttons(self))
        fill_dialog(self, self.about, self.view, row, stretched=self.view)
        state.models_changed.connect(self.refresh)
        self._enable()
        self.refresh()

    def refresh(self) -> None:
        """Read the trash again on another thread."""
        paths = self._state.paths

        def read() -> tuple[RemovedModel, ...]:
            from studio.models.storage.model_trash import removed_models

            return removed_models(paths)

        self._state.background.waiting(self, read, self._show, self._failed)

    # ---- private

    def _show(self, removed: tuple[RemovedModel, ...]) -> None:
        self._size = sum(each.size for each in removed)
        self.view.clear()
        now = datetime.now(UTC)
        for each in removed:
            then = datetime.fromtimestamp(each.removed_at, UTC)
            item = QTreeWidgetItem(
                self.view,
                [one_line(each.name), readable_size(each.size), time_ago_text(then, now)],
            )
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(0, plain_tooltip(each.origin))
            item.setData(0, _KEY, each.key)
            if self.view.currentItem() is None:
                self.view.setCurrentItem(item)
        if removed:
            text = self.tr("The trash of the models folder takes {size}.")
            self.about.show_text(text.format(size=readable_size(self._size)))
        else:
            self.about.show_text(self.tr("The trash is empty."))
        self._enable()

    def _failed(self, problem: Problem) -> None:
        self.about.show_text(translated(problem.message), "error")

    def _enable(self) -> None:
        self.restore.setEnabled(bool(self.view.selectedItems()))
        self.empty.setEnabled(self.view.topLevelItemCount() > 0)

    def _restore(self) -> None:
        keys = [str(item.data(0, _KEY)) for item in self.view.selectedItems()]
        paths = self._state.paths

        def restore(registry: Registry) -> Problem | None:
            from studio.models.storage.model_trash import restore_model

            failed = None
            for key in keys:
                try:
                    restore_model(registry, paths, key)
                except ProblemError as error:
                    failed = error.problem
            return failed

        def restored(failed: Problem | None) -> None:
            if failed is not None:
                self._failed(failed)

        self._state.change_models(restore, restored, self._failed)

    def _ask(self) -> None:
        dialog = DeleteQuestion(
            self.tr("Empty the trash"),
            self.tr("Delete the removed models for good? This frees {size}.").format(
                size=readable_size(self._size)
            ),
            self.tr("Delete permanently"),
            self.tr("Keep them"),
            self,
        )
        dialog.accepted.connect(self.delete_all)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def delete_all(self) -> None:
        """Delete everything in the trash for good."""
        paths = self._state.paths
        self.empty.setEnabled(False)

        def delete() -> int:
            from studio.models.storage.model_trash import empty_trash

            return empty_trash(paths)

        self._state.background.long(self, delete, lambda _: self.refresh(), self._failed)
