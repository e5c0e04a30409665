"""Plays a sound file. Qt Multimedia is imported when something is played first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, QUrl, Signal

from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from PySide6.QtMultimedia import QMediaPlayer

_TICK_MS = 40


class Playback(QObject):
    """One sound at a time."""

    moved = Signal(float)
    """The place that is heard, in seconds, many times a second while it plays."""
    changed = Signal()
    """It began or stopped to play."""
    failed = Signal(str)
    """It cannot be played; a sentence that says why."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._player: QMediaPlayer | None = None
        self._start = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def is_playing(self) -> bool:
        """Whether the sound is heard."""
        return self._timer.isActive()

    def set_file(self, path: Path | None) -> None:
        """Choose what is played; what played before stops."""
        self.stop()
        self._path = path
        self._start = 0.0
        if self._player is not None:
            self._player.setSource(QUrl())

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Play from where it stopped, or from the start."""
        if self._path is None:
            return
        if not self._path.is_file():
            self.failed.emit(self.tr("The file is no longer where it was saved."))
            return
        try:
            player = self._player or self._make_player()
        except ImportError as error:  # a library of the system is missing
            self.failed.emit(
                self.tr("The sound cannot be played: {reason}.").format(reason=one_line(str(error)))
            )
            return
        if player is None:
            self.failed.emit(
                self.tr("This computer has no audio output. Connect headphones or speakers.")
            )
            return
        if player.source().isEmpty():
            player.setSource(QUrl.fromLocalFile(str(self._path)))
        player.setPosition(round(self._start * 1000))
        player.play()
        self._timer.start()
        self.changed.emit()

    def pause(self) -> None:
        """Stop for now."""
        if self._player is not None and self.is_playing:
            self._start = self._player.position() / 1000
            self._player.pause()
            self._ended()

    def stop(self) -> None:
        """Stop, and start over at the next time."""
        if self._player is not None and self.is_playing:
            self._player.stop()
            self._ended()
        self._start = 0.0

    def jump(self, seconds: float) -> None:
        """Go on at a time, or begin there when it is played."""
        self._start = max(0.0, seconds)
        if self._player is not None and self.is_playing:
            self._player.setPosition(round(self._start * 1000))
        self.moved.emit(self._start)

    def _make_player(self) -> QMediaPlayer | None:
        """Return the player, None if there is nothing to hear it with."""
        from PySide6.QtMultimedia import QAudioOutput, QMediaDevices, QMediaPlayer

        if QMediaDevices.defaultAudioOutput().isNull():
            return None
        player = QMediaPlayer(self)
        player.setAudioOutput(QAudioOutput(player))
        player.mediaStatusChanged.connect(self._status_changed)
        player.errorOccurred.connect(self._error)
        self._player = player
        return player

    def _tick(self) -> None:
        if self._player is not None:
            self.moved.emit(self._player.position() / 1000)

    def _status_changed(self, status: object) -> None:
        player = self._player
        if player is not None and status == player.MediaStatus.EndOfMedia:
            self._start = 0.0
            self._ended()
            self.moved.emit(0.0)

    def _error(self, _error: object, text: str) -> None:
        if self.is_playing:
            self._ended()
        self.failed.emit(self.tr("The sound cannot be played: {reason}.").format(reason=text))

    def _ended(self) -> None:
        self._timer.stop()
        self.changed.emit()
