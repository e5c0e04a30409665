"""A window that shows picture files one by one, such as contact sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QWidget

from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.style.theme import GRID, Severity, mute
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dialog_frame import fill_dialog, make_picture_window
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import plain_label


class PictureDialog(QDialog):
    """Not modal; Esc closes it, Page Up and Page Down show the neighbours. Object names:
    `picture.dialog`, `picture.back`, `picture.forward`, `picture.open`, `picture.folder`.
    """

    def __init__(
        self,
        title: str,
        files: Sequence[Path],
        tell: Callable[[str, Severity], object],
        parent: QWidget | None = None,
        *,
        start: int = 0,
    ) -> None:
        super().__init__(parent)
        self._files = list(files)
        self._place = start
        self._tell = tell
        self.setObjectName("picture.dialog")
        self.setWindowTitle(title)
        make_picture_window(self, 120, 90)
        self._loader = PictureLoader(self, threads=1)
        self._loader.stop_when_closed(self)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self.canvas = PictureCanvas(self)
        self.canvas.setAccessibleName(title)
        self.name = ElidedLabel(parent=self)
        self.note = plain_label(parent=self)
        mute(self.note)
        bar = QHBoxLayout()
        bar.setSpacing(GRID)
        self.back = dialog_button(self.tr("Back"), "picture.back", lambda: self.step(-1), self)
        self.forward = dialog_button(self.tr("Next"), "picture.forward", lambda: self.step(1), self)
        bar.addWidget(self.back)
        bar.addWidget(self.forward)
        bar.addWidget(self.name, 1)
        bar.addWidget(self.note)
        for text, name, icon_name, act in (
            (self.tr("Open"), "picture.open", "external-link", self._open),
            (self.tr("Open folder"), "picture.folder", "folder-open", self._open_folder),
            (self.tr("Close"), "picture.close", "", self.close),
        ):
            bar.addWidget(dialog_button(text, name, act, self, icon_name))
        fill_dialog(self, self.canvas, bar, stretched=self.canvas, margins=(2, 2, 2, 1), spacing=1)
        for keys, by in (("PgUp", -1), ("PgDown", 1)):
            QShortcut(QKeySequence(keys), self).activated.connect(lambda by=by: self.step(by))
        self.back.setVisible(len(files) > 1)
        self.forward.setVisible(len(files) > 1)
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self.step(0)

    def step(self, by: int) -> None:
        """Show a neighbour."""
        self._place = max(0, min(len(self._files) - 1, self._place + by))
        self.back.setEnabled(self._place > 0)
        self.forward.setEnabled(self._place < len(self._files) - 1)
        file = self._files[self._place]
        self.name.set_text(file.name)
        self.note.setText(
            self.tr("{n} of {count}").format(n=self._place + 1, count=len(self._files))
            if len(self._files) > 1
            else ""
        )
        self._loader.request("picture", str(file))

    def _loaded(self, _key: str, _path: str, image: QImage, size: QSize) -> None:
        self.canvas.set_picture(image, size)
        self.canvas.fit()

    def _failed(self, _key: str, _path: str, error: str) -> None:
        self.canvas.clear()
        self.note.setText(self.tr("This picture cannot be shown: {error}").format(error=error))

    def _open(self) -> None:
        open_path(self._files[self._place], self._tell)

    def _open_folder(self) -> None:
        open_path(self._files[self._place].parent, self._tell)
