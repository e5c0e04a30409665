"""A table of requests, CSV or JSONL: read in any usual encoding, checked before anything runs.

Column `task` says what kind of request a row is; a column with the name of one of its fields
fills that field; every other column is kept as a label. In a text prompt, `{{column}}` stands
for that column of the row. Empty cells count as not given.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.jobs.picture_check import picture_problem
from studio.kinds.coding import request_from_fields
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.registry import kind_of, known_kind, tasks
from studio.kinds.requests import inputs_of, prompt_of
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

MOST_ERRORS = 100
"""Errors that are listed; a table with more is not read further."""

_HOLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_LARGEST_CELL = 1_000_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class TableRow(Struct, frozen=True):
    """One row: its line in the file (from 1), the request, and the columns that are labels."""

    line: int
    request: Request
    labels: dict[str, str]


class RowError(Struct, frozen=True):
    """What is wrong with one cell; `column` is empty where it is about the whole row."""

    line: int
    column: str
    message: Sentence


class Table(Struct, frozen=True):
    """What a file held. With `errors` nothing of it should run."""

    rows: tuple[TableRow, ...]
    errors: tuple[RowError, ...]


def read_table(path: Path) -> Table:
    """Read a `.csv`, `.tsv` or `.jsonl` file.

    Raises `ProblemError` (bad_input) where it is no such table at all; what is wrong with
    single rows is in `Table.errors`.
    """
    try:
        text = _decoded(path.read_bytes(), path)
    except OSError as error:
        raise problem(
            "bad_input",
            "The table {path} cannot be read: {reason}.",
            path=path,
            reason=error.strerror or type(error).__name__,
        ) from error
    cells = _json_rows(text) if path.suffix.lower() == ".jsonl" else _csv_rows(text, path)
    rows: list[TableRow] = []
    errors: list[RowError] = []
    for line, row in cells:
        if isinstance(row, RowError):
            errors.append(row)
        else:
            made = _request(line, row, path.parent)
            if isinstance(made, TableRow):
                rows.append(made)
            else:
                errors.append(made)
        if len(errors) >= MOST_ERRORS:
            break
    if not rows and not errors:
        raise problem("bad_input", "The table {path} has no rows.", path=path)
    return Table(tuple(rows), tuple(errors))


def model_errors(table: Table, registry: Registry) -> list[RowError]:
    """Return an error for each row whose model is not there or does another task."""
    errors: list[RowError] = []
    known: dict[Request, Problem | None] = {}
    for row in table.rows:
        alike = _settings_only(row.request)
        if alike not in known:
            try:
                registry.resolve_all(row.request)
                known[alike] = None
            except ProblemError as error:
                known[alike] = error.problem
        trouble = known[alike]
        if trouble is not None:
            errors.append(RowError(row.line, "model", trouble.message))
    return errors


def _settings_only(request: Request) -> Request:
    """Return the request with neither prompts nor files, as which model it needs depends on."""
    kind = kind_of(request)
    plain: dict[str, Any] = {name: field.default for name, field in kind.fields.items()}
    plain |= {name: "" for name, field in kind.fields.items() if field.required}
    kept = {
        name: getattr(request, name)
        for name, field in kind.fields.items()
        if field.type == "choice" or name in ("model", "adapters")
    }
    return request.with_values(**(plain | kept))


def input_errors(table: Table) -> list[RowError]:
    """Return an error for each row of which an input file is not there, or no whole picture."""
    errors: list[RowError] = []
    known: dict[str, Problem | None] = {}
    for row in table.rows:
        for column, source in inputs_of(row.request).items():
            if not Path(source.path).is_file():
                told = sentence("The file {path} is not there.", path=source.path)
                errors.append(RowError(row.line, column, told))
                continue
            if source.path not in known:
                known[source.path] = picture_problem(Path(source.path))
            trouble = known[source.path]
            if trouble is not None:
                errors.append(RowError(row.line, column, trouble.message))
    return errors


def _decoded(data: bytes, path: Path) -> str:
    """Decode by the mark at the start, else UTF-8, else GB 18030 (which includes GBK)."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise problem(
        "bad_input",
        "The text of {path} is in an encoding that is not known. Save it as UTF-8.",
        path=path,
    )


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    csv.field_size_limit(_LARGEST_CELL)
    first = text.split("\n", 1)[0]
    counts = {sign: first.count(sign) for sign in (",", ";", "\t")}
    reader = csv.reader(io.StringIO(text), delimiter=max(counts, key=counts.__getitem__))
    try:
        names = [name.strip() for name in next(reader)]
    except (StopIteration, csv.Error) as error:
        raise problem("bad_input", "The table {path} is empty.", path=path) from error
    if "task" not in names:
        raise problem(
            "bad_input",
            "The table {path} has no column `task`. Its first line must name the columns, and"
            " `task` says for each row what to make: {names}.",
            path=path,
            names=", ".join(tasks()),
        )
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        raise problem(
            "bad_input",
            "The table {path} has the column {column} twice.",
            path=path,
            column=doubled[0],
        )
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, RowError(line, "", sentence("This line cannot be read: {why}.", why=error))
            continue
        if not any(value.strip() for value in values):
            continue
        if len(values) > len(names):
            yield (
                line,
                RowError(
                    line,
                    "",
                    sentence(
                        "There are {found} cells, but only {named} columns have a name. Put text"
                        " with commas in quotes.",
                        found=len(values),
                        named=len(names),
                    ),
                ),
            )
            continue
        yield line, {k: v for k, v in zip(names, values, strict=False) if k and v.strip()}


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    for line, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            row = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            yield line, RowError(line, "", sentence("This line is no JSON: {why}.", why=error))
            continue
        if not isinstance(row, dict):
            yield line, RowError(line, "", sentence("This line is no JSON object."))
            continue
        yield line, {str(k): v for k, v in row.items() if v not in (None, "")}


def _request(line: int, cells: Mapping[str, Any], folder: Path) -> TableRow | RowError:
    task = str(cells.get("task", "")).strip().lower()
    kind = known_kind(task)
    if kind is None:
        told = sentence(
            "The task {task} is not known. There are: {names}.",
            task=task or "?",
            names=", ".join(tasks()),
        )
        return RowError(line, "task", told)
    fields: dict[str, Any] = {"task": task}
    labels: dict[str, str] = {}
    for name, value in cells.items():
        if name in kind.fields:
            fields[name] = _file(value, folder) if name in kind.inputs else value
        elif name != "task":
            labels[name] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    try:
        for name, field in kind.fields.items():
            # What may be as long as a prompt is written by people, and may have placeholders.
            if field.max_length == MAX_PROMPT_LENGTH and isinstance(fields.get(name), str):
                fields[name] = _filled(fields[name], cells)
        request = request_from_fields(fields)
    except ProblemError as error:
        return RowError(line, "prompt", error.problem.message)
    except msgspec.ValidationError as error:
        column = field_of(error)
        missing = re.search(r"required field `(\w+)`", str(error))
        if missing and not column:
            return RowError(line, missing[1], _nothing_in(missing[1], task, labels))
        return RowError(line, column, field_sentence(error))
    if kind.has_prompt and not prompt_of(request).strip():
        return RowError(line, "prompt", sentence("The prompt is empty."))
    for column, told in kind.check(request):
        return RowError(line, column, told)
    return TableRow(line, request, labels)


def _nothing_in(column: str, task: str, labels: Mapping[str, str]) -> Sentence:
    """Say that a row lacks what its task needs, and which column may be misspelt."""
    near = get_close_matches(column, labels, n=1, cutoff=0.8)
    if near:
        return sentence(
            "A row of the task {task} needs the column {column}. Is the column {near} meant?",
            task=task,
            column=column,
            near=near[0],
        )
    return sentence("A row of the task {task} needs the column {column}.", task=task, column=column)


def _file(value: Any, folder: Path) -> Any:
    """Return the input file of a cell; its path counts from the table's own folder."""
    if not isinstance(value, str):
        return value
    path = Path(value.strip()).expanduser()
    return {"path": str(path if path.is_absolute() else (folder / path).absolute())}


def _filled(template: str, cells: Mapping[str, Any]) -> str:
    """Put a row's own cells into the holes of a prompt."""

    def value(hole: re.Match[str]) -> str:
        name = hole[1]
        if name not in cells:
            raise problem(
                "bad_input", "The prompt asks for {{{{{name}}}}}, which is no column.", name=name
            )
        return str(cells[name])

    return _HOLE.sub(value, template)
