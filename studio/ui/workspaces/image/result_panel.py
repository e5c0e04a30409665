"""The pictures of one job: the current one, a strip of all, and actions."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.ui.media.picture.picture_panel import PicturePanel
from studio.ui.media.picture.variations import State, Variation, VariationModel, VariationStrip
from studio.ui.style.theme import GRID
from studio.ui.widgets.empty_state import EmptyState


class ResultPanel(QWidget):
    """Shows an `EmptyState` until a job begins."""

    enlarge_requested = Signal(str)
    start_from_requested = Signal(str)
    folder_requested = Signal(str)
    menu_requested = Signal(str, QPoint)
    """The asset id of the current picture, and a point in screen coordinates."""

    def __init__(self, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._follows = True
        self.start_supported = True
        """Whether the chosen model supports a start picture."""
        self._panel = PicturePanel("image", empty, self)
        self._loader, self._caption = self._panel.loader, self._panel.caption
        self._loader.loaded.connect(self._show_picture)
        self.canvas = self._panel.canvas
        self.canvas.setAccessibleName(self.tr("The picture"))
        self.model = VariationModel(self)
        self.strip = VariationStrip(self.model, self)
        self.strip.picked.connect(lambda _: self._load())
        self.strip.clicked.connect(self._clicked)
        self.strip.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.canvas.customContextMenuRequested.connect(
            lambda at: self._request_menu(self.canvas.mapToGlobal(at))
        )
        self.strip.customContextMenuRequested.connect(
            lambda at: self._request_menu(self.strip.viewport().mapToGlobal(at))
        )
        self.enlarge = QPushButton(self.tr("Enlarge ×4"), self)
        self.enlarge.setObjectName("image.enlarge")
        self.enlarge.setToolTip(self.tr("Send this picture to the Upscale tab"))
        self.enlarge.clicked.connect(lambda: self.enlarge_requested.emit(self.path()))
        self.start_from = QPushButton(self.tr("Start from this"), self)
        self.start_from.setObjectName("image.start_from")
        self.start_from.clicked.connect(lambda: self.start_from_requested.emit(self.path()))
        self.folder = self._panel.folder
        self.folder.clicked.connect(lambda: self.folder_requested.emit(self.path()))
        self._panel.add_to_bar(self.start_from, self.enlarge)
        self._panel.add_below(self.strip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID // 2, 0, 0, 0)
        layout.addWidget(self._panel)
        self._show_caption()

    def begin(self, seed: int, count: int) -> None:
        """Show a new job with `count` waiting pictures."""
        self._follows = True
        self._loader.forget("main")
        self.canvas.clear()
        self.model.begin(seed, count)
        self.strip.setVisible(count > 1)
        self._panel.show_content()
        self.strip.setCurrentIndex(self.model.index(0))
        self._show_caption()

    def update_row(
        self, row: int, state: State, path: str = "", message: str = "", asset: str = ""
    ) -> None:
        """Update a row. The running row becomes current until the user selects one."""
        self.model.set_state(row, state, path, message, asset)
        current = self.current()
        if (
            self._follows
            and state == "running"
            and row != self.strip.currentIndex().row()
            and (current is None or current.state == "done")
        ):
            self.strip.setCurrentIndex(self.model.index(row))
        elif row == self.strip.currentIndex().row():
            self._load()

    def current(self) -> Variation | None:
        """Return the current picture, or None."""
        return self.model.at(self.strip.currentIndex().row())

    def path(self) -> str:
        """Return the path of the current picture if it is finished, or an empty string."""
        current = self.current()
        return current.path if current is not None and current.state == "done" else ""

    def set_start_supported(self, supported: bool) -> None:
        """Set whether the chosen model supports a start picture."""
        self.start_supported = supported
        self._update_buttons()

    def stop(self) -> None:
        """Stop loading; wait for reads in progress."""
        self._loader.stop()
        self.model.stop()

    def _clicked(self) -> None:
        self._follows = False

    def _request_menu(self, at: QPoint) -> None:
        current = self.current()
        if current is not None and current.state == "done" and current.asset:
            self._follows = False
            self.menu_requested.emit(current.asset, at)

    def _load(self) -> None:
        current = self.current()
        if current is not None and current.path:
            self._loader.request("main", current.path)
        else:
            self._loader.forget("main")
            self.canvas.clear()
        self._show_caption()

    def _show_picture(self, _key: str, _path: str, image: QImage, size: QSize) -> None:
        self.canvas.set_picture(image, size)
        self._show_caption(size)

    def _show_caption(self, size: QSize | None = None) -> None:
        self._update_buttons()
        current = self.current()
        if current is None:
            self._caption.clear()
        elif current.state == "failed":
            self._caption.setText(current.message)
        elif current.state == "deleted":
            self._caption.setText(self.tr("This picture was deleted."))
        elif self.path() and size is not None:
            text = self.tr("{width} × {height} px, seed {seed}")
            self._caption.setText(
                text.format(width=size.width(), height=size.height(), seed=current.seed)
            )
        else:
            self._caption.setText(self.tr("Seed {seed}").format(seed=current.seed))

    def _update_buttons(self) -> None:
        finished = bool(self.path())
        for button in (self.enlarge, self.folder):
            button.setEnabled(finished)
        self.start_from.setEnabled(finished and self.start_supported)
        self.start_from.setToolTip(
            self.tr("Use as the start picture")
            if self.start_supported
            else self.tr("The chosen model does not support a start picture")
        )
