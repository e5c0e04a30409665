"""The results of a table that was a workbook, as a workbook too: `results.xlsx`.

`results.csv` is written as results come, and is what a resumed run reads; the workbook is made
from it at the end of each run.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.formats.csv_cells import unescaped
from studio.formats.spreadsheet import MAX_CELL, is_spreadsheet, sheet_bytes, sheet_rows
from studio.jobs.results_file import read_rows
from studio.protocol import ProblemError, Sentence, sentence

_NUMBERS = ("line", "row", "seconds")


def sheet_beside(results: Path, table: Path) -> list[Sentence]:
    """Write the lines of `results.csv` as xlsx beside it if the table is a workbook.

    A workbook that was changed since, or is another's, is left alone: a number is added to the
    name. Returns notes for the user.
    """
    if not is_spreadsheet(table):
        return []
    try:
        rows = [list(map(unescaped, cells)) for cells in read_rows(results)]
        if not rows:
            return []
        numbers = [rows[0].index(name) for name in _NUMBERS if name in rows[0]]
        data, cut = sheet_bytes(rows, numbers)
        path = next(
            path
            for number in itertools.count(1)
            if _is_free(path := results.with_name(_name(results.stem, number)), rows)
        )
        write_atomic(path, data)
    except OSError as error:
        reason = error.strerror or str(error)
        return [sentence("The workbook of the results was not written: {reason}.", reason=reason)]
    if not cut:
        return []
    return [
        sentence(
            "{count} cells of {file} are cut off: a cell holds {most} characters. {results} has"
            " them whole.",
            count=cut,
            file=path.name,
            most=f"{MAX_CELL:,}",
            results=results.name,
        )
    ]


def _name(stem: str, number: int) -> str:
    return f"{stem}.xlsx" if number == 1 else f"{stem} ({number}).xlsx"


def _is_free(path: Path, rows: list[list[str]]) -> bool:
    """Return whether nothing is at `path`, or only the beginning of these rows."""
    if not path.exists() and not path.is_symlink():
        return True
    if path.is_symlink():
        return False
    try:
        there = [cells for _, cells in sheet_rows(path)]
    except ProblemError:
        return False
    shown = [_stripped(cells) for cells in rows[: len(there)]]
    return len(there) > 0 and shown == [_stripped(cells) for cells in there]


def _stripped(cells: list[str]) -> list[str]:
    """Return cells without those at the end that are empty, numbers as a workbook has them."""
    last = max((n for n, cell in enumerate(cells) if cell), default=-1)
    return [_plain(cell[: MAX_CELL - 1]) for cell in cells[: last + 1]]


def _plain(cell: str) -> str:
    try:
        return f"{float(cell):.6g}" if len(cell) < 30 else cell
    except ValueError:
        return cell
