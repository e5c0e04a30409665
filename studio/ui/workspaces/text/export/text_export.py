"""Exports the text that is edited, with what must be said of it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from PySide6.QtCore import QObject

from studio.formats.atomic_write import write_atomic
from studio.formats.sounds.lyrics import to_srt
from studio.kinds.sources import sources_of
from studio.library.folder.file_names import unused_name
from studio.library.review import mark_of, marked_name, review_state, state_when_changed
from studio.protocol import problem
from studio.ui.gallery.references import referenced
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr
from studio.ui.widgets.open_path import open_path
from studio.ui.workspaces.text.export.marks import marks_of
from studio.ui.workspaces.text.export.write_file import write
from studio.ui.workspaces.text.export.writing import Part, Writing
from studio.writing.editing.script_times import script_lines


class ExportedText(Struct, frozen=True):
    """A text to export, and the result that it is from.

    With `is_changed` it was changed since, so that a review of the result is none of this text.
    """

    title: str
    text: str
    asset: str
    labels: dict[str, str]
    is_changed: bool


def export_text(state: AppState, owner: QObject, exported: ExportedText, path: Path) -> None:
    """Write a text into a file, and say where it is."""

    def work() -> Path:
        return write_text(state, exported, path)

    def done(written: Path) -> None:
        state.show_message(
            tr("The text was exported to {path}.").format(path=written),
            "success",
            tr("Open folder"),
            lambda: open_path(written.parent, state.show_message),
        )

    state.background.long(owner, work, done, state.problem.emit)


def write_text(state: AppState, exported: ExportedText, path: Path) -> Path:
    """Write a text in the format of the file name. Return the file. Raises `OSError`."""
    found = state.library.assets.get(exported.asset) if state.library is not None else None
    review = found.review if found is not None else None
    said = review_state(review, exported.labels)
    if exported.is_changed:
        said, review = state_when_changed(review, exported.labels), None
    marks = marks_of(state.settings, exported.asset, exported.text, said, review)
    # Subtitles have no place for a note, so their name says it.
    if path.suffix.lower() == ".srt":
        lines = script_lines(exported.text)
        if not lines:
            raise problem(
                "bad_input",
                "The text has no table with a column of seconds and one of spoken words, so there "
                "are no subtitles of it.",
            )
        if mark_of(marks.review) is not None:
            path = unused_name(path.with_name(marked_name(path.name, marks.review)))
        write_atomic(path, to_srt(lines).encode())
        return path
    sources = sources_of(found.recipe.request) if found is not None else ()
    said_of = referenced(exported.text, sources)
    part = Part("", said_of.text, is_markdown=True, sources=said_of.lines)
    own = exported.text.lstrip()
    has_title = own.startswith("# ")
    title = own[2:].split("\n", 1)[0].strip() if has_title else exported.title
    write(Writing(title, (part,), marks, not has_title and bool(title)), path)
    return path
