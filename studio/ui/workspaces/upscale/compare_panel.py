"""A picture and its upscaled version, overlaid with a divider."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.ui.media.picture.before_after import BeforeAfter
from studio.ui.media.picture.picture_panel import PicturePanel
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import plain_label


class ComparePanel(QWidget):
    """Shows an `EmptyState` until there is a picture."""

    folder_requested = Signal(str)
    menu_requested = Signal(str, QPoint)
    """The path of the upscaled picture, and a point in screen coordinates."""

    def __init__(self, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before_path = ""
        self._after_path = ""
        self._before = QImage()
        self._after = QImage()
        self._before_size = QSize()
        self._after_size = QSize()
        self._panel = PicturePanel(empty, self)
        self._loader, self._caption = self._panel.loader, self._panel.caption
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self.canvas = self._panel.canvas
        self.canvas.setAccessibleName(self.tr("Before and after"))
        self.canvas.setToolTip(
            self.tr("Drag the divider to compare. The wheel zooms, dragging the picture moves it.")
        )
        self.canvas.customContextMenuRequested.connect(self._request_menu)
        self.comparison = BeforeAfter(self.canvas)
        self._zoom = plain_label(parent=self)
        self._zoom.setMinimumWidth(self._zoom.fontMetrics().horizontalAdvance("1000 %"))
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        mute(self._zoom)
        self.canvas.zoom_changed.connect(self._show_zoom)
        zoom_out = tool_button("zoom-out", self.tr("Zoom out"), "upscale.zoom_out")
        zoom_out.clicked.connect(lambda: self.canvas.zoom_by(0.8))
        zoom_in = tool_button("zoom-in", self.tr("Zoom in"), "upscale.zoom_in")
        zoom_in.clicked.connect(lambda: self.canvas.zoom_by(1.25))
        fit = tool_button("fullscreen", self.tr("Fit to window"), "upscale.fit")
        fit.clicked.connect(self.canvas.fit)
        actual = tool_button("grid-3x3", self.tr("Actual size"), "upscale.actual")
        actual.clicked.connect(self.canvas.actual_size)
        self.folder = tool_button("folder-open", self.tr("Open folder"), "upscale.folder")
        self.folder.setEnabled(False)
        self.folder.clicked.connect(lambda: self.folder_requested.emit(self._after_path))
        self._panel.add_to_bar(
            self._zoom, zoom_out, zoom_in, fit, actual, self.folder, spacing=GRID // 2
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID // 2, 0, 0, 0)
        layout.addWidget(self._panel)

    def show_picture(self, before: str, after: str = "") -> None:
        """Show a picture, compared with its upscaled version `after` if given."""
        if before != self._before_path:
            self._before_path = before
            self._before, self._before_size = QImage(), QSize()
            self._after, self._after_size, self._after_path = QImage(), QSize(), ""
            self._loader.forget("after")
            self._clear_canvas()
            self._loader.request("before", before)
        if after and after != self._after_path:
            self._after_path = after
            self._loader.request("after", after)
        self.folder.setEnabled(bool(after))
        self._panel.show_content()
        self._show_caption()

    def show_preview(self, before: str, preview: str) -> None:
        """Show the tiles finished so far, if `before` is the shown picture."""
        if before == self._before_path:
            self._after_path = ""
            self._loader.request("after", preview)

    def clear(self) -> None:
        """Show the empty state again."""
        self._before_path = self._after_path = ""
        self._loader.stop()
        self._clear_canvas()
        self._panel.show_empty()

    def stop(self) -> None:
        """Stop loading; wait for reads in progress."""
        self._loader.stop()

    def _request_menu(self, at: QPoint) -> None:
        if self._after_path:
            self.menu_requested.emit(self._after_path, self.canvas.mapToGlobal(at))

    def _loaded(self, key: str, _path: str, image: QImage, size: QSize) -> None:
        if key == "before":
            self._before, self._before_size = image, size
        else:
            self._after, self._after_size = image, size
        self._draw()

    def _failed(self, _key: str, _path: str, _error: str) -> None:
        self._caption.set_text(self.tr("This picture cannot be shown."))

    def _clear_canvas(self) -> None:
        self.canvas.clear()
        self.comparison.set_before(QImage())

    def _draw(self) -> None:
        if self._after.isNull():
            self.canvas.set_picture(self._before, self._before_size)
            self.comparison.set_before(QImage())
        else:
            self.canvas.set_picture(self._after, self._after_size)
            self.comparison.set_before(self._before)
        self._show_caption()

    def _show_caption(self) -> None:
        if not self._before_size.isValid():
            return
        text = f"{self._before_size.width()} × {self._before_size.height()}"
        if self._after_path and self._after_size.isValid():
            text += f" → {self._after_size.width()} × {self._after_size.height()}"
        self._caption.set_text(self.tr("{size} px").format(size=text))

    def _show_zoom(self, zoom: float) -> None:
        self._zoom.setText(f"{zoom * 100:.0f} %")
