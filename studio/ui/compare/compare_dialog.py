"""The compare dialog: two to four pictures side by side, captioned with their differences."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPalette
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from studio.library.records import Asset
from studio.ui.compare.differences import differences
from studio.ui.compare.linked_view import LinkedView
from studio.ui.compare.relative_view import RelativeView
from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dialog_frame import fill_dialog, make_picture_window
from studio.ui.widgets.plain_text import breakable, one_line, plain_label, plain_tooltip, rich_label
from studio.ui.widgets.shortened import shortened

MAX_VALUE = 160
"""Maximum characters of a value in a caption; the tooltip has all of them."""


class CompareDialog(QDialog):
    """Not modal; Esc closes it. Object names: `compare.dialog`, `compare.pane.0`, …"""

    def __init__(self, assets: Sequence[Asset], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if not 2 <= len(assets) <= 4:
            raise ValueError(f"{len(assets)} pictures")
        self.setObjectName("compare.dialog")
        self.setWindowTitle(self.tr("Compare"))
        make_picture_window(self, 140, 90)
        self._loader = PictureLoader(self)
        self._loader.stop_when_closed(self)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self.canvases = [
            PictureCanvas(
                self, background=QPalette.ColorRole.AlternateBase, shows_transparency=False
            )
            for _ in assets
        ]
        self._views = [LinkedView(canvas) for canvas in self.canvases]
        self.captions: list[QLabel] = []
        grid = QGridLayout()
        grid.setSpacing(GRID)
        columns = 2 if len(assets) == 4 else len(assets)
        for index, (asset, facts) in enumerate(zip(assets, differences(assets), strict=True)):
            caption = self._caption(index, facts)
            canvas = self.canvases[index]
            canvas.setObjectName(f"compare.pane.{index}")
            canvas.setAccessibleName(
                self.tr("Picture {n} of {count}").format(n=index + 1, count=len(assets))
            )
            canvas.setAccessibleDescription(
                ", ".join(f"{name} {one_line(value)}" for name, value in facts) or caption.text()
            )
            self._views[index].moved.connect(self._synchronise)
            row, column = divmod(index, columns)
            grid.addWidget(canvas, 2 * row, column)
            grid.addWidget(caption, 2 * row + 1, column)
            grid.setRowStretch(2 * row, 1)
            grid.setColumnStretch(column, 1)
            self._loader.request(str(index), str(asset.path))
        fill_dialog(self, grid, self._bar(), stretched=grid, margins=(2, 2, 2, 1), spacing=1)
        self.canvases[0].setFocus()

    def _caption(self, index: int, facts: Sequence[tuple[str, str]]) -> QLabel:
        caption = rich_label("", self)
        caption.setObjectName(f"compare.caption.{index}")
        caption.setWordWrap(True)
        caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if not facts:
            caption.setText(self.tr("The same settings as the others"))
            mute(caption)
        else:
            caption.setText(
                " &nbsp; ".join(
                    f"<b>{escape(name)}</b> {escape(breakable(shortened(value, MAX_VALUE)))}"
                    for name, value in facts
                )
            )
            caption.setToolTip(
                plain_tooltip("\n".join(f"{name}: {value}" for name, value in facts))
            )
        self.captions.append(caption)
        return caption

    def _bar(self) -> QHBoxLayout:
        hint = plain_label(
            self.tr(
                "Wheel or + and − zoom, dragging or the arrow keys move, 0 fits, "
                "1 shows actual pixels, Tab selects the next picture."
            ),
            self,
        )
        hint.setWordWrap(True)
        mute(hint)
        bar = QHBoxLayout()
        bar.setSpacing(GRID)
        bar.addWidget(hint, 1)
        for text, name, act in (
            (self.tr("Fit"), "compare.fit", lambda: self._active().fit()),
            (self.tr("Actual pixels"), "compare.actual", lambda: self._active().actual_size()),
            (self.tr("Close"), "compare.close", self.close),
        ):
            bar.addWidget(dialog_button(text, name, act, self))
        return bar

    def _active(self) -> PictureCanvas:
        return next((canvas for canvas in self.canvases if canvas.hasFocus()), self.canvases[0])

    def _synchronise(self, view: RelativeView) -> None:
        for other in self._views:
            if other is not self.sender():
                other.set_view(view)

    def _loaded(self, key: str, _path: str, image: QImage, size: QSize) -> None:
        self.canvases[int(key)].set_picture(image, size)
        self._views[int(key)].restore_view()

    def _failed(self, key: str, path: str, error: str) -> None:
        self._views[int(key)].set_message(
            self.tr("{path} cannot be shown: {error}").format(path=path, error=error)
        )
