"""The mask editor: what of the start picture is drawn anew is painted on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QImage, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QWidget,
)

from studio.protocol import Problem, ProblemError, problem
from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.choose_picture import choose_picture
from studio.ui.media.picture.loader import read_picture
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import PrimaryButton, dialog_button, tool_button
from studio.ui.widgets.dialog_frame import fill_dialog, make_picture_window
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.image.mask.drawing import MaskDrawing
from studio.ui.workspaces.image.mask.mask_brush import MaskBrush

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState

MOST_PIXELS = 4_000_000
"""A mask of a larger picture is painted smaller; it is fitted to what is drawn anyway."""
_NOTCHES = 1000


def read_opaque(path: str) -> QImage:
    """Read a picture, opaque and not larger than `MOST_PIXELS`. Raises `ProblemError`."""
    image, _, error = read_picture(path)
    if image.isNull():
        raise _unreadable(path, error)
    pixels = image.width() * image.height()
    if pixels > MOST_PIXELS:
        image = image.scaled(
            image.size() * (MOST_PIXELS / pixels) ** 0.5,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    opaque = QImage(image.size(), QImage.Format.Format_RGB32)
    # The model is given transparent pixels on white.
    opaque.fill(Qt.GlobalColor.white)
    painter = QPainter(opaque)
    painter.drawImage(0, 0, image)
    painter.end()
    return opaque


def _unreadable(path: str, error: str) -> ProblemError:
    return problem(
        "bad_input",
        "{file} is not a readable picture, or it is incomplete. Choose another one.",
        error,
        file=path,
    )


class MaskDialog(QDialog):
    """OK writes the mask into the library and tells its path; Cancel leaves all as it was.

    Object names: `image.mask.dialog`, `.canvas`, `.paint`, `.erase`, `.brush`, `.undo`, `.redo`,
    `.fill`, `.clear`, `.invert`, `.load`, `.fit`, `.ok`, `.cancel`, `.status`.
    """

    kept = Signal(str)
    """The path of the mask's file; empty where nothing is marked."""

    def __init__(
        self,
        state: AppState,
        picture: str,
        mask: str = "",
        parent: QWidget | None = None,
        drawing: MaskDrawing | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self.picture = picture
        self._mask = mask
        self.setObjectName("image.mask.dialog")
        self.setWindowTitle(self.tr("Mask"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        make_picture_window(self, 124, 92)
        self.canvas = PictureCanvas(self)
        self.canvas.setMinimumSize(240, 160)
        self.canvas.setObjectName("image.mask.canvas")
        self.canvas.setAccessibleName(self.tr("The picture, painted where it is drawn anew"))
        self.brush = MaskBrush(self.canvas)
        self.status = TintedLabel(self)
        self.status.setObjectName("image.mask.status")
        self.status.setWordWrap(True)
        self._tools = self._bar()
        self.ok = PrimaryButton(self.tr("OK"), "check", "image.mask.ok", self)
        self.ok.setDefault(True)
        self.ok.clicked.connect(self.accept)
        cancel = dialog_button(self.tr("Cancel"), "image.mask.cancel", self.reject, self)
        below = QHBoxLayout()
        below.setSpacing(GRID)
        below.addWidget(self.status, 1)
        below.addWidget(cancel)
        below.addWidget(self.ok)
        fill_dialog(
            self,
            self._tools,
            self.canvas,
            below,
            stretched=self.canvas,
            margins=(2, 1, 2, 2),
            spacing=1,
        )
        self.brush.changed.connect(self._changed)
        self.brush.width_changed.connect(self._show_brush_width)
        self._bind()
        self._enable(False)
        self.canvas.setFocus()
        self._read(drawing)

    @property
    def drawing(self) -> MaskDrawing | None:
        """What was painted, once the picture has been read."""
        return self.brush.drawing

    # ---- what the buttons do

    def set_erasing(self, erasing: bool) -> None:
        """Let the left button erase, or paint."""
        self.brush.erasing = erasing
        (self.erase if erasing else self.paint).setChecked(True)

    def undo(self) -> None:
        """Take the last step back."""
        self._change(MaskDrawing.undo)

    def redo(self) -> None:
        """Do again what was taken back."""
        self._change(MaskDrawing.redo)

    def load_mask(self, path: str) -> None:
        """Take the brightness of a picture as the mask, as one step."""
        self._state.background.read(
            self,
            lambda: read_picture(path),
            lambda found: self._loaded(path, *found),
            self._refused,
        )

    def accept(self) -> None:
        """Write the mask, then close; where that fails, say why and stay."""
        drawing, library = self.drawing, self._state.library
        if drawing is None or not self.ok.isEnabled():
            return
        drawing.end()
        if drawing.is_empty:
            self._done("")
            return
        if library is None:
            self._refused(
                problem(
                    "bad_input", "The library is not open. Choose its folder in the settings."
                ).problem
            )
            return
        self._enable(False)
        image, root = QImage(drawing.image), library.root

        def write() -> Path:
            from studio.ui.workspaces.image.mask.mask_file import save_mask

            return save_mask(image, root)

        self._state.background.in_order(
            self, write, lambda path: self._done(str(path)), self._refused
        )

    # ---- inside

    def _bar(self) -> QWidget:
        tools = QWidget(self)
        row = QHBoxLayout(tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        self.paint = self._tool("brush", self.tr("Paint what is drawn anew (B)"), "paint")
        self.erase = self._tool(
            "eraser", self.tr("Erase (E); the right button always does"), "erase"
        )
        self._modes = QButtonGroup(self)
        for button in (self.paint, self.erase):
            button.setCheckable(True)
            self._modes.addButton(button)
        self.paint.setChecked(True)
        self.paint.clicked.connect(lambda: self.set_erasing(False))
        self.erase.clicked.connect(lambda: self.set_erasing(True))
        label = QLabel(self.tr("Brush"), tools)
        self.brush_width = QSlider(Qt.Orientation.Horizontal, tools)
        self.brush_width.setObjectName("image.mask.brush")
        self.brush_width.setAccessibleName(self.tr("Size of the brush"))
        self.brush_width.setToolTip(self.tr("Size of the brush: [ and ], or the wheel with Ctrl"))
        self.brush_width.setRange(0, _NOTCHES)
        self.brush_width.setPageStep(_NOTCHES // 12)
        self.brush_width.setSingleStep(_NOTCHES // 60)
        self.brush_width.setFixedWidth(18 * GRID)
        self.brush_width.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.brush_width.valueChanged.connect(self._set_brush_width)
        label.setBuddy(self.brush_width)
        self._brush_text = QLabel(tools)
        self._brush_text.setMinimumWidth(
            self._brush_text.fontMetrics().horizontalAdvance(self.tr("{n} px").format(n=8888))
        )
        self.undo_button = self._tool("undo-2", self.tr("Undo (Ctrl+Z)"), "undo", self.undo)
        self.redo_button = self._tool("redo-2", self.tr("Redo (Ctrl+Shift+Z)"), "redo", self.redo)
        fill = self._tool(
            "paint-bucket",
            self.tr("Mark everything"),
            "fill",
            lambda: self._change(lambda drawing: drawing.fill(white=True)),
        )
        clear = self._tool(
            "brush-cleaning",
            self.tr("Mark nothing"),
            "clear",
            lambda: self._change(lambda drawing: drawing.fill(white=False)),
        )
        invert = self._tool(
            "contrast",
            self.tr("Mark what is not marked, and the other way round"),
            "invert",
            lambda: self._change(MaskDrawing.invert),
        )
        load = dialog_button(self.tr("Load a mask…"), "image.mask.load", self._choose_mask, tools)
        load.setToolTip(self.tr("Take a picture as the mask: what is white is drawn anew"))
        load.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        fit = self._tool("fullscreen", self.tr("Show the whole picture (0)"), "fit")
        fit.clicked.connect(self.canvas.fit)
        for group in (
            (self.paint, self.erase),
            (label, self.brush_width, self._brush_text),
            (self.undo_button, self.redo_button),
            (fill, clear, invert),
        ):
            for widget in group:
                row.addWidget(widget)
            row.addSpacing(GRID)
            line = QFrame(tools)
            line.setFrameShape(QFrame.Shape.VLine)
            line.setFrameShadow(QFrame.Shadow.Sunken)
            row.addWidget(line)
            row.addSpacing(GRID)
        row.addWidget(load)
        row.addStretch(1)
        row.addWidget(fit)
        return tools

    def _tool(
        self, picture: str, text: str, name: str, act: Callable[[], object] | None = None
    ) -> QToolButton:
        button = tool_button(picture, text, f"image.mask.{name}", self)
        # The keys stay with the picture.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if act is not None:
            button.clicked.connect(lambda: act())
        return button

    def _bind(self) -> None:
        for keys, act in (
            ("Ctrl+Z", self.undo),
            ("Ctrl+Shift+Z", self.redo),
            ("Ctrl+Y", self.redo),
            ("B", lambda: self.set_erasing(False)),
            ("E", lambda: self.set_erasing(True)),
            ("[", lambda: self.brush.scale_width(-1)),
            ("]", lambda: self.brush.scale_width(1)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _read(self, drawing: MaskDrawing | None) -> None:
        def read() -> tuple[QImage, QImage]:
            mask = QImage()
            if self._mask and drawing is None:
                mask, _, _ = read_picture(self._mask)
            return read_opaque(self.picture), mask

        def show(found: tuple[QImage, QImage]) -> None:
            picture, mask = found
            kept = drawing
            if kept is None or kept.image.size() != picture.size():
                kept = MaskDrawing(picture.size())
                if not mask.isNull():
                    kept.start(mask)
            self.brush.set_drawing(picture, kept)
            self.brush.set_width(round(min(picture.width(), picture.height()) / 10))
            self._show_brush_width()
            self._enable(True)
            self.canvas.setFocus()
            self._hint()

        self.status.show_text(self.tr("The picture is being read…"))
        self._state.background.read(self, read, show, self._refused)

    def _change(self, act: Callable[[MaskDrawing], QRect]) -> None:
        if self.drawing is not None and self._tools.isEnabled():
            self.brush.apply(act(self.drawing))

    def _changed(self) -> None:
        drawing = self.drawing
        self.undo_button.setEnabled(drawing is not None and drawing.can_undo)
        self.redo_button.setEnabled(drawing is not None and drawing.can_redo)

    def _enable(self, usable: bool) -> None:
        self._tools.setEnabled(usable)
        self.canvas.setEnabled(usable)
        self.ok.setEnabled(usable)
        self._changed()

    def _hint(self) -> None:
        self.status.show_text(
            self.tr(
                "Paint over what is to be drawn anew. The right button erases, the wheel zooms, "
                "[ and ] change the brush, and with Space the picture can be dragged."
            )
        )

    def _refused(self, trouble: Problem) -> None:
        self.status.show_text(translated(trouble.message), "error")
        self._enable(self.drawing is not None)
        self._state.problem.emit(trouble)

    def _done(self, path: str) -> None:
        self.kept.emit(path)
        super().accept()

    def _choose_mask(self) -> None:
        path = choose_picture(
            self, self.tr("Choose a picture as the mask"), str(Path(self.picture).parent)
        )
        if path:
            self.load_mask(path)

    def _loaded(self, path: str, image: QImage, _size: object, error: str) -> None:
        if image.isNull():
            self._refused(_unreadable(path, error).problem)
        else:
            self._hint()
            self._change(lambda drawing: drawing.load(image))

    def _show_brush_width(self) -> None:
        largest = self.brush.largest_width
        width = self.brush.width
        self._brush_text.setText(self.tr("{n} px").format(n=round(width)))
        with QSignalBlocker(self.brush_width):
            # Each notch makes the brush larger by the same share.
            self.brush_width.setValue(round(_NOTCHES * _logarithm(width, largest)))

    def _set_brush_width(self, notch: int) -> None:
        self.brush.set_width(round(self.brush.largest_width ** (notch / _NOTCHES)))


def _logarithm(value: float, base: float) -> float:
    from math import log

    return log(max(1.0, value)) / log(base)
