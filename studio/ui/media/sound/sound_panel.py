"""A sound with its waveform, a button to play it, and the words that are said in it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.formats.sounds.lyrics import TimedLine, from_lrc
from studio.ui.media.sound.playback import Playback
from studio.ui.media.sound.transcript import Transcript
from studio.ui.media.sound.waveform import Waveform
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip


class ShownSound(Struct, frozen=True):
    """What a sound file says of itself."""

    path: Path
    duration: float = 0.0
    peaks: tuple[float, ...] = ()
    lines: tuple[TimedLine, ...] = ()


def read_sound(path: Path) -> ShownSound:
    """Read waveform and words of a sound file. Reads the disk; raises `OSError`."""
    from studio.formats.recipes.recipe_files import read_content, read_embedded
    from studio.formats.sounds import comments, peaks

    texts = read_embedded(path).texts
    return ShownSound(
        path,
        read_content(path).duration or 0.0,
        peaks.from_text(texts.get(comments.PEAKS, "")),
        from_lrc(texts.get(comments.LYRICS, "")),
    )


def clock(seconds: float) -> str:
    """Return a time as `1:05`, or `1:02:05`."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


class SoundPanel(QWidget):
    """Object names: `<name>.play`, `.waveform`, `.time`, `.transcript`."""

    failed = Signal(str)
    menu_requested = Signal(QPoint)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.playback = Playback(self)
        self.waveform = Waveform(self)
        self.waveform.setObjectName(f"{name}.waveform")
        self.transcript = Transcript(self)
        self.transcript.setObjectName(f"{name}.transcript")
        self.play = tool_button("play", self.tr("Play"), f"{name}.play", self)
        self.play.setIconSize(QSize(3 * GRID, 3 * GRID))
        self.time = plain_label(parent=self)
        self.time.setObjectName(f"{name}.time")
        mute(self.time)
        self.title = plain_label(parent=self)
        self._duration = 0.0
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.play)
        row.addWidget(self.waveform, 1)
        row.addWidget(self.time, 0, Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.title)
        layout.addLayout(row)
        layout.addWidget(self.transcript, 1)
        layout.addStretch()
        self.play.clicked.connect(self.playback.toggle)
        self.waveform.play_pressed.connect(self.playback.toggle)
        self.waveform.jumped.connect(self.playback.jump)
        self.transcript.jumped.connect(self.playback.jump)
        self.playback.moved.connect(self._moved)
        self.playback.changed.connect(self._changed)
        self.playback.failed.connect(self.failed)

    def show_sound(self, sound: ShownSound, title: str = "") -> None:
        """Show a sound; what played before stops."""
        self.playback.set_file(sound.path)
        self._duration = sound.duration
        self.waveform.set_sound(sound.peaks, sound.duration)
        self.transcript.set_lines(sound.lines)
        self.transcript.setVisible(bool(sound.lines))
        self.title.setText(one_line(title))
        self.title.setVisible(bool(title))
        self._moved(0.0)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_requested.emit(event.globalPos())

    def _moved(self, seconds: float) -> None:
        self.waveform.set_position(seconds)
        self.transcript.set_position(seconds)
        self.time.setText(f"{clock(seconds)} / {clock(self._duration)}")

    def _changed(self) -> None:
        playing = self.playback.is_playing
        self.play.setIcon(icon("pause" if playing else "play"))
        text = self.tr("Pause playing") if playing else self.tr("Play")
        self.play.setToolTip(plain_tooltip(text))
        self.play.setAccessibleName(text)
