"""Mail merge: a form over the rows of a table, with the columns that fill its fields chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.jobs.forms.form_request import FormUse, request_of
from studio.jobs.table_cells import RowError, read_cells
from studio.protocol import ProblemError, Request, Sentence, problem
from studio.writing.forms.form import Form
from studio.writing.forms.form_file import RESERVED
from studio.writing.forms.values import value_errors

MAX_MERGED = 20_000
"""Rows of a table in the window."""


class MergeRow(Struct, frozen=True):
    """A row of the table with the texts of its cells, or what is wrong with it."""

    line: int
    cells: dict[str, str] = {}
    error: Sentence | None = None


class MergeTable(Struct, frozen=True):
    """The columns of a table in their order, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[MergeRow, ...]
    is_certain: bool = True


class MergedRow(Struct, frozen=True):
    """The request of a row with its labels; None with the reason where there is none."""

    row: MergeRow
    request: Request | None = None
    labels: dict[str, str] = {}
    error: Sentence | None = None


def read_merge_table(path: Path) -> MergeTable:
    """Return the rows of a table. Raises `ProblemError` (bad_input)."""
    decoded, cells = read_cells(path)
    columns: list[str] = []
    known: set[str] = set()
    rows: list[MergeRow] = []
    for line, row in cells:
        if len(rows) == MAX_MERGED:
            raise problem(
                "bad_input",
                "The table {path} has more than {most} rows. Split it into several tables.",
                path=path,
                most=MAX_MERGED,
            )
        if isinstance(row, RowError):
            rows.append(MergeRow(line, error=row.message))
            continue
        texts = {name: _text(value) for name, value in row.items()}
        if not known.issuperset(texts):
            _add_columns(columns, texts)
            known.update(texts)
        rows.append(MergeRow(line, texts))
    if not rows:
        raise problem("bad_input", "The table {path} has no rows.", path=path)
    return MergeTable(tuple(columns), tuple(rows), decoded.is_certain)


def _add_columns(columns: list[str], names: Iterable[str]) -> None:
    """Add the columns of a row in their place: a row does not name those that it leaves empty."""
    place = 0
    for name in names:
        if name in columns:
            place = columns.index(name) + 1
        else:
            columns.insert(place, name)
            place += 1


def guessed_columns(form: Form, columns: Sequence[str]) -> dict[str, str]:
    """Return the column for each field that has the field's name or label."""
    known = {column.strip().casefold(): column for column in columns}
    found = {}
    for field in form.fields:
        column = known.get(field.name) or known.get(field.label.casefold())
        if column is not None:
            found[field.name] = column
    return found


def merge(
    table: MergeTable, use: FormUse, columns: Mapping[str, str], options: Mapping[str, Any]
) -> tuple[MergedRow, ...]:
    """Fill the form for each row. The values of `use` stand for fields without a column."""
    return tuple(_merged(row, use, columns, options) for row in table.rows)


def _merged(
    row: MergeRow, use: FormUse, columns: Mapping[str, str], options: Mapping[str, Any]
) -> MergedRow:
    if row.error is not None:
        return MergedRow(row, error=row.error)
    filled = {field: row.cells.get(column, "") for field, column in columns.items()}
    values = {**use.values, **filled}
    for _, message in value_errors(use.found.form, values):
        return MergedRow(row, error=message)
    own = FormUse(use.found, values, use.brand, use.brand_name)
    try:
        request = request_of(own, {**options, "count": 1})
    except ProblemError as error:
        return MergedRow(row, error=error.problem.message)
    taken = set(columns.values())
    others = {
        name: value
        for name, value in row.cells.items()
        if name not in taken and name not in RESERVED and value
    }
    return MergedRow(row, request, {**others, **own.labels(), "line": str(row.line)})


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return msgspec.json.encode(value).decode()
