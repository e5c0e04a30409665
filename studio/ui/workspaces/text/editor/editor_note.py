"""What goes along with words that are copied from the editor: the state of review of the text."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from studio.library.records import Asset
from studio.library.review import review_state, state_when_changed
from studio.ui.gallery.review_states import text_note
from studio.ui.shell.state import AppState
from studio.ui.workspaces.text.editor.document import Document
from studio.ui.workspaces.text.editor.editor_panel import EditorPanel


class EditorNote(QObject):
    """A text that was changed since it was approved is not approved."""

    def __init__(
        self,
        state: AppState,
        panel: EditorPanel,
        document: Callable[[], Document | None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._panel = panel
        self._document = document
        self._source: Asset | None = None
        state.assets_changed.connect(self.look_up)

    def look_up(self) -> None:
        """Ask the library for the result that the text is from."""
        document, library = self._document(), self._state.library
        if document is None or library is None:
            return
        id = document.source
        self._state.background.read(
            self, lambda: library.assets.get(id), self._known, lambda _: None
        )

    def show(self) -> None:
        """Set the note of the text as it is now."""
        document = self._document()
        if document is None:
            return
        known = self._source is not None and self._source.id == document.source
        review = self._source.review if known and self._source is not None else None
        decide = review_state if document.is_saved else state_when_changed
        note = text_note(decide(review, document.form))
        self._panel.editor.note = self._panel.proposal.body.note = note

    def _known(self, asset: Asset | None) -> None:
        self._source = asset
        self.show()
