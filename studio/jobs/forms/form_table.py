"""Fill a form once for each row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from studio.jobs.forms.form_request import FormUse, request_of
from studio.jobs.table import MAX_ERRORS, MAX_ROWS, Table, TableRow
from studio.jobs.table_cells import RowError, read_cells
from studio.protocol import ProblemError, problem, sentence
from studio.writing.forms.form import Form
from studio.writing.forms.form_file import RESERVED
from studio.writing.forms.values import value_errors


def read_form_table(
    path: Path, use: FormUse, options: Mapping[str, Any], encoding: str = ""
) -> Table:
    """Return a table with the request of each row.

    A column with the name or the label of a field fills it; the values of `use` stand for columns
    that a row does not have. All other columns become labels. Raises `ProblemError` (bad_input).
    """
    decoded, cells = read_cells(path, encoding)
    columns = _columns(use.found.form)
    rows: list[TableRow] = []
    errors: list[RowError] = []
    first: tuple[str, ...] = ()
    for line, row in cells:
        if isinstance(row, RowError):
            errors.append(row)
        else:
            texts = {name: _text(value) for name, value in row.items()}
            first = first or tuple(texts.values())
            parsed = _row(line, texts, columns, use, options)
            if isinstance(parsed, TableRow):
                rows.append(parsed)
            else:
                errors.append(parsed)
        if len(errors) >= MAX_ERRORS:
            break
        if len(rows) > MAX_ROWS:
            raise problem(
                "bad_input",
                "The table {path} has more than {most} rows. Split it into several tables.",
                path=path,
                most=MAX_ROWS,
            )
    if not rows and not errors:
        raise problem("bad_input", "The table {path} has no rows.", path=path)
    return Table(tuple(rows), tuple(errors), decoded.encoding, decoded.is_certain, first)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return msgspec.json.encode(value).decode()


def _columns(form: Form) -> dict[str, str]:
    labels = {field.label.casefold(): field.name for field in form.fields}
    return labels | {field.name: field.name for field in form.fields}


def _row(
    line: int,
    cells: Mapping[str, str],
    columns: Mapping[str, str],
    use: FormUse,
    options: Mapping[str, Any],
) -> TableRow | RowError:
    values = dict(use.values)
    others: dict[str, str] = {}
    for name, value in cells.items():
        field = columns.get(name.strip().casefold())
        if field is not None:
            values[field] = value
        elif name in RESERVED:
            message = sentence("A column of a form's table cannot be named {name}.", name=name)
            return RowError(line, name, message)
        else:
            others[name] = value
    own = FormUse(use.found, values, use.brand, use.brand_name)
    for field, message in value_errors(use.found.form, values):
        return RowError(line, field, message)
    try:
        request = request_of(own, options)
    except ProblemError as error:
        return RowError(line, "", error.problem.message)
    return TableRow(line, request, others | own.labels())
