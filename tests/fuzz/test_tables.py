"""Tables of requests: CSV, TSV and JSONL in any encoding."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest
from hypothesis import strategies as st
from openpyxl import Workbook

from studio.formats.spreadsheet import sheet_bytes
from studio.jobs.table import Table, read_table
from studio.protocol import ProblemError
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, ODD_VALUE, damaged, fuzz

_CSV = (
    "task,prompt,seed,count,temperature,animal\n"
    'text,"Say {{animal}}, twice",7,2,0.7,狐狸\n'
    "image,a fox,1,4,,owl\n"
    "upscale,,,,,\n"
)
_JSONL = (
    '{"task": "text", "prompt": "Say {{animal}}", "animal": "狐狸", "max_tokens": 20}\n'
    '{"task": "image", "prompt": "a fox", "width": 64, "height": 64, "seed": 1}\n'
    '{"task": "upscale", "input": "picture.png", "scale": 2}\n'
)
_ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "gb18030",
    "shift-jis",
    "big5",
    "euc-kr",
    "windows-1252",
)
_COLUMNS = (
    "task",
    "prompt",
    "seed",
    "count",
    "width",
    "input",
    "image",
    "mask",
    "",
    "a",
    "a\u2028",
    "=a",
    "{{a}}",
    "line",
    "row",
    "path",
    "seconds",
    "error",
)
_TASKS = st.sampled_from(("text", "image", "upscale", "", "TEXT ", "video"))


def _encoded(text: str) -> tuple[bytes, ...]:
    return tuple(text.encode(encoding, "replace") for encoding in _ENCODINGS)


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    def call() -> Table:
        table = read_table(path)
        for error in table.errors:
            assert str(error.message)
        for row in table.rows:
            msgspec.json.encode(row.labels)
        return table

    bounded("table", path.parent, call, ProblemError)


@fuzz(150, data=damaged(_encoded(_CSV)), suffix=st.sampled_from((".csv", ".tsv")))
def test_a_damaged_table_is_rows_or_a_sentence(tmp_path: Path, data: bytes, suffix: str) -> None:
    read(tmp_path / f"table{suffix}", data)


@fuzz(120, data=damaged(_encoded(_JSONL)))
def test_damaged_lines_of_json_are_rows_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "table.jsonl", data)


@fuzz(
    120,
    names=st.lists(st.sampled_from(_COLUMNS), min_size=1, max_size=6),
    rows=st.lists(st.tuples(_TASKS, st.lists(ODD_TEXT, max_size=6)), max_size=4),
    sign=st.sampled_from((",", ";", "\t")),
    encoding=st.sampled_from(_ENCODINGS),
)
def test_odd_cells_are_rows_or_a_sentence(
    tmp_path: Path,
    names: list[str],
    rows: list[tuple[str, list[str]]],
    sign: str,
    encoding: str,
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=sign)
    writer.writerow(["task", *names])
    for task, cells in rows:
        writer.writerow([task, *cells])
    read(tmp_path / "table.csv", file.getvalue().encode(encoding, "replace"))


@fuzz(
    120,
    rows=st.lists(
        st.tuples(_TASKS, st.dictionaries(st.sampled_from(_COLUMNS), ODD_VALUE, max_size=5)),
        max_size=3,
    ),
)
def test_odd_values_in_json_are_rows_or_a_sentence(
    tmp_path: Path, rows: list[tuple[str, dict[str, object]]]
) -> None:
    lines = [json.dumps({"task": task, **cells}, ensure_ascii=False) for task, cells in rows]
    read(tmp_path / "table.jsonl", "\n".join(lines).encode("utf-8", "surrogatepass"))


_LARGE = {
    "blanks in a placeholder": "task,prompt\ntext,{{" + " " * 50_000 + "\n",
    "placeholders left open": "task,prompt\ntext," + "{{ a" * 40_000 + "\n",
    "columns": "task," + ",".join(f"c{n}" for n in range(50_000)) + "\ntext\n",
    "columns twice": "task," + ",".join(["c"] * 900) + "\ntext\n",
    "long cells for placeholders": f"task,prompt,a\ntext,{'{{a}}' * 20_000},{'x' * 100_000}\n",
    "misspelt columns": f"task,{','.join('promp' + 't' * n for n in range(900))}\n{'text' * 100}",
    "a long misspelt column": f"task,{'prompt' * 20_000}\n" + "text\n" * 100,
    "a quote left open": 'task,prompt\ntext,"' + "a,\n" * 300_000,
    "quotes": "task,prompt\ntext," + '"' * 500_000,
    "lines": "task,prompt\n" + "\n" * 500_000,
    "line ends of all kinds": "task,prompt\n" + "\r\n\r\x85\u2028" * 50_000,
}


@pytest.mark.parametrize("content", _LARGE.values(), ids=_LARGE)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_large_odd_table_is_rows_or_a_sentence(
    tmp_path: Path, content: str, encoding: str
) -> None:
    read(tmp_path / "table.csv", content.encode(encoding))
    read(tmp_path / "table.jsonl", content.encode(encoding))


def _workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


_BOOK = _workbook(
    ["task", "prompt", "seed"], ["text", "Say {{seed}}", 7], ["image", "=1+1", 1.5], [None]
)
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>task</t></is></c><c r="B1" t="s"><v>1</v></c></row>'
    '<row r="2"><c r="A2" t="str"><f>1+1</f><v>text</v></c><c r="B2" s="1"><v>45000</v></c></row>'
    "</sheetData></worksheet>"
)


@fuzz(60, data=damaged((_BOOK, sheet_bytes([["task", "prompt"], ["text", "a"]])[0])))
def test_a_damaged_workbook_is_rows_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "table.xlsx", data)


@fuzz(60, sheet=damaged((_SHEET.encode(),)))
def test_a_workbook_with_a_damaged_sheet_is_rows_or_a_sentence(
    tmp_path: Path, sheet: bytes
) -> None:
    file = io.BytesIO()
    with ZipFile(io.BytesIO(_BOOK)) as whole, ZipFile(file, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, sheet if "sheet1" in name else whole.read(name))
    read(tmp_path / "table.xlsx", file.getvalue())
