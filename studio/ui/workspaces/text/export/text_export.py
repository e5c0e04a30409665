"""Exports the text that is edited, with what must be said of it."""

from __future__ import annotations

import itertools
from pathlib import Path

from msgspec import Struct
from PySide6.QtCore import QObject

from studio.formats.atomic_write import write_atomic
from studio.formats.sounds.lyrics import to_srt
from studio.library.folder.file_names import numbered
from studio.library.review import Review
from studio.protocol import problem
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr
from studio.ui.widgets.open_path import open_path
from studio.ui.workspaces.text.export.marks import marks_of
from studio.ui.workspaces.text.export.write_file import write
from studio.ui.workspaces.text.export.writing import Part, Writing
from studio.writing.editing.script_times import script_lines

_REVIEW_MARKS = {"needs_review": "needs-review", "rejected": "rejected", "draft": "draft"}


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
    review: Review | None = None
    if state.library is not None and not exported.is_changed:
        found = state.library.assets.get(exported.asset)
        review = found.review if found is not None else None
    marks = marks_of(state.settings, exported.asset, exported.text, exported.labels, review)
    # Subtitles have no place for a note, so their name says it.
    if path.suffix.lower() == ".srt":
        lines = script_lines(exported.text)
        if not lines:
            raise problem(
                "bad_input",
                "The text has no table with a column of seconds and one of spoken words, so there "
                "are no subtitles of it.",
            )
        if mark := _REVIEW_MARKS.get(marks.review):
            path = _unused(path.with_name(f"{path.stem}-{mark}{path.suffix}"))
        write_atomic(path, to_srt(lines).encode())
        return path
    part = Part("", exported.text, is_markdown=True)
    own = exported.text.lstrip()
    has_title = own.startswith("# ")
    title = own[2:].split("\n", 1)[0].strip() if has_title else exported.title
    write(Writing(title, (part,), marks, not has_title and bool(title)), path)
    return path


def _unused(path: Path) -> Path:
    """Return a name that no file has: nobody was asked about this one."""
    names = (numbered(path, number) for number in itertools.count(1))
    return next(name for name in names if not name.exists())
