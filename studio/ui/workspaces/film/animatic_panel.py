"""A storyboard that is played: the frame with its subtitle, and the place to go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from studio.protocol import Problem
from studio.storyboard.board import Board
from studio.storyboard.production import latest_parts, shown_shots
from studio.ui.media.play_row import PlayRow
from studio.ui.shell.background import Background
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.workspaces.film.animatic_player import AnimaticPlayer, make_drawer

if TYPE_CHECKING:
    from studio.composition.frames import FrameDrawer
    from studio.library.store import Library
    from studio.storyboard.animatic import Animatic

_TITLE_HEIGHT = 0.055
"""Of a subtitle, as a share of the frame's shorter side."""
_LEAST_TITLE = 9
"""Points."""
_TITLE = (
    Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom | Qt.TextFlag.TextWordWrap
).value
_BEHIND = QColor(0, 0, 0, 150)


class AnimaticView(QWidget):
    """A frame in the middle of the view, and a subtitle in its lower part."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = QImage()
        self.title = ""
        self.setMinimumSize(20 * GRID, 12 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_image(self, image: QImage) -> None:
        """Show another frame."""
        self.image = image
        self.update()

    def set_title(self, title: str) -> None:
        """Show another subtitle, "" for none."""
        if title != self.title:
            self.title = title
            self.setAccessibleDescription(title)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.image.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing
        )
        size = self.image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        area = QRectF(
            (self.width() - size.width()) / 2,
            (self.height() - size.height()) / 2,
            size.width(),
            size.height(),
        )
        painter.drawImage(area, self.image)
        if self.title:
            self._draw_title(painter, area)

    def _draw_title(self, painter: QPainter, area: QRectF) -> None:
        font = painter.font()
        height = round(min(area.width(), area.height()) * _TITLE_HEIGHT)
        font.setPixelSize(max(_LEAST_TITLE, height))
        painter.setFont(font)
        room = area.adjusted(2 * height, 0, -2 * height, -height)
        text = painter.boundingRect(room, _TITLE, self.title)
        painter.fillRect(text.adjusted(-height / 2, -height / 4, height / 2, height / 4), _BEHIND)
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(room, _TITLE, self.title)


class AnimaticPanel(QWidget):
    """Object names: `film.shots_played`, and inside `.view`, `.play`, `.place`, `.time`."""

    failed = Signal(str)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._wanted: Board | None = None
        name = "film.shots_played"
        self.setObjectName(name)
        self.player = AnimaticPlayer(background, self)
        self.view = AnimaticView(self)
        self.view.setObjectName(f"{name}.view")
        self.view.setAccessibleName(self.tr("Shots, played as the film will be"))
        self.row = PlayRow(name, self.tr("Place in the film"), self)
        self.play, self.place, self.time = self.row.play, self.row.place, self.row.time
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.view, 1)
        layout.addLayout(self.row)
        self.play.clicked.connect(self.player.toggle)
        self.place.valueChanged.connect(self._slid)
        self.player.shown.connect(self.view.set_image)
        self.player.moved.connect(self._moved)
        self.player.changed.connect(self._changed)
        self.player.failed.connect(self.failed)

    def play_board(self, library: Library, id: str, board: Board) -> None:
        """Play a storyboard with what there is of it."""

        def read() -> tuple[Animatic, FrameDrawer]:
            from studio.storyboard.animatic import animatic_of

            animatic = animatic_of(board, shown_shots(library, board, latest_parts(library, id)))
            return animatic, make_drawer(animatic)

        def show(found: tuple[Animatic, FrameDrawer]) -> None:
            if self._wanted is not board:
                return
            animatic, drawer = found
            self.place.setRange(0, animatic.timeline.frames)
            self.place.setPageStep(max(1, round(animatic.timeline.rate)))
            self.player.set_animatic(animatic, drawer)
            self.player.play()

        self.stop()
        self._wanted = board
        self._background.read(self, read, show, self._refused)

    def stop(self) -> None:
        """Stop playing."""
        self._wanted = None
        self.player.stop()

    def _refused(self, problem: Problem) -> None:
        self.failed.emit(translated(problem.message))

    def _slid(self, frame: int) -> None:
        if self.player.animatic is not None:
            self.player.jump(float(frame / self.player.animatic.timeline.rate))

    def _moved(self, seconds: float) -> None:
        from studio.storyboard.animatic import title_at

        animatic = self.player.animatic
        if animatic is None:
            return
        self.row.set_place(round(seconds * animatic.timeline.rate))
        self.row.set_time(seconds, animatic.seconds)
        self.view.set_title(title_at(animatic, seconds))

    def _changed(self) -> None:
        self.row.set_playing(self.player.is_playing)
