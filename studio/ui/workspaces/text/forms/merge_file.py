"""Write a mail merge as a table: the columns that it had, then results, checks and review."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.formats.csv_cells import escaped
from studio.formats.spreadsheet import sheet_bytes
from studio.jobs.forms.merge import MergedRow, MergeTable
from studio.ui.gallery.review_states import state_title
from studio.ui.style.translations import tr, translated
from studio.ui.workspaces.text.forms.merge_model import RowState


def write_merged(path: Path, table: MergeTable, rows: Sequence[tuple[MergedRow, RowState]]) -> None:
    """Write the table in the format of the file name. Raises `OSError`. On any thread."""
    own = _free((tr("Result"), tr("State"), tr("Checks"), tr("Findings"), tr("Review")), table)
    lines = [[*table.columns, *own]]
    for merged, state in rows:
        wrong = merged.error or state.failed
        findings = state.findings or ()
        said = "; ".join(f"{each.text}: {translated(each.message)}" for each in findings)
        lines.append(
            [
                *(merged.row.cells.get(column, "") for column in table.columns),
                state.text,
                translated(wrong) if wrong is not None else state.status,
                str(len(findings)) if state.findings is not None else "",
                said,
                state_title(state.review) if state.review else "",
            ]
        )
    if path.suffix.lower() == ".xlsx":
        data, _ = sheet_bytes(lines)
    else:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([escaped(cell) for cell in line] for line in lines)
        # The byte order mark tells spreadsheet programs that the table is UTF-8.
        data = text.getvalue().encode("utf-8-sig", "replace")
    write_atomic(path, data)


def _free(names: Sequence[str], table: MergeTable) -> list[str]:
    """Return names that are none of the table's own columns."""
    found = []
    for name in names:
        while name in table.columns:
            name = f"{name} *"
        found.append(name)
    return found
