"""The table of a mail merge."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from studio.ui.workspaces.text.forms.merge_model import MergeModel


class MergeView(QTableView):
    """Object name: `merge.rows`."""

    def __init__(self, model: MergeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._merge = model
        self.setObjectName("merge.rows")
        self.setAccessibleName(self.tr("Rows"))
        self.setModel(model)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            # The view would copy a result without its mark.
            if self.currentIndex().isValid():
                QGuiApplication.clipboard().setText(self._merge.copied(self.currentIndex()))
            return
        super().keyPressEvent(event)
