"""A finished transcript: the recording to play, its words, and what can be done with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.formats.sounds.corrected import corrected
from studio.formats.sounds.lyrics import FORMATS, TimedLine, to_text
from studio.kinds.transcribe import TranscribeRequest
from studio.library.folder.file_names import unused_name
from studio.library.review import marked_name
from studio.ui.gallery.review_states import text_note
from studio.ui.media.sound.sound_panel import ShownSound, SoundPanel, read_sound
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.open_path import open_path

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.ui.shell.state import AppState


_SOON_MS = 400
"""Until what is typed gets its times and is kept."""


class TranscriptPart(QWidget):
    """Object names: `transcribe.save`, `.send`, `.revert`, and those of its `SoundPanel`.

    What is typed into the text is a correction, which is kept beside the result.
    """

    send_requested = Signal(str)
    """The text, for the Text tab."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._asset: Asset | None = None
        self._lines: tuple[TimedLine, ...] = ()
        self._heard: tuple[TimedLine, ...] = ()
        self.panel = SoundPanel("transcribe", self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.save = QPushButton(icon("download"), self.tr("Save as…"), self)
        self.save.setObjectName("transcribe.save")
        self.save.clicked.connect(self._choose_file)
        self.send = QPushButton(icon("message-square-text"), self.tr("Send to Text"), self)
        self.send.setObjectName("transcribe.send")
        self.send.clicked.connect(self._send)
        self.revert = QPushButton(icon("undo-2"), self.tr("Discard corrections"), self)
        self.revert.setObjectName("transcribe.revert")
        self.revert.clicked.connect(self._revert)
        self.revert.hide()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._correct)
        self.panel.transcript.edited.connect(self._soon.start)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self.revert)
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
        self.clear()
        self._asset = asset
        request = asset.recipe.request
        assert isinstance(request, TranscribeRequest)
        source = Path(request.input.path)
        seconds = asset.recipe.stats.get("source_duration", 0.0)

        library = self._state.library

        def read() -> tuple[ShownSound, tuple[TimedLine, ...]]:
            from studio.library.recipes.corrections import correction_of

            kept = correction_of(library.root, asset.job, asset.row) if library else ()
            return read_sound(asset.path), kept

        def show(found: tuple[ShownSound, tuple[TimedLine, ...]]) -> None:
            if self._asset is asset:
                sound, kept = found
                self._heard, self._lines = sound.lines, kept or sound.lines
                shown = ShownSound(source, seconds, sound.peaks, self._lines)
                self.panel.show_sound(shown, source.name)
                self.panel.transcript.note = text_note(asset.review_state)
                self.panel.transcript.set_editable(library is not None and not library.is_read_only)
                self.revert.setVisible(bool(kept))

        self._state.background.in_order(self, read, show, self._state.problem.emit)

    def clear(self) -> None:
        """Forget the transcript."""
        self.finish()
        self._asset = None
        self._lines = self._heard = ()
        self.panel.transcript.set_editable(False)
        self.panel.transcript.set_lines(())
        self.revert.hide()
        self.panel.playback.stop()

    def _send(self) -> None:
        self.finish()
        self.send_requested.emit(to_text(self._lines).strip())

    def finish(self) -> None:
        """Keep what was typed last."""
        if self._soon.isActive():
            self._soon.stop()
            self._correct()

    def _correct(self) -> None:
        """Give what was typed its times, and keep it."""
        transcript = self.panel.transcript
        self._lines = corrected(self._heard, transcript.toPlainText())
        transcript.adopt(self._lines)
        self._keep(self._lines)
        self.revert.show()

    def _revert(self) -> None:
        self._soon.stop()
        asset, lines = self._asset, corrected(self._heard, self.panel.transcript.toPlainText())
        self._set_lines(())

        def restore() -> None:
            if self._asset is asset:
                self._set_lines(lines)

        self._state.show_message(
            self.tr("The corrections are discarded."), "success", self.tr("Undo"), restore
        )

    def _set_lines(self, corrections: tuple[TimedLine, ...]) -> None:
        """Show and keep corrections, or what was heard if there are none."""
        self._lines = corrections or self._heard
        self.panel.transcript.set_lines(self._lines)
        self._keep(corrections)
        self.revert.setVisible(bool(corrections))

    def _keep(self, lines: tuple[TimedLine, ...]) -> None:
        asset, library = self._asset, self._state.library
        if asset is None or library is None:
            return

        def keep() -> None:
            from studio.library.recipes.corrections import keep_correction

            keep_correction(library.root, asset.job, asset.row, lines)

        self._state.background.in_order(self, keep, None, self._state.problem.emit)

    def _choose_file(self) -> None:
        self.finish()
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
        lines, asset, library = self._lines, self._asset, self._state.library

        def write() -> Path:
            from studio.formats.atomic_write import write_atomic
            from studio.library.disk_problems import file_problem

            found = library.assets.get(asset.id) if library is not None and asset else None
            target, text = path, FORMATS[suffix](lines)
            if found is not None and (note := text_note(found.review_state)):
                # Only a plain text has a place for a note.
                if suffix == "txt":
                    text = f"{note}\n\n{text}"
                else:
                    name = marked_name(path.name, found.review_state)
                    target = unused_name(path.with_name(name))
            try:
                write_atomic(target, text.encode())
            except OSError as error:
                raise file_problem(error, path.parent) from error
            return target

        def written(target: Path) -> None:
            self._state.show_message(
                self.tr("The transcript is saved as {name}.").format(name=target.name),
                "success",
                self.tr("Open folder"),
                lambda: open_path(path.parent, self._state.show_message),
            )

        self._state.background.long(self, write, written, self._state.problem.emit)
