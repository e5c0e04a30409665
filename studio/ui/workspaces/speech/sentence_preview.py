"""Hear one sentence of the text: the selected one, or that at the cursor.

After the first one the voice is loaded. From then on the sentence at the cursor is spoken in
advance while nothing else is to be done, so that it is heard as soon as the button is pressed.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from studio.kinds.speech import SpeechRequest, pairs_of
from studio.protocol import Problem
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.media.sound.sound_panel import ShownSound, read_sound
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.plain_text import one_line, plain_tooltip

if TYPE_CHECKING:
    from studio.ui.shell.reports import Tried

_MOST = 600
"""Characters of a selection that are spoken; more is a job."""
_PREPARE_MS = 500
"""For how long nothing was typed or chosen before a sentence is spoken in advance."""
_MOST_PREPARED = 300
"""Characters of a sentence that is spoken in advance."""
_KEPT = 8
"""Sounds that are kept; the one that is played is among them."""


class SentencePreview(QWidget):
    """Object names: `speech.preview`, `.preview_status`. Nothing of it is kept in the library."""

    spoken = Signal(object, str)
    """A `ShownSound` that is to be played, and its sentence."""

    def __init__(
        self,
        state: AppState,
        prompt: PromptEdit,
        request: Callable[[], SpeechRequest],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._prompt = prompt
        self._request = request
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._token: int | None = None
        self._asked: SpeechRequest | None = None
        self._is_heard = False
        """Whether what is spoken now is to be played, and not only prepared."""
        self._ready: tuple[SpeechRequest, ShownSound] | None = None
        self._files: deque[Path] = deque()
        self._is_warm = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PREPARE_MS)
        self._timer.timeout.connect(self._prepare)
        self.button = QPushButton(icon("circle-play"), self.tr("Hear this sentence"), self)
        self.button.setObjectName("speech.preview")
        self.button.setAccessibleName(self.button.text())
        self.button.setToolTip(
            plain_tooltip(
                self.tr("Reads the selected text, or the sentence at the cursor. Nothing is saved.")
            )
        )
        self.status = StatusLine(self)
        self.status.setObjectName("speech.preview_status")
        self.status.setAccessibleName(self.tr("Preview"))
        mute(self.status)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.status, 1)
        self.button.clicked.connect(self.hear)
        prompt.textChanged.connect(self._show_enabled)
        prompt.cursorPositionChanged.connect(self.prepare_soon)
        state.reports.tried.connect(self._tried)
        state.reports.enqueued.connect(self._make_way)
        state.closing.connect(self._close)
        self._show_enabled()

    def hear(self) -> None:
        """Speak the sentence; an earlier preview that is not there yet is given up."""
        self._timer.stop()
        request = self._chosen()
        if request is None:
            self.status.set_text(self.tr("There is no sentence at the cursor."))
            return
        if self._ready is not None and self._ready[0] == request:
            self._play(*self._ready)
            return
        is_busy = bool(self._state.worker.running_jobs)
        if self._token is None or self._asked != request:
            self._speak(request)
        self._is_heard = True
        self.status.set_text(
            self.tr("After the running job") if is_busy else self.tr("One moment…")
        )

    def prepare_soon(self, *_: object) -> None:
        """Speak the sentence in advance once nothing has changed for a moment."""
        if self._is_warm:
            self._timer.start()

    def stop(self) -> None:
        """Give up a preview that is not there yet."""
        self._timer.stop()
        if self._token is not None:
            self._token = None
            self._state.worker.stop_trying()
            self.status.set_text("")

    def _chosen(self) -> SpeechRequest | None:
        """Return the request for the sentence, None if there is none."""
        request = self._request()
        cast = pairs_of(request.cast)
        text, speaker = chosen_sentence(self._prompt.textCursor(), cast)
        if not text:
            return None
        voice = cast.get(speaker) or request.voice
        return request.with_values(prompt=text, voice=voice, cast="", count=1, format="wav")

    def _prepare(self) -> None:
        if not self.isVisible() or self._token is not None or self._state.worker.running_jobs:
            return
        request = self._chosen()
        known = self._ready[0] if self._ready is not None else None
        if request is None or request == known or len(request.prompt) > _MOST_PREPARED:
            return
        self._speak(request)
        self._is_heard = False

    def _make_way(self, *_: object) -> None:
        """Leave the engine to a job."""
        if not self._is_heard:
            self.stop()

    def _speak(self, request: SpeechRequest) -> None:
        if self._folder is None:
            # What plays may still be open at the end, and Windows does not remove such a file.
            self._folder = tempfile.TemporaryDirectory(
                prefix="studio-preview-", ignore_cleanup_errors=True
            )
        self._asked = request
        self._token = self._state.worker.try_out(request, Path(self._folder.name))

    def _tried(self, report: Tried) -> None:
        if report.token != self._token:
            return
        self._token = None
        request, is_heard = self._asked, self._is_heard
        self._is_heard = False
        if report.problem is not None or report.path is None or request is None:
            if is_heard:
                self._failed(report.problem)
            return
        path = report.path
        self._is_warm = True
        self._keep(path)

        def show(sound: ShownSound) -> None:
            self._ready = (request, sound)
            if is_heard:
                self._play(request, sound)

        self._state.background.read(self, lambda: read_sound(path), show, self._failed)

    def _play(self, request: SpeechRequest, sound: ShownSound) -> None:
        self.status.set_text("")
        self.spoken.emit(sound, one_line(request.prompt))

    def _keep(self, path: Path) -> None:
        self._files.append(path)
        while len(self._files) > _KEPT:
            with contextlib.suppress(OSError):
                self._files.popleft().unlink()

    def _failed(self, problem: Problem | None) -> None:
        self.status.set_text(translated(problem.message) if problem is not None else "")

    def _show_enabled(self) -> None:
        self.button.setEnabled(not self._prompt.document().isEmpty())
        self.prepare_soon()

    def _close(self) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def chosen_sentence(cursor: QTextCursor, cast: Mapping[str, str]) -> tuple[str, str]:
    """Return the selected text or the sentence at the cursor, and who speaks it, "" for nobody."""
    from studio.formats.sounds.sentences import sentences

    if cursor.hasSelection():
        # Qt separates paragraphs with a character of its own.
        selected = cursor.selectedText().replace("\u2029", "\n").strip()
        return selected[:_MOST], ""
    block = cursor.block()
    while block.isValid() and not block.text().strip():
        block = block.next()
    line, at = block.text(), cursor.position() - block.position()
    name, separator, said = line.replace("：", ":").partition(":")
    known = {each.casefold(): each for each in cast}
    speaker = known.get(name.strip().casefold(), "") if separator else ""
    offset = len(line) - len(said) if speaker else 0
    found, end = "", offset
    for found in sentences(line[offset:]):
        end = line.find(found, end) + len(found)
        if at < end:
            break
    return found[:_MOST], speaker
