"""A finished transcript: the recording to play, its words, and what can be done with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.formats.sounds.lyrics import FORMATS, TimedLine, to_text
from studio.kinds.transcribe import TranscribeRequest
from studio.ui.media.sound.sound_panel import ShownSound, SoundPanel, read_sound
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.open_path import open_path

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.shell.state import AppState


class TranscriptPart(QWidget):
    """Object names: `transcribe.save`, `.send`, and those of its `SoundPanel`."""

    send_requested = Signal(str)
    """The text, for the Text tab."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._asset: Asset | None = None
        self._lines: tuple[TimedLine, ...] = ()
        self.panel = SoundPanel("transcribe", self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.save = QPushButton(icon("download"), self.tr("Save as…"), self)
        self.save.setObjectName("transcribe.save")
        self.save.clicked.connect(self._choose_file)
        self.send = QPushButton(icon("message-square-text"), self.tr("Send to Text"), self)
        self.send.setObjectName("transcribe.send")
        self.send.clicked.connect(lambda: self.send_requested.emit(to_text(self._lines).strip()))
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addStretch(1)
        buttons.addWidget(self.send)
        buttons.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.panel, 1)
        column.addLayout(buttons)

    @property
    def asset(self) -> Asset | None:
        """The transcript that is shown."""
        return self._asset

    def show_asset(self, asset: Asset) -> None:
        """Show a transcript; its file is read in the background."""
        self._asset = asset
        request = asset.recipe.request
        assert isinstance(request, TranscribeRequest)
        source = Path(request.input.path)
        seconds = asset.recipe.stats.get("source_duration", 0.0)

        def show(found: ShownSound) -> None:
            if self._asset is asset:
                self._lines = found.lines
                sound = ShownSound(source, seconds, found.peaks, found.lines)
                self.panel.show_sound(sound, source.name)

        self._state.background.read(
            self, lambda: read_sound(asset.path), show, self._state.problem.emit
        )

    def clear(self) -> None:
        """Forget the transcript."""
        self._asset = None
        self._lines = ()
        self.panel.playback.stop()

    def _choose_file(self) -> None:
        if self._asset is None:
            return
        names = {
            "txt": tr("Text"),
            "srt": tr("SubRip subtitles"),
            "vtt": tr("WebVTT subtitles"),
            "lrc": tr("Lyrics with times"),
            "json": tr("Words with times"),
        }
        filters = {f"{name} (*.{suffix})": suffix for suffix, name in names.items()}
        path, chosen = QFileDialog.getSaveFileName(
            self, self.tr("Save the transcript"), f"{self._asset.path.stem}.txt", ";;".join(filters)
        )
        if path:
            self.save_to(Path(path), filters.get(chosen, "txt"))

    def save_to(self, path: Path, form: str) -> None:
        """Write the words to a file; its suffix says the format, otherwise `form` does."""
        suffix = path.suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            path = path.with_name(f"{path.name}.{form}")
            suffix = form
        lines = self._lines

        def write() -> None:
            from studio.formats.atomic_write import write_atomic
            from studio.library.disk_problems import file_problem

            try:
                write_atomic(path, FORMATS[suffix](lines).encode())
            except OSError as error:
                raise file_problem(error, path.parent) from error

        def written(_: None) -> None:
            self._state.show_message(
                self.tr("The transcript is saved as {name}.").format(name=path.name),
                "success",
                self.tr("Open folder"),
                lambda: open_path(path.parent, self._state.show_message),
            )

        self._state.background.long(self, write, written, self._state.problem.emit)
