"""The start picture of image-to-image as a card, with its mask and its strength."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QIcon,
    QImage,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.kinds.image import KIND
from studio.ui.fields.number_field import number_field
from studio.ui.media.picture.choose_picture import choose_picture
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.dropped_files import accepted_paths
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.image.mask.tint import draw_mask, tint

SIDE = 72
"""Size of the thumbnail in device-independent pixels."""


class StartPicture(QWidget):
    """One button while there is no picture, then its thumbnail, name, mask and `strength`.

    Changing the picture removes the mask. Accepts dropped pictures.
    """

    changed = Signal()
    mask_requested = Signal()
    """The user wants to edit the mask."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("image.source")
        self.setAccessibleName(self.tr("Start picture"))
        self.setAcceptDrops(True)
        self._path = ""
        self._mask = ""
        self._supported = self._mask_supported = True
        self._picture = QImage()
        self._mask_image = QImage()
        self._loader = PictureLoader(self, threads=1)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._show_unreadable)
        self._thumbnail = plain_label(parent=self)
        self._thumbnail.setFixedSize(SIDE, SIDE)
        self._thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._thumbnail.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._thumbnail.setAutoFillBackground(True)
        self._name = ElidedLabel("", self)
        mute(self._name)
        self.choose_button = tool_button(
            "image", self.tr("Choose a start picture"), "image.source.choose", self
        )
        self.choose_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.choose_button.setText(self.tr("Add a start picture"))
        self.choose_button.setToolTip(plain_tooltip(self.tr("Choose a file, or drop one here")))
        self.choose_button.clicked.connect(self._choose)
        self.strength = number_field(KIND, "strength", slider=(0.0, 1.0))
        self.strength.changed.connect(self.changed)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self._note.show_text(self.tr("The chosen model does not use it."), "warning")
        self.clear_button = tool_button(
            "x", self.tr("Remove the start picture"), "image.source.clear"
        )
        self.clear_button.clicked.connect(lambda: self.set_path(""))
        self.mask_button = QPushButton(self.tr("Mask…"), self)
        self.mask_button.setObjectName("image.source.mask")
        # At most the text height, so that the check mark does not change the button's height.
        self.mask_button.setIconSize(QSize(1, 1) * (self.fontMetrics().height() - 2))
        self.mask_button.clicked.connect(self.mask_requested)
        self.unmask_button = tool_button("x", self.tr("Remove the mask"), "image.source.unmask")
        self.unmask_button.clicked.connect(lambda: self.set_mask_path(""))
        name_row = QHBoxLayout()
        name_row.setSpacing(GRID)
        name_row.addWidget(self._name, 1)
        name_row.addWidget(self.clear_button)
        button_row = QHBoxLayout()
        button_row.setSpacing(GRID)
        button_row.addWidget(self.mask_button)
        button_row.addWidget(self.unmask_button)
        button_row.addStretch(1)
        right_column = QVBoxLayout()
        right_column.setSpacing(GRID // 2)
        right_column.addLayout(name_row)
        right_column.addLayout(button_row)
        self._card = QFrame(self)
        self._card.setFrameShape(QFrame.Shape.StyledPanel)
        top = QHBoxLayout()
        top.setSpacing(GRID)
        top.addWidget(self._thumbnail)
        top.addLayout(right_column, 1)
        card = QVBoxLayout(self._card)
        card.setContentsMargins(GRID, GRID, GRID, GRID)
        card.setSpacing(GRID)
        card.addLayout(top)
        card.addWidget(self.strength)
        card.addWidget(self._note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.choose_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._card)
        self._update_controls()

    def path(self) -> str:
        """Return the path of the picture, or an empty string."""
        return self._path

    def mask_path(self) -> str:
        """Return the path of the mask, or an empty string."""
        return self._mask

    def set_path(self, path: str) -> None:
        """Set the start picture; an empty string removes it."""
        if path == self._path:
            return
        self._path = path
        self._picture = QImage()
        self._remove_mask()
        self._show_thumbnail()
        self._update_controls()
        if path:
            self._loader.request("source", path, QSize(SIDE, SIDE) * 2)
        else:
            self._loader.forget("source")
        self.changed.emit()

    def set_mask_path(self, mask: str) -> None:
        """Set the mask, whose white area is redrawn; an empty string removes it."""
        if mask == self._mask or not self._path:
            return
        self._remove_mask()
        self._mask = mask
        if mask:
            self._loader.request("mask", mask, QSize(SIDE, SIDE) * 4)
        self._show_thumbnail()
        self._update_controls()
        self.changed.emit()

    def set_supported(self, supported: bool, mask: bool) -> None:
        """Set whether the chosen model supports a start picture, and a mask."""
        self._supported, self._mask_supported = supported, supported and mask
        self._update_controls()

    def stop(self) -> None:
        """Stop loading; wait for reads in progress."""
        self._loader.stop()

    def _remove_mask(self) -> None:
        self._mask = ""
        self._mask_image = QImage()
        self._loader.forget("mask")

    def _update_controls(self) -> None:
        self._name.set_text(Path(self._path).name if self._path else "")
        self._name.setToolTip(plain_tooltip(self._path))
        self._card.setVisible(bool(self._path))
        self.choose_button.setHidden(bool(self._path))
        self.choose_button.setEnabled(self._supported)
        self.strength.setEnabled(self._supported and bool(self._path))
        self._note.setHidden(self._supported)
        # Nothing to show of a picture that is not there and could not be used.
        self.setVisible(self._supported or bool(self._path))
        self.unmask_button.setVisible(bool(self._mask))
        self.mask_button.setEnabled(self._mask_supported and bool(self._path))
        self.mask_button.setIcon(icon("check") if self._mask else QIcon())
        if not self._mask_supported:
            tooltip = self.tr("Not supported by this model")
        elif not self._path:
            tooltip = self.tr("Choose a start picture first")
        elif self._mask:
            tooltip = self.tr("Edit the mask: only the masked area is redrawn")
        else:
            tooltip = self.tr("Mark the area to redraw; the rest of the picture is kept")
        self.mask_button.setToolTip(plain_tooltip(tooltip))
        self.mask_button.setAccessibleName(
            self.tr("Edit the mask") if self._mask else self.tr("Paint a mask")
        )
        self.mask_button.setAccessibleDescription(tooltip)

    def _loaded(self, key: str, _path: str, image: QImage, _size: QSize) -> None:
        if key == "mask":
            self._mask_image = image.convertToFormat(QImage.Format.Format_Grayscale8)
        else:
            self._picture = image
        self._show_thumbnail()

    def _show_thumbnail(self) -> None:
        if self._picture.isNull():
            self._thumbnail.setPixmap(QPixmap())
            return
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap.fromImage(self._picture).scaled(
            QSize(SIDE, SIDE) * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        pixmap.setDevicePixelRatio(ratio)
        if not self._mask_image.isNull():
            self._tint(pixmap, ratio)
        self._thumbnail.setPixmap(pixmap)

    def _tint(self, pixmap: QPixmap, ratio: float) -> None:
        layer = QImage(pixmap.size(), QImage.Format.Format_ARGB32_Premultiplied)
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        mask = self._mask_image.scaled(
            pixmap.size(),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        ).convertToFormat(QImage.Format.Format_Grayscale8)
        target = QRectF(QPointF(), pixmap.deviceIndependentSize())
        painter = QPainter(layer)
        draw_mask(painter, mask, target, tint(self.palette(), ratio), QPointF(), smooth=True)
        painter.end()
        painter = QPainter(pixmap)
        painter.drawImage(0, 0, layer)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_thumbnail()

    def _show_unreadable(self, _key: str, path: str, _error: str) -> None:
        self._name.set_text(
            self.tr("{name} cannot be shown. It may not be a picture.").format(name=Path(path).name)
        )

    def _choose(self) -> None:
        path = choose_picture(
            self,
            self.tr("Choose a start picture"),
            str(Path(self._path).parent) if self._path else "",
        )
        if path:
            self.set_path(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event)

    def dropEvent(self, event: QDropEvent) -> None:
        for path in accepted_paths(event)[:1]:
            self.set_path(str(path))
