"""Read and check a table of requests: CSV, TSV or JSONL in any encoding, or xlsx.

The column `task` is the kind of request of a row. A column named like a field of the request
fills that field; all other columns become labels. In prompts, `{{column}}` is replaced by that
column's cell of the row. Empty cells count as not given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.untrusted_files import is_file, printable, user_path
from studio.jobs.input_check import input_problem
from studio.jobs.table_cells import RowError, read_cells
from studio.jobs.text_files import text_or_file
from studio.kinds.coding import request_from_fields
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.fields import Field
from studio.kinds.registry import kind_of, known_kind, tasks
from studio.kinds.requests import inputs_of, model_settings, prompt_of
from studio.models.registry import Registry
from studio.protocol import (
    MAX_PROMPT_LENGTH,
    Problem,
    ProblemError,
    Request,
    Sentence,
    problem,
    sentence,
)

MAX_ERRORS = 100
"""Reading stops after this many errors."""

MAX_ROWS = 200_000
_MAX_NAME = 100
"""Characters of a column's name that may be a misspelling."""
# Blanks are not matched apart from the name: where both can match, it takes quadratic time.
_PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")


class TableRow(Struct, frozen=True):
    """A row: its line in the file (from 1), its request, and its labels."""

    line: int
    request: Request
    labels: dict[str, str]


class Table(Struct, frozen=True):
    """The rows of a file. It must not be run if there are `errors`.

    `encoding` is a key of `ENCODINGS` or as it was asked for; a workbook has none.
    """

    rows: tuple[TableRow, ...]
    errors: tuple[RowError, ...]
    encoding: str = "utf-8"
    encoding_is_certain: bool = True
    first_cells: tuple[str, ...] = ()
    """The cells of the first row, to see whether the encoding is right."""


def read_table(path: Path, encoding: str = "") -> Table:
    """Read a `.csv`, `.tsv`, `.jsonl` or `.xlsx` file; without `encoding`, find it out.

    Raises `ProblemError` (bad_input) if the file is not such a table, or not in this encoding.
    Errors of single rows are in `Table.errors`.
    """
    decoded, cells = read_cells(path, encoding, needs="task")
    rows: list[TableRow] = []
    errors: list[RowError] = []
    first: tuple[str, ...] = ()
    files: dict[str, str] = {}
    for line, row in cells:
        if isinstance(row, RowError):
            errors.append(row)
        else:
            first = first or tuple(map(_cell_text, row.values()))
            parsed = _parse_row(line, row, path.parent, files)
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


def model_errors(table: Table, registry: Registry) -> list[RowError]:
    """Return an error for each row whose model is missing or is for another task."""
    errors: list[RowError] = []
    known: dict[Request, Problem | None] = {}
    for row in table.rows:
        settings = model_settings(row.request)
        if settings not in known:
            try:
                registry.resolve_all(row.request)
                known[settings] = None
            except ProblemError as error:
                known[settings] = error.problem
        found = known[settings]
        if found is not None:
            errors.append(RowError(row.line, "model", found.message))
    return errors


def input_errors(table: Table) -> list[RowError]:
    """Return an error for each input file that does not exist or cannot be read."""
    errors: list[RowError] = []
    known: dict[str, Problem | None] = {}
    for row in table.rows:
        named = inputs_of(row.request).items()
        for column, source in ((name, file) for name, files in named for file in files):
            if not is_file(Path(source.path)):
                message = sentence("The file {path} does not exist.", path=source.path)
                errors.append(RowError(row.line, column, message))
                continue
            if source.path not in known:
                accepted = kind_of(row.request).accepted
                known[source.path] = input_problem(Path(source.path), accepted)
            found = known[source.path]
            if found is not None:
                errors.append(RowError(row.line, column, found.message))
    return errors


def _parse_row(
    line: int, cells: Mapping[str, Any], folder: Path, files: dict[str, str]
) -> TableRow | RowError:
    """Return the request of a row. `files` are the texts of the files that rows have named."""
    task = str(cells.get("task", "")).strip().lower()
    kind = known_kind(task)
    if kind is None:
        message = sentence(
            "The task {task} is not known. Use one of: {names}.",
            task=task or "?",
            names=", ".join(tasks()),
        )
        return RowError(line, "task", message)
    fields: dict[str, Any] = {"task": task}
    labels: dict[str, str] = {}
    for name, value in cells.items():
        # A column that happens to have the name of what no cell can hold is a label.
        is_text = isinstance(value, str)
        if name in kind.fields and not (is_text and kind.fields[name].type == "structure"):
            field = kind.fields[name]
            fields[name] = _input_file(value, field, folder) if name in kind.inputs else value
            if field.reads_file:
                try:
                    fields[name] = _text(value, field, folder, files)
                except ProblemError as error:
                    return RowError(line, name, error.problem.message)
        elif name != "task":
            labels[name] = _cell_text(value)
    try:
        for name, field in kind.fields.items():
            # Fields with the length limit of a prompt may contain placeholders.
            if field.max_length == MAX_PROMPT_LENGTH and isinstance(fields.get(name), str):
                fields[name] = _fill_placeholders(fields[name], cells)
        request = request_from_fields(fields)
    except ProblemError as error:
        return RowError(line, "prompt", error.problem.message)
    except msgspec.ValidationError as error:
        column = field_of(error)
        missing = re.search(r"required field `(\w+)`", str(error))
        if missing and not column:
            return RowError(line, missing[1], _missing_column(missing[1], task, labels))
        return RowError(line, column, field_sentence(error, kind.fields))
    prompt = kind.fields.get("prompt")
    is_needed = kind.needs_prompt or (prompt is not None and prompt.required)
    if is_needed and not prompt_of(request).strip():
        return RowError(line, "prompt", sentence("The prompt is empty."))
    for column, message in kind.check(request):
        return RowError(line, column, message)
    return TableRow(line, request, labels)


def _missing_column(column: str, task: str, labels: Mapping[str, str]) -> Sentence:
    """Return the message for a missing column, with a column that may be a misspelling of it."""
    names = [name for name in labels if len(name) <= _MAX_NAME]
    near = get_close_matches(column, names, n=1, cutoff=0.8)
    if near:
        return sentence(
            "Rows with the task {task} need the column {column}. Did you mean the column {near}?",
            task=task,
            column=column,
            near=near[0],
        )
    return sentence("Rows with the task {task} need the column {column}.", task=task, column=column)


def _input_file(value: Any, field: Field, folder: Path) -> Any:
    """Return the input file of a cell, or those between semicolons; they may lie anywhere.

    Relative paths start from the folder of the table.
    """
    if not isinstance(value, str):
        return value
    if field.type == "files":
        names = filter(None, (name.strip() for name in value.split(";")))
        return [{"path": str(user_path(name, folder))} for name in names]
    return {"path": str(user_path(value.strip(), folder))}


def _text(value: Any, field: Field, folder: Path, files: dict[str, str]) -> Any:
    """Return the text of a cell, or of the file that it names; of a JSON object, its text."""
    if not isinstance(value, str):
        return _cell_text(value)
    if value not in files:
        files[value] = text_or_file(value, field.max_length or MAX_PROMPT_LENGTH, folder)
    return files[value]


def _cell_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _fill_placeholders(template: str, cells: Mapping[str, Any]) -> str:
    """Replace the placeholders of a prompt by cells of the row."""
    length = len(template)

    def value(placeholder: re.Match[str]) -> str:
        nonlocal length
        name = placeholder[1].strip()
        if name not in cells:
            raise problem(
                "bad_input",
                "The prompt contains {{{{{name}}}}}, but there is no such column.",
                name=printable(name),
            )
        text = _cell_text(cells[name])
        length += len(text) - len(placeholder[0])
        if length > MAX_PROMPT_LENGTH:
            raise problem(
                "bad_input",
                "With its placeholders filled, the prompt is longer than {most} characters.",
                most=MAX_PROMPT_LENGTH,
            )
        return text

    return _PLACEHOLDER.sub(value, template)
