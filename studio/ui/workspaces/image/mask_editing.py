"""From the button beside the start picture to a mask: the editor, and what it hands back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from studio.ui.workspaces.image.source_picture import SourcePicture

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState
    from studio.ui.workspaces.image.mask.drawing import MaskDrawing
    from studio.ui.workspaces.image.mask.mask_dialog import MaskDialog


class MaskEditing(QObject):
    """Serves a `SourcePicture`. One editor is open at a time."""

    def __init__(self, state: AppState, source: SourcePicture) -> None:
        super().__init__(source)
        self._state = state
        self._source = source
        self._dialog: MaskDialog | None = None
        source.mask_wanted.connect(self.open)

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
        dialog.kept.connect(lambda path: self._keep(picture, path))
        dialog.rejected.connect(lambda: self._offer(picture, dialog.drawing))
        dialog.finished.connect(self._closed)
        dialog.open()

    def _keep(self, picture: str, mask: str) -> None:
        if self._source.path() == picture:
            self._source.set_mask_path(mask)

    def _offer(self, picture: str, drawing: MaskDrawing | None) -> None:
        """After Cancel, let what was painted be had again."""
        if drawing is not None and drawing.is_changed and self._source.path() == picture:
            self._state.show_message(
                self.tr("What you painted was not kept."),
                "info",
                self.tr("Go on painting"),
                lambda: self._again(picture, drawing),
            )

    def _again(self, picture: str, drawing: MaskDrawing) -> None:
        if self._source.path() == picture:
            self._open(picture, drawing)

    def _closed(self) -> None:
        self._dialog = None
