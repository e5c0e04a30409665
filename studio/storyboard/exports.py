"""Files beside the film of a storyboard: subtitles, a PDF and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.formats.sounds.subtitle_stream import subtitles_in
from studio.library.disk_problems import file_problem
from studio.library.records import Asset
from studio.library.review import marked_name, worst_state
from studio.storyboard.board import Board
from studio.storyboard.production import Shown
from studio.storyboard.sheets import Cell, write_contact_sheet, write_pdf


def write_beside(
    board: Board, shots: Sequence[Shown], film: Path, state: str = "", note: str = ""
) -> list[Path]:
    """Write subtitles, PDF and contact sheet with the name of the film, and return their paths.

    Their names say the `state` of review, and `note` stands on the pages. They replace those of
    the same film. Raises `ProblemError`.
    """
    beside = film.with_name(marked_name(film.name, state)) if state else film
    title = f"{board.title} – {note}" if note else board.title
    cells = cells_of(board, shots)
    written: list[Path] = []
    try:
        text = subtitles_in(film)
        if text:
            path = beside.with_suffix(".srt")
            write_atomic(path, text.encode("utf-8", "replace"))
            written.append(path)
    except OSError as error:
        raise file_problem(error, film) from error
    pdf, sheet = beside.with_suffix(".pdf"), beside.with_name(f"{beside.stem}-sheet.png")
    write_pdf(title, cells, pdf)
    write_contact_sheet(title, cells, sheet)
    return [*written, pdf, sheet]


def state_of(film: Asset, shots: Sequence[Shown]) -> str:
    """Return the state of review of a film with what it shows, "" if it needs no mark."""
    shown = [
        each
        for shot in shots
        for each in (*shot.variations.values(), shot.voice)
        if each is not None and (each is shot.voice or each.path == shot.picture)
    ]
    return worst_state(each.review_state for each in (film, *shown))


def cells_of(board: Board, shots: Sequence[Shown]) -> list[Cell]:
    """Return the shots as they are drawn on paper."""
    cells: list[Cell] = []
    last: Path | None = None
    for shot, shown in zip(board.shots, shots, strict=True):
        last = shown.picture or last
        cells.append(Cell(last, f"{shown.seconds:.1f} s", shot.voice or shot.picture))
    return cells
