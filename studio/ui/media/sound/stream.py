"""Plays sound that is made while it is heard. Qt Multimedia is imported at the first one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QIODevice, QObject, QTimer, Signal

from studio.protocol import Problem
from studio.ui.shell.background import Background
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from PySide6.QtMultimedia import QAudioSink

_TICK_MS = 40
_BUFFER = 0.4
"""Seconds in the buffer of the output: the window may be busy for that long."""
_AHEAD = 2.0
"""Seconds that wait to be written there."""
_CHANNELS, _BYTES = 2, 2


class SoundStream(QObject):
    """Stereo sound of 16 bits, in blocks of bytes that are made on other threads."""

    failed = Signal(str)
    """It cannot be played; a sentence that says why."""
    ended = Signal()
    """The last block has been heard."""

    def __init__(self, background: Background, rate: int, parent: QObject) -> None:
        super().__init__(parent)
        self._background = background
        self._rate = rate
        self._second = rate * _CHANNELS * _BYTES
        self._blocks: Iterator[bytes] | None = None
        self._sink: QAudioSink | None = None
        self._output: QIODevice | None = None
        self._waiting = bytearray()
        self._reading = self._complete = False
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._write)

    @property
    def is_playing(self) -> bool:
        """Whether sound is heard, or about to be."""
        return self._blocks is not None

    @property
    def seconds(self) -> float:
        """How much has been heard since the beginning."""
        return self._sink.processedUSecs() / 1e6 if self._sink is not None else 0.0

    def start(self, blocks: Iterator[bytes]) -> bool:
        """Play from the first block on; return whether there is something to hear it with."""
        self.stop()
        try:
            sink = self._make_sink()
        except ImportError as error:  # a library of the system is missing
            self._fail(one_line(str(error)))
            return False
        if sink is None:
            self.failed.emit(
                self.tr("This computer has no audio output. Connect headphones or speakers.")
            )
            return False
        self._blocks, self._sink = blocks, sink
        self._waiting.clear()
        self._complete = False
        self._read()
        return True

    def stop(self) -> None:
        """Stop at once."""
        self._timer.stop()
        self._blocks = self._output = None
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.stop()
            sink.deleteLater()

    def _make_sink(self) -> QAudioSink | None:
        from PySide6.QtMultimedia import QAudioFormat, QAudioSink, QMediaDevices

        device = QMediaDevices.defaultAudioOutput()
        if device.isNull():
            return None
        form = QAudioFormat()
        form.setSampleRate(self._rate)
        form.setChannelCount(_CHANNELS)
        form.setSampleFormat(QAudioFormat.SampleFormat.Int16)
        sink = QAudioSink(device, form, self)
        sink.setBufferSize(round(_BUFFER * self._second))
        return sink

    def _read(self) -> None:
        blocks = self._blocks
        if blocks is None or self._reading or self._complete:
            return

        def done(block: bytes | None) -> None:
            self._reading = False
            if blocks is not self._blocks:
                self._read()
                return
            self._complete = block is None
            self._waiting += block or b""
            if self._output is None and self._sink is not None:
                self._output = self._sink.start()
                self._timer.start()
            self._write()

        def failed(problem: Problem) -> None:
            self._reading = False
            if blocks is self._blocks:
                self.stop()
                self.failed.emit(translated(problem.message))
            else:
                self._read()

        self._reading = True
        self._background.read(self, lambda: next(blocks, None), done, failed)

    def _write(self) -> None:
        if self._sink is None or self._output is None:
            return
        free = self._sink.bytesFree() // (_CHANNELS * _BYTES) * (_CHANNELS * _BYTES)
        if free and self._waiting:
            written = self._output.write(bytes(self._waiting[:free]))
            del self._waiting[: max(0, written)]
        if len(self._waiting) < _AHEAD * self._second:
            self._read()
        self._look(self._sink)

    def _look(self, sink: QAudioSink) -> None:
        """Find out whether the output has played everything, or has failed.

        Its signal for that cannot be used: PySide cannot convert its parameter.
        """
        from PySide6.QtMultimedia import QtAudio

        state = sink.state()
        if state == QtAudio.State.IdleState and self._complete and not self._waiting:
            self.stop()
            self.ended.emit()
        elif state == QtAudio.State.StoppedState:
            reason = sink.error().name
            self.stop()
            self._fail(reason)

    def _fail(self, reason: str) -> None:
        self.failed.emit(self.tr("The sound cannot be played: {reason}.").format(reason=reason))
