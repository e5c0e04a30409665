"""The large preview of a result: its picture, or its text."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QStackedLayout, QWidget

from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.ui.gallery.history_model import shown_text
from studio.ui.gallery.review_states import text_note
from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.marked_selection import MarkedTextView
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.shortened import shortened

MAX_TEXT = 200_000
"""Characters of a text that are shown; its file has all of them."""

READABLE_WIDTH = 90 * GRID

_KEY = "preview"


class ResultPreview(QWidget):
    """Object names: `preview.picture`, `preview.text`, `preview.note`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asset: Asset | None = None
        self._loader = PictureLoader(self, threads=1)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self.canvas = PictureCanvas(self)
        self.canvas.setObjectName("preview.picture")
        self.canvas.setAccessibleName(self.tr("Picture"))
        self.text = MarkedTextView(self)
        self.text.setObjectName("preview.text")
        self.text.setAccessibleName(self.tr("Text"))
        self.text.setReadOnly(True)
        self.text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.text.document().setDocumentMargin(2 * GRID)
        self.note = plain_label(parent=self)
        self.note.setObjectName("preview.note")
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setWordWrap(True)
        mute(self.note)
        self._pages = QStackedLayout(self)
        self._pages.setContentsMargins(0, 0, 0, 0)
        for page in (self.note, self.canvas, self.text):
            self._pages.addWidget(page)

    @property
    def asset(self) -> Asset | None:
        """The result that is shown."""
        return self._asset

    def show_asset(self, asset: Asset | None, note: str = "") -> None:
        """Show a result, or a note in its place."""
        self.text.note = text_note(asset.review_state) if asset is not None else ""
        if asset is not None and self._asset is not None and asset.path == self._asset.path:
            self._asset = asset
            return
        self._asset = asset
        self._loader.forget(_KEY)
        if asset is None:
            self._show_note(note)
        elif asset.medium in (Medium.PICTURE, Medium.VIDEO):
            self.canvas.setAccessibleDescription(one_line(asset.prompt))
            self._loader.request(_KEY, str(asset.path))
        elif asset.medium is Medium.TEXT:
            self.text.setPlainText(shortened(shown_text(asset), MAX_TEXT))
            self._pages.setCurrentWidget(self.text)
        else:
            self._show_note(one_line(asset.path.name))

    def stop(self) -> None:
        """Stop reading."""
        self._loader.stop()

    # ---- private

    def _show_note(self, note: str) -> None:
        self.note.setText(note)
        self._pages.setCurrentWidget(self.note)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Lines of text stay as short as they can be read.
        margin = max(0, (event.size().width() - READABLE_WIDTH) // 2)
        self.text.setViewportMargins(margin, 0, margin, 0)

    def _loaded(self, _key: str, _path: str, image: QImage, size: QSize) -> None:
        self.canvas.set_picture(image, size)
        self.canvas.fit()
        self._pages.setCurrentWidget(self.canvas)

    def _failed(self, _key: str, _path: str, error: str) -> None:
        self._show_note(self.tr("This picture cannot be shown: {error}").format(error=error))
