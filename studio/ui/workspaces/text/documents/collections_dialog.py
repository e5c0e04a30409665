"""Collections: folders of documents with a name, what is in them, and when each was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from studio.jobs.documents.collection_files import CollectionFile
from studio.library.documents.collections import Collection, Collections
from studio.protocol import Problem
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import PrimaryButton, dialog_button
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.documents.collection_model import CollectionModel
from studio.ui.workspaces.text.documents.collection_reading import CollectionReading
from studio.ui.workspaces.text.documents.passage_vectors import passage_vectors_of

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent

_COLLECTION = Qt.ItemDataRole.UserRole


class CollectionsDialog(QDialog):
    """Not modal. Object names: `collections.list`, `.files`, `.add`, `.remove`, `.again`, `.use`.

    While a collection is shown, what is new in its folder or has changed there is read.
    """

    chosen = cast("TypedSignal[Collection]", Signal(object))
    """To be used for what is asked next."""
    changed = Signal()
    """A collection was added or removed."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("collections.dialog")
        self.setWindowTitle(self.tr("Collections of documents"))
        self.resize(104 * GRID, 64 * GRID)
        self._state = state
        self._collections = Collections(state.library_root)
        self._read_count = 0
        self._to_read = 0
        self.reading = CollectionReading(state, self)
        self.reading.listed.connect(self._show_files)
        self.reading.read.connect(self._file_read)
        self.reading.refused.connect(self._refused)
        self._vectors = passage_vectors_of(state)
        self._vectors.changed.connect(self._vectors_changed)
        self.list = QListWidget(self)
        self.list.setObjectName("collections.list")
        self.list.setAccessibleName(self.tr("Collections"))
        self.list.setFixedWidth(26 * GRID)
        self.list.currentItemChanged.connect(lambda *_: self._show_current())
        self.model = CollectionModel()
        self.files = QTableView(self)
        self.files.setObjectName("collections.files")
        self.files.setAccessibleName(self.tr("Documents of the collection"))
        self.files.setModel(self.model)
        self.files.setWordWrap(False)
        self.files.setShowGrid(False)
        self.files.setTabKeyNavigation(False)
        self.files.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.files.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.files.verticalHeader().hide()
        head = self.files.horizontalHeader()
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.resizeSection(1, 12 * GRID)
        head.resizeSection(2, 28 * GRID)
        self.folder = StatusLine(self)
        emphasise(self.folder)
        self.status = TintedLabel(self)
        self.status.setObjectName("collections.status")
        self.status.setWordWrap(True)
        self.add = dialog_button(
            self.tr("Add a folder…"), "collections.add", self._ask_folder, self, "folder-plus"
        )
        self.remove = dialog_button(
            self.tr("Remove"), "collections.remove", self._remove, self, "folder-minus"
        )
        self.again = dialog_button(
            self.tr("Read again"), "collections.again", self.reading.again, self, "refresh-cw"
        )
        self.use = PrimaryButton(self.tr("Ask about it"), "check", "collections.use", self)
        self.use.setAutoDefault(False)
        self.use.clicked.connect(self._use)
        close = dialog_button(self.tr("Close"), "collections.close", self.close, self)
        empty = EmptyState(
            "folder-open",
            self.tr("Ask about whole folders"),
            self.tr(
                "A collection is a folder with a name. Its documents are read once, and again when"
                " they change. Nothing in the folder is changed, and nothing leaves this computer."
            ),
            [(self.tr("Add a folder…"), self._ask_folder)],
            self,
        )
        self._pages = QStackedWidget(self)
        self._pages.addWidget(empty)
        self._pages.addWidget(self._part())
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.add, self.remove, self.again):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.use)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        rows.setSpacing(2 * GRID)
        rows.addWidget(self._pages, 1)
        rows.addLayout(buttons)
        self._enable()
        self._load("")

    def _part(self) -> QWidget:
        part = QWidget()
        columns, column = QHBoxLayout(part), QVBoxLayout()
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(2 * GRID)
        column.setSpacing(GRID)
        for widget in (self.folder, self.status):
            column.addWidget(widget)
        column.addWidget(self.files, 1)
        columns.addWidget(self.list)
        columns.addLayout(column, 1)
        return part

    # ---- collections

    def add_folder(self, folder: Path, name: str = "") -> None:
        """Make a collection of a folder. A name that is taken is asked for."""

        def added(collection: Collection) -> None:
            self.changed.emit()
            self._load(collection.name)

        def refused(problem: Problem) -> None:
            if name or not self._is_taken(folder.name):
                self._state.problem.emit(problem)
            else:
                self._ask_name(folder)

        self._state.background.in_order(
            self, lambda: self._collections.add(folder, name), added, refused
        )

    def _is_taken(self, name: str) -> bool:
        wanted = " ".join(name.split()).casefold()
        return any(each.name.casefold() == wanted for each in self._all())

    def _ask_name(self, folder: Path) -> None:
        from studio.ui.gallery.name_dialog import NameDialog

        taken = {each.name.casefold() for each in self._all()}
        names = (f"{folder.name} {number}" for number in range(2, 10_000))
        free = next(name for name in names if name.casefold() not in taken)
        dialog = NameDialog(
            "collections.name",
            self.tr("Add a folder"),
            self.tr("There is a collection of this name already. Name of the new one:"),
            free,
            self,
        )
        dialog.submitted.connect(lambda name: self.add_folder(folder, name))
        show_dialog(dialog)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tr("Add a folder"))
        if path:
            self.add_folder(Path(path))

    def _remove(self) -> None:
        collection = self._current()
        if collection is None:
            return

        def removed(_: None) -> None:
            self.changed.emit()
            self._load("")
            self._state.show_message(
                self.tr("The collection {name} was removed. Its documents are untouched.").format(
                    name=collection.name
                ),
                "info",
                self.tr("Undo"),
                undo,
            )

        def undo() -> None:
            self._state.background.in_order(
                self._state,
                lambda: self._collections.add(Path(collection.folder), collection.name),
                lambda _: self.changed.emit(),
                self._state.problem.emit,
            )

        self._state.background.in_order(
            self,
            lambda: self._collections.remove(collection.name),
            removed,
            self._state.problem.emit,
        )

    def _use(self) -> None:
        collection = self._current()
        if collection is not None:
            self.chosen.emit(collection)
            self.close()

    def _all(self) -> list[Collection]:
        items = (self.list.item(row) for row in range(self.list.count()))
        return [item.data(_COLLECTION) for item in items]

    def _current(self) -> Collection | None:
        item = self.list.currentItem()
        return cast("Collection", item.data(_COLLECTION)) if item is not None else None

    def load(self) -> None:
        """Show the collections as they are now."""
        current = self._current()
        self._load(current.name if current is not None else "")

    def _load(self, name: str) -> None:
        """Read the collections, and show the one of a name, else the first."""

        def show(found: list[Collection]) -> None:
            self.list.blockSignals(True)
            self.list.clear()
            for collection in found:
                item = QListWidgetItem(one_line(collection.name), self.list)
                item.setToolTip(plain_tooltip(collection.folder))
                item.setData(_COLLECTION, collection)
            places = [row for row, each in enumerate(found) if each.name == name]
            self.list.setCurrentRow(places[0] if places else min(0, len(found) - 1))
            self.list.blockSignals(False)
            self._pages.setCurrentIndex(int(bool(found)))
            self.add.setVisible(bool(found))
            self._show_current()

        self._state.background.in_order(self, self._collections.all, show, self._state.problem.emit)

    # ---- documents

    def _show_current(self) -> None:
        collection = self._current()
        self.model.show(())
        self._enable()
        if collection is None:
            self.reading.stop()
            return
        self.folder.set_text(collection.folder)
        self.status.show_text(self.tr("Looking for documents…"))
        self.reading.start(Path(collection.folder))

    def _show_files(self, files: Sequence[CollectionFile]) -> None:
        self.model.show(files)
        self._to_read = sum(file.state in ("new", "changed") for file in files)
        self._read_count = 0
        self._show_status()

    def _file_read(self, place: int, file: CollectionFile) -> None:
        self.model.set_file(place, file)
        self._read_count += 1
        self._show_status()

    def _show_status(self) -> None:
        files = self.model.files
        self._enable()
        if self.reading.is_reading:
            text = self.tr("Reading document {n} of {count}…")
            n = min(self._read_count + 1, self._to_read)
            self.status.show_text(text.format(n=f"{n:,}", count=f"{self._to_read:,}"))
            return
        wrong = sum(file.state == "unreadable" for file in files)
        said = self.tr("1 document") if len(files) == 1 else self.tr("{count} documents")
        if wrong:
            said = self.tr("{count} documents, of which {wrong} cannot be read")
        text = said.format(count=f"{len(files):,}", wrong=f"{wrong:,}")
        if self._vectors.left:
            preparing = self.tr("Preparing the search by meaning: {n} passages to go")
            text += " · " + preparing.format(n=f"{self._vectors.left:,}")
        self.status.show_text(text, "warning" if wrong else None)

    def _vectors_changed(self) -> None:
        if self.model.files and not self.reading.is_reading:
            self._show_status()

    def _refused(self, problem: Problem) -> None:
        self._enable()
        self.status.show_text(translated(problem.message), "error")

    def _enable(self) -> None:
        has_one = self._current() is not None
        for button in (self.remove, self.again):
            button.setVisible(has_one)
        self.use.setVisible(has_one)
        self.again.setEnabled(has_one and not self.reading.is_reading)
        readable = any(file.state != "unreadable" for file in self.model.files)
        self.use.setEnabled(has_one and readable)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.reading.stop()
        super().closeEvent(event)
