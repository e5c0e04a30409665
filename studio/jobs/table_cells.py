"""The cells of a table: of CSV, TSV or JSONL in any encoding of `text_encoding`, or of xlsx."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.csv_cells import unescaped
from studio.formats.spreadsheet import is_error, is_spreadsheet, sheet_rows
from studio.formats.text_encoding import ENCODINGS, DecodedText, codec_of, decode
from studio.formats.untrusted_files import read_start
from studio.kinds.registry import tasks
from studio.protocol import Sentence, problem, sentence

MAX_COLUMNS = 1_000
_MAX_BYTES = 200 * 2**20
_LARGEST_CELL = 10_000_000
"""Characters: an answer in a `results.csv` may be that long."""
_WRITTEN_BY_US = ({"line", "task", "row", "path", "seconds", "error"}, {"file", "task", "recipe"})
"""Columns by which `results.csv` and `recipes.csv` are known; their cells are escaped."""


class RowError(Struct, frozen=True):
    """An error in a cell; `column` is empty if it concerns the whole row."""

    line: int
    column: str
    message: Sentence


def read_cells(
    path: Path, encoding: str = "", needs: str = ""
) -> tuple[DecodedText, Iterator[tuple[int, dict[str, Any] | RowError]]]:
    """Return the text of a table, and its rows with their lines. `needs` is a column it must have.

    A workbook has no text and no encoding; its first sheet is the table.

    Raises `ProblemError` (bad_input), also while the rows are read.
    """
    if is_spreadsheet(path):
        return DecodedText("", "", True), _sheet_rows(path, needs)
    decoded = _decoded(path, encoding)
    if path.suffix.lower() == ".jsonl":
        return decoded, _json_rows(decoded.text)
    return decoded, _csv_rows(decoded.text, path, needs)


def _decoded(path: Path, encoding: str) -> DecodedText:
    if encoding and codec_of(encoding) is None:
        raise problem(
            "bad_input",
            "{name} is not an encoding. Use one of: {names}.",
            name=encoding,
            names=", ".join(ENCODINGS),
        )
    try:
        data = read_start(path, _MAX_BYTES + 1)
    except OSError as error:
        raise problem(
            "bad_input",
            "The table {path} cannot be read: {reason}.",
            path=path,
            reason=error.strerror or str(error) or type(error).__name__,
        ) from error
    if len(data) > _MAX_BYTES:
        raise problem(
            "bad_input",
            "The table {path} is larger than {most} MB. Split it into several tables.",
            path=path,
            most=_MAX_BYTES // 2**20,
        )
    decoded = decode(data, encoding)
    if decoded is None and encoding:
        raise problem(
            "bad_input",
            "The table {path} is not in the encoding {name}.",
            path=path,
            name=ENCODINGS.get(encoding, encoding),
        )
    if decoded is None:
        raise problem(
            "bad_input",
            "The encoding of {path} is not recognised. Save it as UTF-8.",
            path=path,
        )
    return decoded


def _csv_rows(text: str, path: Path, needs: str) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    csv.field_size_limit(_LARGEST_CELL)
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    counts = {separator: first.count(separator) for separator in (",", ";", "\t")}
    # Excel writes such a line before the names of the columns.
    named = re.fullmatch(r'"?sep=([,;\t])"?', first)
    separator = named[1] if named else max(counts, key=counts.__getitem__)
    # With newline="", lines may also end in \r alone.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        if named:
            next(reader)
        names = [unescaped(name).strip() for name in next(reader)]
    except (StopIteration, csv.Error) as error:
        raise problem("bad_input", "The table {path} is empty.", path=path) from error
    _check_names(names, path, needs)
    is_escaped = any(columns <= set(names) for columns in _WRITTEN_BY_US)
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
        if is_escaped:
            values = [unescaped(value) for value in values]
        yield line, _named(line, names, values)


def _sheet_rows(path: Path, needs: str) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    rows = sheet_rows(path)
    names = [name.strip() for name in next(rows, (0, []))[1]]
    if not names:
        raise problem("bad_input", "The table {path} is empty.", path=path)
    _check_names(names, path, needs)
    for line, values in rows:
        failed = next((n for n, value in enumerate(values) if is_error(value)), None)
        if failed is not None:
            message = sentence("The cell has the error {error}.", error=values[failed])
            yield line, RowError(line, names[failed] if failed < len(names) else "", message)
        elif any(value.strip() for value in values):
            yield line, _named(line, names, values)


def _check_names(names: Sequence[str], path: Path, needs: str) -> None:
    if needs and needs not in names:
        raise problem(
            "bad_input",
            "The table {path} has no column `task`. Its first line must name the columns, and"
            " `task` must be one of {names} in each row.",
            path=path,
            names=", ".join(tasks()),
        )
    if len(names) > MAX_COLUMNS:
        raise problem(
            "bad_input",
            "The table {path} has {found} columns; at most {most} can be read.",
            path=path,
            found=len(names),
            most=MAX_COLUMNS,
        )
    duplicates = sorted(name for name, times in Counter(names).items() if name and times > 1)
    if duplicates:
        raise problem(
            "bad_input",
            "The table {path} has the column {column} twice.",
            path=path,
            column=duplicates[0],
        )


def _named(line: int, names: Sequence[str], values: Sequence[str]) -> dict[str, Any] | RowError:
    if len(values) > len(names):
        message = sentence(
            "There are {found} cells, but only {named} columns have a name. Put text"
            " with commas in quotes.",
            found=len(values),
            named=len(names),
        )
        return RowError(line, "", message)
    return {k: v for k, v in zip(names, values, strict=False) if k and v.strip()}


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    # Not splitlines(): it also splits at characters that JSON allows in strings, as U+2028. Files
    # that were joined have byte order marks within.
    for line, raw in enumerate(text.split("\n"), start=1):
        raw = raw.strip("\ufeff \t\r")
        if not raw:
            continue
        try:
            row = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            yield (
                line,
                RowError(line, "", sentence("This line is not valid JSON: {why}.", why=error)),
            )
            continue
        if not isinstance(row, dict):
            yield line, RowError(line, "", sentence("This line is not a JSON object."))
            continue
        if len(row) > MAX_COLUMNS:
            message = sentence(
                "This line has {found} values; at most {most} can be read.",
                found=len(row),
                most=MAX_COLUMNS,
            )
            yield line, RowError(line, "", message)
            continue
        yield line, {str(k): v for k, v in row.items() if v not in (None, "")}
