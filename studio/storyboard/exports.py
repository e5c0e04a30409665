"""Files beside the film of a storyboard: subtitles, a PDF and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.formats.sounds.subtitle_stream import subtitles_in
from studio.library.disk_problems import file_problem
from studio.storyboard.board import Board
from studio.storyboard.production import Shown
from studio.storyboard.sheets import Cell, write_contact_sheet, write_pdf


def write_beside(board: Board, shots: Sequence[Shown], film: Path) -> list[Path]:
    """Write subtitles, PDF and contact sheet with the name of the film, and return their paths.

    They replace those of the same film. Raises `ProblemError`.
    """
    cells = cells_of(board, shots)
    written: list[Path] = []
    try:
        text = subtitles_in(film)
        if text:
            path = film.with_suffix(".srt")
            write_atomic(path, text.encode("utf-8", "replace"))
            written.append(path)
    except OSError as error:
        raise file_problem(error, film) from error
    pdf, sheet = film.with_suffix(".pdf"), film.with_name(f"{film.stem}-sheet.png")
    write_pdf(board.title, cells, pdf)
    write_contact_sheet(board.title, cells, sheet)
    return [*written, pdf, sheet]


def cells_of(board: Board, shots: Sequence[Shown]) -> list[Cell]:
    """Return the shots as they are drawn on paper."""
    cells: list[Cell] = []
    last: Path | None = None
    for shot, shown in zip(board.shots, shots, strict=True):
        last = shown.picture or last
        cells.append(Cell(last, f"{shown.seconds:.1f} s", shot.voice or shot.picture))
    return cells
