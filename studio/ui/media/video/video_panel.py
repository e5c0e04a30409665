"""A video with its original: frame by frame in step, with a divider, and played."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.ui.media.picture.before_after import BeforeAfter
from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.video_still import still_image
from studio.ui.media.play_row import PlayRow
from studio.ui.media.video.player import VideoPlayer
from studio.ui.shell.background import Background
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.elided_label import StatusLine

_STEPS = 1000


class VideoPanel(QWidget):
    """Object names: `<name>.canvas`, `.play`, `.place`, `.time`."""

    failed = Signal(str)
    menu_requested = Signal(QPoint)

    def __init__(self, name: str, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._after: Path | None = None
        self._before: Path | None = None
        self._offset = 0.0
        self._duration = 0.0
        self._reading = False
        self._wanted: float | None = None
        self.canvas = PictureCanvas(self)
        self.canvas.setObjectName(f"{name}.canvas")
        self.canvas.setAccessibleName(self.tr("Before and after"))
        self.canvas.setToolTip(
            self.tr("Drag the divider to compare. The wheel zooms, dragging the picture moves it.")
        )
        self.canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.canvas.customContextMenuRequested.connect(
            lambda at: self.menu_requested.emit(self.canvas.mapToGlobal(at))
        )
        self.comparison = BeforeAfter(self.canvas)
        self.player = VideoPlayer(self)
        self.row = PlayRow(name, self.tr("Place in the video"), self)
        self.play, self.place, self.time = self.row.play, self.row.place, self.row.time
        self.place.setRange(0, _STEPS)
        self.caption = StatusLine(self)
        mute(self.caption)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(self.row)
        layout.addWidget(self.caption)
        self.play.clicked.connect(self.player.toggle)
        self.place.valueChanged.connect(self._slid)
        self.player.shown.connect(self._played)
        self.player.moved.connect(self._moved)
        self.player.changed.connect(self._changed)
        self.player.failed.connect(self.failed)

    @property
    def seconds(self) -> float:
        """The place that is shown."""
        return self._duration * self.place.value() / _STEPS

    def show_video(
        self, after: Path, duration: float, before: Path | None = None, offset: float = 0.0
    ) -> None:
        """Show a video, and beside it the one that it was made from, which begins at `offset`."""
        self.player.set_files(after, before, offset)
        self._after, self._before, self._offset = after, before, offset
        self._duration = duration
        self.canvas.clear()
        self.comparison.set_before(QImage())
        self._set_place(0.0)
        self.set_playable(True)
        self._read(0.0)

    def show_picture(self, after: QImage, before: QImage) -> None:
        """Show a single frame, such as a preview of one that is being made."""
        if not after.isNull():
            self.canvas.set_picture(after)
        if not before.isNull():
            self.comparison.set_before(before)

    def set_playable(self, playable: bool) -> None:
        """Say whether there is something to play."""
        for widget in (self.play, self.place):
            widget.setEnabled(playable)

    def stop(self) -> None:
        """Stop playing."""
        self.player.stop()

    def _slid(self, _value: int) -> None:
        self.player.jump(self.seconds)
        self._show_time()
        if not self.player.is_playing:
            self._read(self.seconds)

    def _moved(self, seconds: float) -> None:
        self._set_place(seconds)

    def _set_place(self, seconds: float) -> None:
        self.row.set_place(round(_STEPS * seconds / self._duration) if self._duration else 0)
        self._show_time()

    def _show_time(self) -> None:
        self.row.set_time(self.seconds, self._duration)

    def _changed(self) -> None:
        self.row.set_playing(self.player.is_playing)
        if not self.player.is_playing:
            self._read(self.seconds)

    def _played(self, name: str, image: QImage) -> None:
        if name == "after":
            self.canvas.set_picture(image)
        else:
            self.comparison.set_before(image)

    def _read(self, seconds: float) -> None:
        """Show the frames at a time; while some are read, the last place asked for waits."""
        self._wanted = seconds
        if not self._reading:
            self._read_wanted()

    def _read_wanted(self) -> None:
        seconds, after, before = self._wanted, self._after, self._before
        self._wanted = None
        if seconds is None or after is None:
            return
        place, offset = seconds, self._offset

        def read() -> tuple[QImage, QImage]:
            old = still_image(before, place + offset) if before is not None else QImage()
            return still_image(after, place), old

        def done(images: tuple[QImage, QImage]) -> None:
            self._reading = False
            if after == self._after and not self.player.is_playing:
                self.show_picture(*images)
            self._read_wanted()

        self._reading = True
        self._background.read(self, read, done)
