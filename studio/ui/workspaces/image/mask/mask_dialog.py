"""The mask editor: paint the area of the start picture to regenerate."""

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
from studio.ui.widgets.plain_text import plain_label
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.image.mask.drawing import MaskDrawing
from studio.ui.workspaces.image.mask.mask_brush import MaskBrush

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState

MAX_PIXELS = 4_000_000
"""A larger picture is downscaled for painting; masks are scaled to the generated size anyway."""
_SLIDER_STEPS = 1000


def read_opaque(path: str) -> QImage:
    """Read a picture, on white and downscaled to `MAX_PIXELS`. Raises `ProblemError`."""
    image, _, error = read_picture(path)
    if image.isNull():
        raise _unreadable(path, error)
    pixels = image.width() * image.height()
    if pixels > MAX_PIXELS:
        image = image.scaled(
            image.size() * (MAX_PIXELS / pixels) ** 0.5,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    opaque = QImage(image.size(), QImage.Format.Format_RGB32)
    # The engine composites transparent pixels on white too.
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
    """OK saves the mask in the library and emits `saved`; Cancel discards it.

    Object names: `image.mask.dialog`, `.canvas`, `.paint`, `.erase`, `.brush`, `.undo`, `.redo`,
    `.fill`, `.clear`, `.invert`, `.load`, `.fit`, `.ok`, `.cancel`, `.status`.
    """

    saved = Signal(str)
    """The path of the saved mask, empty if the mask is empty."""

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
        self.canvas.setAccessibleName(self.tr("The picture with its mask"))
        self.brush = MaskBrush(self.canvas)
        self.status = TintedLabel(self)
        self.status.setObjectName("image.mask.status")
        self.status.setWordWrap(True)
        self._toolbar = self._make_toolbar()
        self.ok = PrimaryButton(self.tr("OK"), "check", "image.mask.ok", self)
        self.ok.setDefault(True)
        self.ok.clicked.connect(self.accept)
        cancel = dialog_button(self.tr("Cancel"), "image.mask.cancel", self.reject, self)
        button_row = QHBoxLayout()
        button_row.setSpacing(GRID)
        button_row.addWidget(self.status, 1)
        button_row.addWidget(cancel)
        button_row.addWidget(self.ok)
        fill_dialog(
            self,
            self._toolbar,
            self.canvas,
            button_row,
            stretched=self.canvas,
            margins=(2, 1, 2, 2),
            spacing=1,
        )
        self.brush.changed.connect(self._changed)
        self.brush.width_changed.connect(self._show_brush_width)
        self._add_shortcuts()
        self._set_enabled(False)
        self.canvas.setFocus()
        self._load(drawing)

    @property
    def drawing(self) -> MaskDrawing | None:
        """The mask being edited, None until the picture is loaded."""
        return self.brush.drawing

    # ---- actions

    def set_erasing(self, erasing: bool) -> None:
        """Set whether the left button erases or paints."""
        self.brush.erasing = erasing
        (self.erase if erasing else self.paint).setChecked(True)

    def undo(self) -> None:
        """Undo the last step."""
        self._change(MaskDrawing.undo)

    def redo(self) -> None:
        """Redo the last undone step."""
        self._change(MaskDrawing.redo)

    def load_mask(self, path: str) -> None:
        """Replace the mask by the brightness of a picture, as one undo step."""
        self._state.background.read(
            self,
            lambda: read_picture(path),
            lambda found: self._mask_loaded(path, *found),
            self._show_problem,
        )

    def accept(self) -> None:
        """Save the mask and close; if saving fails, show why and stay open."""
        drawing, library = self.drawing, self._state.library
        if drawing is None or not self.ok.isEnabled():
            return
        drawing.end_stroke()
        if drawing.is_empty:
            self._finish("")
            return
        if library is None:
            self._show_problem(
                problem(
                    "bad_input", "The library is not open. Choose its folder in the settings."
                ).problem
            )
            return
        self._set_enabled(False)
        image, root = QImage(drawing.image), library.root

        def write() -> Path:
            from studio.ui.workspaces.image.mask.mask_file import save_mask

            return save_mask(image, root)

        self._state.background.in_order(
            self, write, lambda path: self._finish(str(path)), self._show_problem
        )

    def _make_toolbar(self) -> QWidget:
        tools = QWidget(self)
        row = QHBoxLayout(tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        self.paint = self._tool("brush", self.tr("Paint the mask (B)"), "paint")
        self.erase = self._tool(
            "eraser", self.tr("Erase (E); the right mouse button always erases"), "erase"
        )
        self._modes = QButtonGroup(self)
        for button in (self.paint, self.erase):
            button.setCheckable(True)
            self._modes.addButton(button)
        self.paint.setChecked(True)
        self.paint.clicked.connect(lambda: self.set_erasing(False))
        self.erase.clicked.connect(lambda: self.set_erasing(True))
        label = plain_label(self.tr("Brush"), tools)
        self.brush_width = QSlider(Qt.Orientation.Horizontal, tools)
        self.brush_width.setObjectName("image.mask.brush")
        self.brush_width.setAccessibleName(self.tr("Brush size"))
        self.brush_width.setToolTip(self.tr("Brush size: [ and ], or Ctrl and the wheel"))
        self.brush_width.setRange(0, _SLIDER_STEPS)
        self.brush_width.setPageStep(_SLIDER_STEPS // 12)
        self.brush_width.setSingleStep(_SLIDER_STEPS // 60)
        self.brush_width.setFixedWidth(18 * GRID)
        self.brush_width.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.brush_width.valueChanged.connect(self._set_brush_width)
        label.setBuddy(self.brush_width)
        self._brush_text = plain_label(parent=tools)
        self._brush_text.setMinimumWidth(
            self._brush_text.fontMetrics().horizontalAdvance(self.tr("{n} px").format(n=8888))
        )
        self.undo_button = self._tool("undo-2", self.tr("Undo (Ctrl+Z)"), "undo", self.undo)
        self.redo_button = self._tool("redo-2", self.tr("Redo (Ctrl+Shift+Z)"), "redo", self.redo)
        fill = self._tool(
            "paint-bucket",
            self.tr("Fill the mask"),
            "fill",
            lambda: self._change(lambda drawing: drawing.fill(white=True)),
        )
        clear = self._tool(
            "brush-cleaning",
            self.tr("Clear the mask"),
            "clear",
            lambda: self._change(lambda drawing: drawing.fill(white=False)),
        )
        invert = self._tool(
            "contrast",
            self.tr("Invert the mask"),
            "invert",
            lambda: self._change(MaskDrawing.invert),
        )
        load = dialog_button(self.tr("Load a mask…"), "image.mask.load", self._choose_mask, tools)
        load.setToolTip(self.tr("Use a picture as the mask: white areas are redrawn"))
        load.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        fit = self._tool("fullscreen", self.tr("Fit to window (0)"), "fit")
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
        self, icon_name: str, text: str, name: str, on_click: Callable[[], object] | None = None
    ) -> QToolButton:
        button = tool_button(icon_name, text, f"image.mask.{name}", self)
        # A click must not take the keyboard focus from the canvas.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if on_click is not None:
            button.clicked.connect(lambda: on_click())
        return button

    def _add_shortcuts(self) -> None:
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

    def _load(self, drawing: MaskDrawing | None) -> None:
        def read() -> tuple[QImage, QImage]:
            mask = QImage()
            if self._mask and drawing is None:
                mask, _, _ = read_picture(self._mask)
            return read_opaque(self.picture), mask

        def show(found: tuple[QImage, QImage]) -> None:
            picture, mask = found
            shown = drawing
            if shown is None or shown.image.size() != picture.size():
                shown = MaskDrawing(picture.size())
                if not mask.isNull():
                    shown.set_initial(mask)
            self.brush.set_drawing(picture, shown)
            self.brush.set_width(round(min(picture.width(), picture.height()) / 10))
            self._show_brush_width()
            self._set_enabled(True)
            self.canvas.setFocus()
            self._show_hint()

        self.status.show_text(self.tr("Loading the picture…"))
        self._state.background.read(self, read, show, self._show_problem)

    def _change(self, act: Callable[[MaskDrawing], QRect]) -> None:
        if self.drawing is not None and self._toolbar.isEnabled():
            self.brush.show_change(act(self.drawing))

    def _changed(self) -> None:
        drawing = self.drawing
        self.undo_button.setEnabled(drawing is not None and drawing.can_undo)
        self.redo_button.setEnabled(drawing is not None and drawing.can_redo)

    def _set_enabled(self, enabled: bool) -> None:
        self._toolbar.setEnabled(enabled)
        self.canvas.setEnabled(enabled)
        self.ok.setEnabled(enabled)
        self._changed()

    def _show_hint(self) -> None:
        self.status.show_text(
            self.tr(
                "Paint over the area to redraw. The right mouse button erases, the wheel "
                "zooms, [ and ] change the brush size, and dragging with Space held moves the "
                "picture."
            )
        )

    def _show_problem(self, failure: Problem) -> None:
        self.status.show_text(translated(failure.message), "error")
        self._set_enabled(self.drawing is not None)
        self._state.problem.emit(failure)

    def _finish(self, path: str) -> None:
        self.saved.emit(path)
        super().accept()

    def _choose_mask(self) -> None:
        path = choose_picture(
            self, self.tr("Choose a picture to use as the mask"), str(Path(self.picture).parent)
        )
        if path:
            self.load_mask(path)

    def _mask_loaded(self, path: str, image: QImage, _size: object, error: str) -> None:
        if image.isNull():
            self._show_problem(_unreadable(path, error).problem)
        else:
            self._show_hint()
            self._change(lambda drawing: drawing.load(image))

    def _show_brush_width(self) -> None:
        largest = self.brush.largest_width
        width = self.brush.width
        self._brush_text.setText(self.tr("{n} px").format(n=round(width)))
        with QSignalBlocker(self.brush_width):
            # Logarithmic: each step changes the width by the same factor.
            self.brush_width.setValue(round(_SLIDER_STEPS * _logarithm(width, largest)))

    def _set_brush_width(self, step: int) -> None:
        self.brush.set_width(round(self.brush.largest_width ** (step / _SLIDER_STEPS)))


def _logarithm(value: float, base: float) -> float:
    from math import log

    return log(max(1.0, value)) / log(base)
