"""The first sheet of an xlsx workbook, read and written row by row with openpyxl.

Formulas are not computed: a cell has the value that the spreadsheet program stored with it. Macros
and links to other files are never looked at. What is written is text or a number, never a formula.
"""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from studio.formats.archive_limits import TooLargeArchiveError, open_archive
from studio.formats.untrusted_files import open_regular, read_start
from studio.protocol import ProblemError, problem

MAX_CELL = 32_767
"""Characters that a cell of a spreadsheet program can hold."""
MAX_BYTES = 200 * 2**20
_MAX_UNPACKED = 2**30
_LAST_ROW = 1_048_576
_ROWS = 500
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ERRORS = ("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!")
_NAME = rb"(?:\w{1,20}:)?"
# A formula without a value: nothing computed it since it was written.
_NO_VALUE = re.compile(
    rb"<%(n)sc\b[^<>]{0,200}>\s{0,9}<%(n)sf\b(?:[^<>]{0,200}/>|[^<>]{0,200}>[^<>]{0,9000}</%(n)sf>)"
    rb"\s{0,9}(?:<%(n)sv\s?/>|<%(n)sv>\s{0,9}</%(n)sv>)?\s{0,9}</%(n)sc>" % {b"n": _NAME}
)
_PLACE = re.compile(rb'\br="([A-Z]{1,3}[0-9]{1,7})"')
_CHUNK, _OVERLAP = 2**20, 2**15


def is_spreadsheet(path: Path) -> bool:
    """Return whether a file is a workbook, by its first bytes: also of a kind that is not read."""
    try:
        return read_start(path, len(_OLE)).startswith((_ZIP, _OLE))
    except OSError:
        return False


def sheet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return the rows of the first visible sheet that are not empty, with their numbers.

    Raises `ProblemError` (bad_input), also while the rows are read.
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise problem(
            "bad_input",
            "The table {path} cannot be read: {reason}.",
            path=path,
            reason=error.strerror or str(error) or type(error).__name__,
        ) from error
    with file:
        _check_kind(file, path)
        try:
            yield from _rows(file, path)
        except ProblemError:
            raise
        except TooLargeArchiveError as error:
            raise problem(
                "bad_input",
                "The workbook {path} is too large, or unpacks to far more than its size.",
                path=path,
            ) from error
        except Exception as error:
            # Whatever zipfile, the XML parser and openpyxl come across in a damaged workbook.
            raise problem(
                "bad_input", "The workbook {path} is damaged, or is not one with sheets.", path=path
            ) from error


def _check_kind(file: BinaryIO, path: Path) -> None:
    if file.read(len(_OLE)) == _OLE:
        raise problem(
            "bad_input",
            "{path} is protected with a password, or is of the old kind .xls. Save it as .xlsx"
            " without a password.",
            path=path,
        )
    file.seek(30)
    if file.read(60).startswith(b"mimetypeapplication/vnd.oasis"):
        raise problem(
            "bad_input",
            "{path} is of the kind OpenDocument. Save it as .xlsx in the spreadsheet program.",
            path=path,
        )


def _rows(file: BinaryIO, path: Path) -> Iterator[tuple[int, list[str]]]:
    from openpyxl import load_workbook

    file.seek(0, 2)
    if file.tell() > MAX_BYTES:
        raise TooLargeArchiveError("the file is too large")
    with open_archive(file, _MAX_UNPACKED):
        pass
    file.seek(0)
    with warnings.catch_warnings():
        # Of what openpyxl leaves out, such as extensions.
        warnings.simplefilter("ignore")
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    with closing(book):
        sheets = [s for s in book.worksheets if s.sheet_state == "visible"] or book.worksheets
        if not sheets:
            raise ValueError("no sheets")
        sheet: Any = sheets[0]
        with sheet._get_source() as source:
            place = _formula_without_value(source)
        if place:
            raise problem(
                "bad_input",
                "The formula in cell {cell} of {path} has no value yet. Open the file in a"
                " spreadsheet program and save it.",
                cell=place,
                path=path,
            )
        # The size that a sheet states may be wrong, and rows beyond it would be left out.
        sheet.reset_dimensions()
        rows = enumerate(sheet.iter_rows(values_only=True), start=1)
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                some = list(islice(rows, _ROWS))
            if not some:
                return
            if some[-1][0] > _LAST_ROW:
                raise ValueError("a row beyond the last one")
            for number, values in some:
                if any(value is not None for value in values):
                    yield number, _texts(values)


def _formula_without_value(source: BinaryIO) -> str:
    """Return the place of the first formula that has none of its values stored, or ""."""
    kept = b""
    while chunk := source.read(_CHUNK):
        data = kept + chunk
        if (b"<f" in data or b":f" in data) and (found := _NO_VALUE.search(data)) is not None:
            place = _PLACE.search(found[0])
            return place[1].decode() if place else "?"
        kept = data[-_OVERLAP:]
    return ""


def _texts(values: Sequence[Any]) -> list[str]:
    last = max(n for n, value in enumerate(values) if value is not None)
    return [_text(value) for value in values[: last + 1]]


def _text(value: Any) -> str:
    """Return a cell as it would stand in CSV."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        shown = value.isoformat(sep=" ", timespec="seconds")
        return shown.removesuffix(" 00:00:00")
    if isinstance(value, int) and abs(value) >= 10**4000:
        raise ValueError("a number of too many digits")
    return str(value)


def is_error(cell: str) -> bool:
    """Return whether a cell is the error of a formula that failed."""
    return cell in _ERRORS


def sheet_bytes(rows: Iterable[Sequence[str]], numbers: Collection[int] = ()) -> tuple[bytes, int]:
    """Return a workbook with these rows, the first one in bold, and the number of cut-off cells.

    All cells are text, but for the columns `numbers` where they are numbers. Text is never taken
    for a formula, and longer than `MAX_CELL` it ends with an ellipsis.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Results")
    sheet.freeze_panes = "A2"
    cut = 0
    for number, row in enumerate(rows):
        cells: list[Any] = []
        for column, text in enumerate(row):
            if not text:
                cells.append(None)
                continue
            if number and column in numbers and (value := _number(text)) is not None:
                cells.append(WriteOnlyCell(sheet, value))
                continue
            text = ILLEGAL_CHARACTERS_RE.sub("", text.encode("utf-8", "replace").decode())
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            if len(text) > MAX_CELL:
                cut += 1
                text = f"{text[: MAX_CELL - 1]}…"
            cell = WriteOnlyCell(sheet, text)
            # openpyxl takes text that begins with = for a formula. The prefix makes spreadsheet
            # programs take it for text when the cell is edited, too.
            cell.data_type = "s"
            if text[:1] in tuple("=+-@＝＋－＠\t\r\n"):
                cell.quotePrefix = True
            if number == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        sheet.append(cells)
    file = BytesIO()
    book.save(file)
    return file.getvalue(), cut


def _number(text: str) -> int | float | None:
    if re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", text) else None
