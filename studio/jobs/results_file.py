"""A `results.csv` that exists already: whether it is ours, how it is written, its damaged end.

Spreadsheet programs write such a file again in their own way: all cells quoted, other separators
and line ends, no BOM. Nothing in it is ever lost: lines are only added, and the bytes of a last
line that was cut off are kept in a file beside it.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from studio.formats.atomic_write import publish, sweep, temporary_file
from studio.formats.csv_cells import escaped, unescaped
from studio.formats.untrusted_files import is_file, open_regular

COLUMNS = ("line", "task", "row", "path", "seed", "seconds", "error")
_SEPARATORS = ",;\t|"
_LARGEST_CELL = 10_000_000
"""Characters: the longest possible answer fits into one cell."""
_LONGEST_HEADER = 2**20
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_DIGITS = re.compile(r"\d*", re.ASCII)
# Bytes that are not UTF-8 are decoded to surrogates, so that they can be written back.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_CUT_OFF = "".join(map(chr, (0, *range(0xDC80, 0xDD00))))
"""What a power cut may leave at the end of a cell: zeros, and a part of a character."""


class _Record(Struct, frozen=True):
    """A record: its text with the line end, and its cells as they are written."""

    text: str
    cells: list[str]


class ResultsFile(Struct, frozen=True):
    """How a results file is written, and which results it lists."""

    columns: tuple[str, ...]
    separator: str = ","
    line_end: str = "\r\n"
    header: bytes = b""
    """The bytes of the header, empty if there is none yet."""
    paths: frozenset[str] = frozenset()
    last: tuple[str, ...] = ()
    """The cells of a last line that has no line end, and may be cut off in its last cell."""
    last_start: int = 0
    """The offset of this line."""

    @property
    def last_path(self) -> str:
        """The result that the last line lists, if it has no line end."""
        index = self.columns.index("path")
        return self.last[index] if len(self.last) > index else ""

    def paths_in(self, text: str) -> set[str]:
        """Return the results that some lines list."""
        path = self.columns.index("path")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator)
        return {unescaped(row[path]) for row in rows if len(row) > path}

    def line(self, cells: Iterable[str]) -> bytes:
        """Return a line of these cells."""
        text = _row(cells, self.separator) + self.line_end
        return text.encode("utf-8", "replace")

    def is_cut_off(self, cells: Sequence[str]) -> bool:
        """Return whether the last line is the beginning of a line of these cells."""
        if not 0 < len(self.last) <= len(cells):
            return False
        filled = len(self.last)
        while filled > 1 and not self.last[filled - 1]:
            filled -= 1
        written = (*self.last[: filled - 1], self.last[filled - 1].rstrip(_CUT_OFF))
        begun = (*cells[: filled - 1], cells[filled - 1][: len(written[-1])])
        return written == begun and tuple(cells) != self.last


def read_results_file(path: Path, wanted: Sequence[str]) -> ResultsFile | None:
    """Read an existing file, after mending its end, and add the columns that it lacks.

    Returns None if it is not ours, or in an encoding other than UTF-8. Raises `OSError`.
    """
    if not is_file(path):
        return None
    if _is_begun_header(path, wanted):
        _take_off(path, 0)
        return ResultsFile(tuple(wanted))
    loaded = _load(path)
    if loaded is None:
        return None
    file, records, is_open = loaded
    if _mend_end(path, file, records, is_open=is_open):
        loaded = _load(path)
        if loaded is None:
            return None
        file, records, _ = loaded
    missing = [column for column in wanted if column not in file.columns]
    if missing:
        try:
            file = _add_columns(path, file, records, missing)
        except OSError:
            # Locked by a spreadsheet program, or the disk is full: keep its columns.
            return file
    return file


def listed_results(path: Path) -> list[dict[str, str]]:
    """Return the lines of an existing file as column → cell, none of a file that is not ours.

    The file is not mended. Raises `OSError`.
    """
    loaded = _load(path) if is_file(path) else None
    if loaded is None:
        return []
    file, records, _ = loaded
    return [
        dict(zip(file.columns, map(unescaped, record.cells), strict=False))
        for record in records[1:]
    ]


def read_rows(path: Path) -> list[list[str]]:
    """Return the header and the lines of an existing file as they are written; see above."""
    loaded = _load(path) if is_file(path) else None
    return [] if loaded is None else [record.cells for record in loaded[1] if record.cells]


def take_off_last_line(path: Path, file: ResultsFile) -> ResultsFile:
    """Move the last line, which is cut off, to the file beside. Raises `OSError`."""
    _take_off(path, file.last_start)
    return replace(file, last=())


def cut_off_path(path: Path) -> Path:
    """Return the file that keeps the lines of `path` that were cut off."""
    return path.with_name(f"{path.name}.cut-off")


def cut_off_bytes(path: Path) -> int:
    """Return the size of this file."""
    beside = cut_off_path(path)
    return beside.stat().st_size if is_file(beside) else 0


def _load(path: Path) -> tuple[ResultsFile, list[_Record], bool] | None:
    """Read a file: what it lists, its records, and whether the last one ends within quotes.

    Returns None if it is not a results file, or not in UTF-8. Raises `OSError`.
    """
    csv.field_size_limit(_LARGEST_CELL)
    with open_regular(path) as opened:
        data = opened.read(_LONGEST_HEADER)
        separator = _separator(data)
        if separator is None:
            return None
        data += opened.read()
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(bom) :].decode("utf-8", "surrogateescape")
    try:
        records, is_open = _records(text, separator)
    except csv.Error:
        return None
    has_end = text.endswith(("\r", "\n"))
    if is_open and len(records) == 1:
        return None
    if _NOT_UTF8.search("".join(record.text for record in (records if has_end else records[:-1]))):
        return None
    header = records[0].text
    columns = tuple(map(unescaped, records[0].cells))
    has_end = text.endswith(("\r", "\n"))
    path_column = columns.index("path")
    listed = records[1:] if has_end and not is_open else records[1:-1]
    last: tuple[str, ...] = ()
    if not has_end and len(records) > 1:
        last = tuple(map(unescaped, records[-1].cells))
    return (
        ResultsFile(
            columns,
            separator,
            header[len(header.rstrip("\r\n")) :] or "\r\n",
            bom + header.encode("utf-8", "surrogateescape"),
            frozenset(
                unescaped(record.cells[path_column])
                for record in listed
                if len(record.cells) > path_column
            ),
            last,
            len(data) - len(_bytes(records[-1].text)),
        ),
        records,
        is_open,
    )


def _separator(start: bytes) -> str | None:
    """Return what separates the columns of a results file, None if it is another file."""
    text = start.decode("utf-8-sig", "surrogateescape")
    for separator in _SEPARATORS:
        try:
            names = next(csv.reader(_LINE.findall(text), delimiter=separator), [])
        except csv.Error:
            continue
        if set(COLUMNS) <= set(map(unescaped, names)):
            return separator
    return None


def _records(text: str, separator: str) -> tuple[list[_Record], bool]:
    """Return the records, and whether the last one ends within quotes. Raises `csv.Error`."""
    lines = _LINE.findall(text)
    # Within quotes, the line after the last one becomes part of the record.
    reader = csv.reader(itertools.chain(lines, "x"), delimiter=separator)
    records = []
    start = 0
    for cells in reader:
        records.append(_Record("".join(lines[start : reader.line_num]), cells))
        start = reader.line_num
    is_open = bool(records[-1].text)
    return (records if is_open else records[:-1]), is_open


def _mend_end(path: Path, file: ResultsFile, records: list[_Record], *, is_open: bool) -> bool:
    """Mend a last record that is incomplete. Returns whether the file was changed.

    The next line would become part of it. Its result is listed again by `catch_up`. Raises
    `OSError`.
    """
    last = records[-1]
    if len(records) == 1:
        return False
    if is_open:
        first, *others = _LINE.findall(last.text)
        # If it holds lines of other results, the quote is in an earlier line.
        is_cut_off = _is_begun(first, file) and not any(
            _is_begun(line, file, whole=True) for line in others
        )
        if not is_cut_off:
            with path.open("ab") as opened:
                opened.write(b'"' + file.line_end.encode())
            return True
    else:
        is_short = len(last.cells) < len(file.columns) and not _leaves_out_empty_cells(
            file, records
        )
        is_zeros = not last.text.strip("\0")
        is_cut_off = bool(file.last) and is_short and (is_zeros or _is_begun(last.text, file))
    if is_cut_off:
        _take_off(path, file.last_start)
    return is_cut_off


def _leaves_out_empty_cells(file: ResultsFile, records: list[_Record]) -> bool:
    return any(0 < len(record.cells) < len(file.columns) for record in records[1:-1])


def _is_begun(line: str, file: ResultsFile, *, whole: bool = False) -> bool:
    """Return whether a line looks like the start of a record; if `whole`, up to its row."""
    text = line.rstrip("\r\n").rstrip(_CUT_OFF)
    cells = next(csv.reader([text], delimiter=file.separator), [])
    named = dict(zip(file.columns, cells, strict=False))
    if whole and not {"line", "task", "row"} <= named.keys():
        return False
    return (
        bool(_DIGITS.fullmatch(named.get("line", "")))
        and bool(re.fullmatch(r"[a-z][\w-]*|", named.get("task", "")))
        and bool(_DIGITS.fullmatch(named.get("row", "")))
        and (not whole or bool(named["task"]))
    )


def _is_begun_header(path: Path, wanted: Sequence[str]) -> bool:
    """Return whether a file is the beginning of a header of ours, and nothing more."""
    header = codecs.BOM_UTF8 + ResultsFile(tuple(wanted)).line(map(escaped, wanted))
    with open_regular(path) as opened:
        start = opened.read(len(header))
    return 0 < len(start) < len(header) - 2 and header.startswith(start)


def _take_off(path: Path, start: int) -> None:
    """Move the bytes of a file from an offset on to the file beside. Raises `OSError`."""
    with path.open("r+b") as file:
        file.seek(start)
        data = file.read()
        beside = cut_off_path(path)
        if beside.exists() and not is_file(beside):
            raise OSError(f"{beside} is not a file")
        with beside.open("ab") as kept:
            kept.write(data + b"\r\n")
            kept.flush()
            os.fsync(kept.fileno())
        file.seek(start)
        file.truncate()


def _add_columns(
    path: Path, file: ResultsFile, records: list[_Record], missing: list[str]
) -> ResultsFile:
    """Append columns to the header and to all records. Raises `OSError`."""
    names = file.separator + _row(map(escaped, missing), file.separator)
    empty = file.separator * len(missing)
    texts = [_with_suffix(records[0].text, names)]
    for record in records[1:]:
        short = file.separator * max(0, len(file.columns) - len(record.cells))
        texts.append(_with_suffix(record.text, short + empty) if record.cells else record.text)
    bom = codecs.BOM_UTF8 if file.header.startswith(codecs.BOM_UTF8) else b""
    data = bom + _bytes("".join(texts))
    _replace(path, data, len(bom) + sum(len(_bytes(record.text)) for record in records))
    return replace(
        file,
        columns=(*file.columns, *missing),
        header=bom + _bytes(texts[0]),
        last=(*file.last, *[""] * len(missing)) if file.last else (),
        last_start=len(data) - len(_bytes(texts[-1])),
    )


def _with_suffix(text: str, suffix: str) -> str:
    content = text.rstrip("\r\n")
    return content + suffix + text[len(content) :]


def _row(cells: Iterable[str], separator: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerow(cells)
    return text.getvalue().removesuffix("\r\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _replace(path: Path, data: bytes, size: int) -> None:
    """Replace a file atomically. Raises `OSError`, also if its size is no longer `size`."""
    sweep(path.parent)
    with temporary_file(path) as (file, temporary):
        file.write(data)
        if path.stat().st_size != size:
            raise OSError(f"{path} is being written by another program")
        publish(file, temporary, path)
