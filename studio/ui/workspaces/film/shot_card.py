"""A shot of the storyboard: its picture with variations, what is seen and said, how long."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.film import KIND
from studio.storyboard.board import MAX_PICTURE, MAX_SECONDS, MAX_VOICE, BoardShot
from studio.storyboard.production import Shown
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.background import Background
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip

WIDTH = 30 * GRID
_PICTURE = QSize(WIDTH - 2 * GRID, (WIDTH - 2 * GRID) * 9 // 16)
_LINES = 3


class ShotCard(QFrame):
    """Object name `film.shot`; inside `film.shot.picture`, `.voice`, `.seconds`, `.motion`, …"""

    changed = Signal()
    moved = Signal(int)
    """By how many places."""
    removed = Signal()

    def __init__(
        self, shot: BoardShot, background: Background, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._shot = shot
        self._background = background
        self._shown = Shown()
        self._path: Path | None = None
        self.setObjectName("film.shot")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setFixedWidth(WIDTH)
        self.number = plain_label(parent=self)
        self.image = plain_label(parent=self)
        self.image.setFixedSize(_PICTURE)
        self.image.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.variation = plain_label(parent=self)
        self.before = self._tool("chevron-left", self.tr("Previous variation"), "before", -1)
        self.after = self._tool("chevron-right", self.tr("Next variation"), "after", 1)
        self.picture = self._text(self.tr("What is seen"), "picture", shot.picture)
        self.voice = self._text(self.tr("What is said"), "voice", shot.voice)
        self.seconds = QDoubleSpinBox(self)
        self.seconds.setObjectName("film.shot.seconds")
        self.seconds.setAccessibleName(self.tr("Seconds"))
        self.seconds.setRange(0.0, MAX_SECONDS)
        self.seconds.setSingleStep(0.5)
        self.seconds.setDecimals(1)
        self.seconds.setSuffix(" s")
        self.seconds.setSpecialValueText(self.tr("Automatic"))
        self.seconds.setToolTip(self.tr("Automatic is as long as what is said"))
        self.seconds.setValue(shot.seconds)
        self.motion = QComboBox(self)
        self.motion.setObjectName("film.shot.motion")
        self.motion.setAccessibleName(tr(KIND.fields["motion"].label))
        for value, title in self._motions():
            self.motion.addItem(title, value)
        self.motion.setCurrentIndex(max(0, self.motion.findData(shot.motion)))
        self._lay_out()
        self.picture.textChanged.connect(self.changed)
        self.voice.textChanged.connect(self.changed)
        self.seconds.valueChanged.connect(lambda _: self.changed.emit())
        self.motion.activated.connect(lambda _: self.changed.emit())
        self._show_variation()

    def shot(self) -> BoardShot:
        """Return the shot as it is shown."""
        return msgspec.structs.replace(
            self._shot,
            picture=self.picture.text()[:MAX_PICTURE],
            voice=self.voice.text()[:MAX_VOICE],
            seconds=self.seconds.value(),
            motion=self.motion.currentData(),
        )

    def set_number(self, number: int) -> None:
        """Show which shot it is."""
        text = self.tr("Shot {number}").format(number=number)
        self.number.setText(text)
        self.setAccessibleName(text)

    def show_made(self, shown: Shown) -> None:
        """Show what there is of the shot."""
        self._shown = shown
        self._show_variation()
        path = shown.picture
        if path == self._path:
            return
        self._path = path
        if path is None:
            self.image.setPixmap(QPixmap())
            return
        ratio = self.devicePixelRatioF()

        def read() -> QImage:
            from studio.ui.media.picture.loader import read_picture

            return read_picture(str(path), _PICTURE * ratio)[0]

        def show(image: QImage) -> None:
            if self._path == path:
                pixmap = QPixmap.fromImage(image)
                pixmap.setDevicePixelRatio(ratio)
                self.image.setPixmap(pixmap)
                if image.isNull():
                    self.image.setText(self.tr("This picture cannot be read"))

        self._background.read(self, read, show)

    def _choose(self, step: int) -> None:
        rows = sorted(self._shown.variations)
        if rows:
            at = rows.index(self._shot.chosen) if self._shot.chosen in rows else 0
            chosen = rows[(at + step) % len(rows)]
            self._shot = msgspec.structs.replace(self._shot, chosen=chosen)
            path = self._shown.variations[chosen].path
            self.show_made(msgspec.structs.replace(self._shown, picture=path))
            self.changed.emit()

    def _show_variation(self) -> None:
        rows = sorted(self._shown.variations)
        several = len(rows) > 1
        for widget in (self.before, self.after, self.variation):
            widget.setVisible(several)
        if several:
            at = rows.index(self._shot.chosen) if self._shot.chosen in rows else 0
            self.variation.setText(f"{at + 1} / {len(rows)}")
        if self._shot.file:
            self.picture.setEnabled(False)
            self.image.setToolTip(plain_tooltip(self._shot.file))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.number, 1)
        for name, text, action in (
            ("chevron-left", self.tr("Move left"), lambda: self.moved.emit(-1)),
            ("chevron-right", self.tr("Move right"), lambda: self.moved.emit(1)),
            ("x", self.tr("Remove shot"), self.removed.emit),
        ):
            button = tool_button(name, text, f"film.shot.{name}", self)
            button.clicked.connect(lambda _=False, act=action: act())
            head.addWidget(button)
        choice = QHBoxLayout()
        choice.addStretch(1)
        for widget in (self.before, self.variation, self.after):
            choice.addWidget(widget)
        choice.addStretch(1)
        foot = QHBoxLayout()
        foot.addWidget(self.seconds)
        foot.addWidget(self.motion, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, GRID, GRID, GRID)
        column.setSpacing(GRID // 2)
        column.addLayout(head)
        column.addWidget(self.image)
        column.addLayout(choice)
        column.addWidget(self.picture)
        column.addWidget(self.voice)
        column.addLayout(foot)

    def _text(self, placeholder: str, name: str, text: str) -> PromptEdit:
        edit = PromptEdit(placeholder, f"film.shot.{name}", self)
        edit.setAccessibleName(placeholder)
        edit.grow(2, _LINES)
        edit.set_text(text)
        return edit

    def _tool(self, icon: str, text: str, name: str, step: int) -> QWidget:
        button = tool_button(icon, text, f"film.shot.{name}", self)
        button.clicked.connect(lambda: self._choose(step))
        return button

    def _motions(self) -> list[tuple[str, str]]:
        return [
            ("auto", self.tr("Automatic")),
            ("none", self.tr("Still")),
            ("in", self.tr("Zoom in")),
            ("out", self.tr("Zoom out")),
            ("left", self.tr("Pan left")),
            ("right", self.tr("Pan right")),
            ("up", self.tr("Pan up")),
            ("down", self.tr("Pan down")),
        ]
