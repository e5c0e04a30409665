"""The picture that image-to-image starts from: dropped, chosen or pasted as a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from studio.ui.picture.files import PICTURE_FILTER, dropped_pictures
from studio.ui.picture.loader import PictureLoader
from studio.ui.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel

SIDE = 56


class SourcePicture(QFrame):
    """A thumbnail, the file's name, and buttons to choose another or none."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("image.source")
        self.setAccessibleName(self.tr("Picture to start from"))
        self.setAcceptDrops(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._path = ""
        self._loader = PictureLoader(self, threads=1)
        self._loader.loaded.connect(self._show_thumbnail)
        self._loader.failed.connect(self._say_unreadable)
        self._thumbnail = QLabel(self)
        self._thumbnail.setFixedSize(SIDE, SIDE)
        self._thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._thumbnail.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._thumbnail.setAutoFillBackground(True)
        self._name = ElidedLabel("", self)
        mute(self._name)
        self.choose_button = QPushButton(self.tr("Choose…"), self)
        self.choose_button.setObjectName("image.source.choose")
        self.choose_button.setAccessibleName(self.tr("Choose a picture to start from"))
        self.choose_button.clicked.connect(self._choose)
        self.clear_button = tool_button(
            "x", self.tr("Start from noise again"), "image.source.clear"
        )
        self.clear_button.clicked.connect(lambda: self.set_path(""))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self._thumbnail)
        layout.addWidget(self._name, 1)
        layout.addWidget(self.choose_button)
        layout.addWidget(self.clear_button)
        self._tell()

    def path(self) -> str:
        """Return the picture's path, or an empty string."""
        return self._path

    def set_path(self, path: str) -> None:
        """Start from this picture; an empty string starts from noise."""
        if path == self._path:
            return
        self._path = path
        self._thumbnail.setPixmap(QPixmap())
        self._tell()
        if path:
            self._loader.request("source", path, QSize(SIDE, SIDE) * 2)
        else:
            self._loader.forget("source")
        self.changed.emit()

    def stop(self) -> None:
        """Wait for the thumbnail that is being read."""
        self._loader.stop()

    def _tell(self) -> None:
        if self._path:
            self._name.set_text(Path(self._path).name)
            self._name.setToolTip(self._path)
        else:
            self._name.set_text(self.tr("Drop a picture here to start from it"))
            self._name.setToolTip("")
        self.clear_button.setEnabled(bool(self._path))

    def _show_thumbnail(self, _key: str, _path: str, image: QImage, _size: QSize) -> None:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap.fromImage(image).scaled(
            QSize(SIDE, SIDE) * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        pixmap.setDevicePixelRatio(ratio)
        self._thumbnail.setPixmap(pixmap)

    def _say_unreadable(self, _key: str, path: str, _error: str) -> None:
        self._name.set_text(
            self.tr("{name} cannot be shown: it may be no picture.").format(name=Path(path).name)
        )

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a picture to start from"),
            str(Path(self._path).parent) if self._path else "",
            self.tr("Pictures") + f" ({PICTURE_FILTER})",
        )
        if path:
            self.set_path(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_pictures(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = dropped_pictures(event.mimeData())
        if paths:
            self.set_path(str(paths[0]))
            event.acceptProposedAction()
