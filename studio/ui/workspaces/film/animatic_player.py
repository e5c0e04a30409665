"""Plays a storyboard: frames are drawn on other threads, in time with the sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal
from PySide6.QtGui import QImage

from studio.ui.media.sound.stream import SoundStream
from studio.ui.shell.background import Background

if TYPE_CHECKING:
    from studio.composition.frames import FrameDrawer
    from studio.composition.sound import Samples
    from studio.storyboard.animatic import Animatic

SOUND_RATE = 48_000
"""That of the sound of films."""
_LONGEST = 960
"""Pixels of the longer side of a frame: one of a larger film takes a processor too long."""
_TICK_MS = 20
_ROUNDING = 1e-6
# PySide makes the classes of enums when they are first used, which only one thread may do.
_RGB = QImage.Format.Format_RGB888


class AnimaticPlayer(QObject):
    """The clock is the sound, or where there is none, that of the computer."""

    shown = Signal(QImage)
    """The frame at the place that is shown."""
    moved = Signal(float)
    """The place that is shown, in seconds, many times a second while it plays."""
    changed = Signal()
    """It began or stopped to play."""
    failed = Signal(str)
    """It plays in silence; a sentence that says why."""

    def __init__(self, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._background = background
        self.animatic: Animatic | None = None
        self._drawer: FrameDrawer | None = None
        self._drawing = self._preparing = False
        self._drawn = self._prepared = -1
        self.seconds = 0.0
        self._since = 0.0
        self._elapsed = QElapsedTimer()
        self._sound = SoundStream(background, SOUND_RATE, self)
        self._sound.failed.connect(self._silent)
        self._sound.ended.connect(self._sound_ended)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def is_playing(self) -> bool:
        """Whether the place moves."""
        return self._timer.isActive()

    def set_animatic(self, animatic: Animatic, drawer: FrameDrawer) -> None:
        """Choose what is played, and show its first frame."""
        self.stop()
        self.animatic, self._drawer = animatic, drawer
        self._drawn = self._prepared = -1
        self.jump(0.0)

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.stop()
        else:
            self.play()

    def play(self) -> None:
        """Play from the place that is shown, or at the end, from the beginning."""
        if self.animatic is None or self.is_playing:
            return
        if self.seconds >= self.animatic.seconds:
            self.seconds = 0.0
        self._timer.start()
        self._begin()
        self.changed.emit()

    def stop(self) -> None:
        """Stop at the place that is shown."""
        self._sound.stop()
        if self.is_playing:
            self._timer.stop()
            self.changed.emit()

    def jump(self, seconds: float) -> None:
        """Show another place, and go on there."""
        if self.animatic is None:
            return
        self.seconds = min(max(0.0, seconds), self.animatic.seconds)
        if self.is_playing:
            self._begin()
        self.moved.emit(self.seconds)
        self._draw()

    def _begin(self) -> None:
        """Begin to count, and to play sound, at the place that is shown."""
        from studio.storyboard.animatic import sound_of

        assert self.animatic is not None
        self._since = self.seconds
        self._elapsed.restart()
        sound = sound_of(self.animatic, self.seconds)
        if sound is not None:
            self._sound.start(_sixteen_bits(sound))

    def _silent(self, text: str) -> None:
        self._since = self.seconds
        self._elapsed.restart()
        self.failed.emit(text)

    def _sound_ended(self) -> None:
        if self.animatic is not None and self.is_playing:
            self._end(self.animatic.seconds)

    def _now(self) -> float:
        heard = self._sound.seconds if self._sound.is_playing else self._elapsed.elapsed() / 1000
        return self._since + heard

    def _tick(self) -> None:
        assert self.animatic is not None
        # Some outputs count backwards by some milliseconds.
        now = max(self.seconds, self._now())
        if now >= self.animatic.seconds and not self._sound.is_playing:
            self._end(self.animatic.seconds)
            return
        self.seconds = min(now, self.animatic.seconds)
        self.moved.emit(self.seconds)
        self._draw()

    def _end(self, seconds: float) -> None:
        self.seconds = seconds
        self.stop()
        self.moved.emit(self.seconds)
        self._draw()

    def _draw(self) -> None:
        """Draw the frame at the place that is shown, unless one is being drawn."""
        drawer, animatic = self._drawer, self.animatic
        if drawer is None or animatic is None or self._drawing:
            return
        timeline = animatic.timeline
        number = min(timeline.frames - 1, int(self.seconds * timeline.rate + _ROUNDING))
        if number == self._drawn:
            return

        def draw() -> QImage:
            pixels = drawer.draw(number)
            height, width, _ = pixels.shape
            return QImage(pixels.tobytes(), width, height, 3 * width, _RGB).copy()

        def done(image: QImage) -> None:
            self._drawing = False
            if drawer is self._drawer:
                self._drawn = number
                self.shown.emit(image)
                self._prepare(number)
            self._draw()

        def failed(_problem: object) -> None:
            self._drawing = False
            self._drawn = number

        self._drawing = True
        self._background.read(self, draw, done, failed)

    def _prepare(self, number: int) -> None:
        """Read the picture of the shot after the one that is shown."""
        drawer, animatic = self._drawer, self.animatic
        assert drawer is not None and animatic is not None
        seen = animatic.timeline.at(number)
        following = seen[0].shot + 1
        if len(seen) > 1 or following in (self._prepared, len(animatic.shots)) or self._preparing:
            return

        def done(_: object) -> None:
            self._preparing = False

        self._preparing, self._prepared = True, following
        self._background.read(self, lambda: drawer.prepare(following), done, done)


def make_drawer(animatic: Animatic) -> FrameDrawer:
    """Return what draws the frames for the window."""
    from studio.storyboard.animatic import drawer_of

    return drawer_of(animatic, _LONGEST)


def _sixteen_bits(sound: Iterator[Samples]) -> Iterator[bytes]:
    return ((block.T * 32767).astype("<i2").tobytes() for block in sound)
