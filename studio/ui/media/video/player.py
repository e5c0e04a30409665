"""Plays a video, and another in step with it. Qt Multimedia is imported at the first one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QImage

from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from PySide6.QtMultimedia import QMediaPlayer, QVideoFrame, QVideoSink

_TICK_MS = 40
_OUT_OF_STEP_MS = 80


class VideoPlayer(QObject):
    """The video after the work, which is heard, and the one before it, which is not."""

    shown = Signal(str, QImage)
    """"after" or "before", and the frame to be shown."""
    moved = Signal(float)
    """The place that is shown, in seconds, many times a second while it plays."""
    changed = Signal()
    """It began or stopped to play."""
    failed = Signal(str)
    """It cannot be played; a sentence that says why."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._paths: dict[str, Path] = {}
        self._offset = 0.0
        self._players: dict[str, QMediaPlayer] = {}
        self._sinks: list[QVideoSink] = []
        self._seconds = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def is_playing(self) -> bool:
        """Whether the video moves."""
        return self._timer.isActive()

    def set_files(self, after: Path, before: Path | None, offset: float = 0.0) -> None:
        """Choose what is played; the one before the work begins at `offset` seconds."""
        self.stop()
        self._paths = {"after": after} | ({"before": before} if before is not None else {})
        self._offset = offset
        self._seconds = 0.0
        for player in self._players.values():
            player.setSource(QUrl())

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.stop()
        else:
            self.play()

    def play(self) -> None:
        """Play from the place that is shown."""
        if "after" not in self._paths:
            return
        if not self._paths["after"].is_file():
            self.failed.emit(self.tr("The file is no longer where it was saved."))
            return
        try:
            self._make_players()
        except ImportError as error:  # a library of the system is missing
            self.failed.emit(self._cannot_play(str(error)))
            return
        for name, player in self._players.items():
            path = self._paths.get(name)
            if path is None or not path.is_file():
                continue
            if player.source().isEmpty():
                player.setSource(QUrl.fromLocalFile(str(path)))
            player.setPosition(self._place(name))
            player.play()
        self._timer.start()
        self.changed.emit()

    def stop(self) -> None:
        """Stop at the place that is shown."""
        if self.is_playing:
            self._timer.stop()
            for player in self._players.values():
                player.pause()
            self.changed.emit()

    def jump(self, seconds: float) -> None:
        """Go on at a time, or begin there when it is played."""
        self._seconds = max(0.0, seconds)
        if self.is_playing:
            for name, player in self._players.items():
                player.setPosition(self._place(name))

    def _place(self, name: str) -> int:
        offset = self._offset if name == "before" else 0.0
        return round((self._seconds + offset) * 1000)

    def _make_players(self) -> None:
        if self._players:
            return
        from PySide6.QtMultimedia import QAudioOutput, QMediaDevices, QMediaPlayer, QVideoSink

        for name in ("after", "before"):
            player = QMediaPlayer(self)
            sink = QVideoSink(player)
            player.setVideoSink(sink)
            sink.videoFrameChanged.connect(lambda frame, name=name: self._frame(name, frame))
            self._sinks.append(sink)
            self._players[name] = player
        heard = self._players["after"]
        if not QMediaDevices.defaultAudioOutput().isNull():
            heard.setAudioOutput(QAudioOutput(heard))
        heard.mediaStatusChanged.connect(self._status_changed)
        heard.errorOccurred.connect(self._error)

    def _frame(self, name: str, frame: QVideoFrame) -> None:
        if self.is_playing and frame.isValid():
            self.shown.emit(name, frame.toImage())

    def _tick(self) -> None:
        after, before = self._players["after"], self._players["before"]
        self._seconds = after.position() / 1000
        if "before" in self._paths and abs(before.position() - self._place("before")) > (
            _OUT_OF_STEP_MS
        ):
            before.setPosition(self._place("before"))
        self.moved.emit(self._seconds)

    def _status_changed(self, status: object) -> None:
        if status == self._players["after"].MediaStatus.EndOfMedia:
            self.stop()
            self._seconds = 0.0

    def _error(self, _error: object, text: str) -> None:
        self.stop()
        self.failed.emit(self._cannot_play(text))

    def _cannot_play(self, reason: str) -> str:
        text = self.tr("The video cannot be played: {reason}.")
        return text.format(reason=one_line(reason))
