"""Opens the mask editor for the start picture, and applies its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from studio.ui.workspaces.image.start_picture import StartPicture

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState
    from studio.ui.workspaces.image.mask.drawing import MaskDrawing
    from studio.ui.workspaces.image.mask.mask_dialog import MaskDialog


class MaskEditing(QObject):
    """Edits the mask of a `StartPicture`; one editor at a time."""

    def __init__(self, state: AppState, source: StartPicture) -> None:
        super().__init__(source)
        self._state = state
        self._source = source
        self._dialog: MaskDialog | None = None
        source.mask_requested.connect(self.open)

    def open(self) -> None:
        """Show the editor with the start picture and its mask."""
        self._open(self._source.path(), None)

    def _open(self, picture: str, drawing: MaskDrawing | None) -> None:
        if not picture or self._dialog is not None:
            return
        from studio.ui.workspaces.image.mask.mask_dialog import MaskDialog

        dialog = MaskDialog(
            self._state, picture, self._source.mask_path(), self._source.window(), drawing
        )
        self._dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.saved.connect(lambda path: self._set_mask(picture, path))
        dialog.rejected.connect(lambda: self._offer_to_continue(picture, dialog.drawing))
        dialog.finished.connect(self._closed)
        dialog.open()

    def _set_mask(self, picture: str, mask: str) -> None:
        if self._source.path() == picture:
            self._source.set_mask_path(mask)

    def _offer_to_continue(self, picture: str, drawing: MaskDrawing | None) -> None:
        """After Cancel, offer to reopen the editor with the unsaved mask."""
        if drawing is not None and drawing.is_changed and self._source.path() == picture:
            self._state.show_message(
                self.tr("The mask was not saved."),
                "info",
                self.tr("Continue painting"),
                lambda: self._reopen(picture, drawing),
            )

    def _reopen(self, picture: str, drawing: MaskDrawing) -> None:
        if self._source.path() == picture:
            self._open(picture, drawing)

    def _closed(self) -> None:
        self._dialog = None
