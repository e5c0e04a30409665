"""The menu of the button that chooses documents: files, and the collections of the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton

from studio.kinds.kind import Medium
from studio.kinds.registry import prompted_kind
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.plain_text import menu_text, plain_tooltip
from studio.ui.workspaces.text.documents.passage_vectors import passage_vectors_of

if TYPE_CHECKING:
    from studio.library.documents.collections import Collection
    from studio.ui.workspaces.text.documents.collections_dialog import CollectionsDialog

_MOST = 20
"""Collections in the menu; the dialog has all."""


class DocumentsMenu(QMenu):
    """Object names: `text.documents.files`, `.collections`, `.meaning`."""

    files_requested = Signal()
    chosen = Signal(object)
    """A `Collection`."""
    dropped = Signal(object)

    def __init__(
        self, state: AppState, button: QToolButton, is_chosen: Callable[[Collection], bool]
    ) -> None:
        super().__init__(button)
        self._state = state
        self._is_chosen = is_chosen
        self._collections: list[Collection] = []
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._open)

    def open_dialog(self) -> CollectionsDialog:
        """Show the collections and what is in them."""
        from studio.ui.workspaces.text.documents.collections_dialog import CollectionsDialog

        dialog = CollectionsDialog(self._state, self.window())
        dialog.chosen.connect(self.chosen.emit)
        show_dialog(dialog)
        return dialog

    def _open(self) -> None:
        self._fill()
        root = self._state.library_root

        def read() -> list[Collection]:
            from studio.library.documents.collections import Collections

            return Collections(root).all()

        def found(collections: list[Collection]) -> None:
            if collections != self._collections:
                self._collections = collections
                self._fill()

        self._state.background.read(self, read, found, lambda _: None)

    def _fill(self) -> None:
        self.clear()
        files = self.addAction(icon("file-plus"), self.tr("Choose documents…"))
        files.setObjectName("text.documents.files")
        files.triggered.connect(self.files_requested)
        if self._collections:
            self.addSection(self.tr("Collections of documents"))
        for collection in self._collections[:_MOST]:
            action = self.addAction(icon("folder-open"), menu_text(collection.name))
            action.setToolTip(plain_tooltip(collection.folder))
            action.setCheckable(True)
            action.setChecked(self._is_chosen(collection))
            action.triggered.connect(
                lambda checked, each=collection: (self.chosen if checked else self.dropped).emit(
                    each
                )
            )
        self.addSeparator()
        show = self.addAction(self.tr("Collections…"), self.open_dialog)
        show.setObjectName("text.documents.collections")
        self._add_meaning()

    def _add_meaning(self) -> None:
        """Say how passages are found, and where a model for it comes from."""
        vectors = passage_vectors_of(self._state)
        model = vectors.model()
        if model is None:
            text = self.tr("Search by meaning, too: get a model…")
            action = self.addAction(
                text, lambda: self._state.destinations.open_models(prompted_kind(Medium.TEXT).task)
            )
        else:
            text = self.tr("Searched by meaning with {model}").format(model=model.name)
            if vectors.left:
                text = self.tr("Preparing the search by meaning: {n} passages to go").format(
                    n=f"{vectors.left:,}"
                )
            action = self.addAction(menu_text(text))
            action.setEnabled(False)
        action.setObjectName("text.documents.meaning")
