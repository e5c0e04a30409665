"""The trash: deleted results, which can be restored until the user empties it."""

from __future__ import annotations

from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from studio.library.records import Asset
from studio.ui.gallery.asset_delegate import ROW_SIDE, AssetDelegate
from studio.ui.gallery.history_model import HistoryModel
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.long_list import LongList
from studio.ui.widgets.plain_text import plain_label


class TrashDialog(QDialog):
    """Not modal. Object names: `trash.dialog`, `trash.view`, `trash.restore`, `trash.empty`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setObjectName("trash.dialog")
        self.setWindowTitle(self.tr("Trash"))
        self.resize(72 * GRID, 60 * GRID)
        self.model = HistoryModel(state.background, self)
        self.view = LongList(self)
        self.view.setObjectName("trash.view")
        self.view.setAccessibleName(self.tr("Deleted results"))
        self.view.setModel(self.model)
        self.view.setItemDelegate(AssetDelegate(ROW_SIDE, self.view))
        self.view.update_row_height()
        self.view.activated.connect(lambda _: self._restore())
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self._about = plain_label(parent=self)
        self._about.setWordWrap(True)
        mute(self._about)
        self.restore_button = self._button("archive-restore", self.tr("Restore"), "trash.restore")
        self.empty_button = self._button("trash-2", self.tr("Empty the trash…"), "trash.empty")
        close = self._button("", self.tr("Close"), "trash.close")
        self._question = plain_label(parent=self)
        self._question.setWordWrap(True)
        self.confirm_button = self._button("trash-2", self.tr("Delete permanently"), "trash.sure")
        self._cancel_button = self._button("", self.tr("Cancel"), "trash.keep")
        self.restore_button.clicked.connect(self._restore)
        self.empty_button.clicked.connect(self._ask)
        self.confirm_button.clicked.connect(self._empty)
        self._cancel_button.clicked.connect(self._hide_question)
        close.clicked.connect(self.reject)
        self._lower = QStackedLayout()
        self._lower.addWidget(_row(self.restore_button, self.empty_button, None, close))
        self._lower.addWidget(_row(self._question, self.confirm_button, self._cancel_button))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self._about)
        layout.addWidget(self.view, 1)
        layout.addLayout(self._lower)
        state.assets_changed.connect(self.refresh)
        self._show([])
        self._about.clear()
        self.refresh()

    def refresh(self) -> None:
        """Read the trash again on another thread and update the list."""
        library = self._state.library
        if library is not None:
            self._state.background.read(
                self, library.trash.list, self._show, self._state.problem.emit
            )

    def _button(self, icon_name: str, text: str, name: str) -> QPushButton:
        button = QPushButton(icon(icon_name) if icon_name else QIcon(QPixmap()), text, self)
        button.setObjectName(name)
        button.setAccessibleName(text)
        button.setAutoDefault(False)
        return button

    def _show(self, assets: list[Asset]) -> None:
        self.model.show_all(assets)
        self._about.setText(
            self.tr("Deleted results stay here until you empty the trash.")
            if assets
            else self.tr("The trash is empty.")
        )
        # The focus rectangle makes the first row look selected, so select it.
        if assets and not self.view.selectionModel().hasSelection():
            self.view.setCurrentIndex(self.model.index(0))
        self._enable()

    def _enable(self) -> None:
        self.restore_button.setEnabled(self.view.selectionModel().hasSelection())
        self.empty_button.setEnabled(self.model.rowCount() > 0)

    def _restore(self) -> None:
        chosen = self.model.known(self.model.numbers(self.view.selected_rows()))
        ids = [asset.id for asset in chosen]
        if ids:
            self._state.change_assets(self, lambda library: library.trash.restore(ids))

    def _ask(self) -> None:
        count = self.model.rowCount()
        self._question.setText(
            self.tr("Permanently delete the result in the trash? This cannot be undone.")
            if count == 1
            else self.tr(
                "Permanently delete all {n} results in the trash? This cannot be undone."
            ).format(n=count)
        )
        self._lower.setCurrentIndex(1)
        self._cancel_button.setFocus()

    def _hide_question(self) -> None:
        self._lower.setCurrentIndex(0)
        self.view.setFocus()

    def _empty(self) -> None:
        self._hide_question()
        self._state.change_assets(self, lambda library: library.trash.empty())


def _row(*widgets: QWidget | None) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GRID)
    for widget in widgets:
        if widget is None:
            layout.addStretch(1)
        else:
            layout.addWidget(widget, 1 if isinstance(widget, QLabel) else 0)
    return row
