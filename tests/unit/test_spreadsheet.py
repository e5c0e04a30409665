"""Tables in xlsx: read by the values that were stored, written as text and never as formulas."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from studio.formats.spreadsheet import MAX_CELL, sheet_bytes, sheet_rows
from studio.jobs.results import RESULTS, Results
from studio.jobs.results_sheet import sheet_beside
from studio.jobs.runner import AssetSaved
from studio.jobs.table import read_table
from studio.kinds.requests import prompt_of
from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.unit.conftest import record
from tests.unit.test_csv_cells import FORMULAS, PLAIN


def workbook(path: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def with_sheet(path: Path, data: str) -> Path:
    """Write a workbook whose sheet has these rows as XML."""
    workbook(path, ["task"])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{data}</sheetData></worksheet>"
    ).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def refused(path: Path) -> str:
    with pytest.raises(ProblemError) as error:
        read_table(path)
    assert error.value.problem.kind == "bad_input"
    return str(error.value.problem.message)


def test_a_workbook_is_a_table_with_numbers_dates_and_empty_rows(tmp_path: Path) -> None:
    day = datetime.datetime(2026, 3, 1)
    file = workbook(
        tmp_path / "t.xlsx",
        ["task", "prompt", "seed", "temperature", "day", "new", "狐"],
        ["text", "写 {{狐}} {{day}}", 7, 0.5, day, True, "狐狸"],
        [None, None],
        ["text", "=1+1 is text", 8.0, None, None, None, None],
    )
    book = load_workbook(file)
    cell = book.active["B4"]
    cell.value, cell.data_type = "=1+1 is text", "s"
    book.save(file)
    table = read_table(file)
    assert (table.errors, table.encoding) == ((), "")
    first, second = table.rows
    assert first.request == TextRequest(prompt="写 狐狸 2026-03-01", seed=7, temperature=0.5)
    assert (first.line, first.labels["new"]) == (2, "true")
    assert (second.line, prompt_of(second.request)) == (4, "=1+1 is text")


def test_a_formula_has_the_value_that_was_stored_with_it(tmp_path: Path) -> None:
    text = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'
    names = text.format("A1", "task") + text.format("B1", "prompt")
    row = text.format("A2", "text") + '<c r="B2" t="str"><f>A1&amp;"x"</f>{}</c>'
    whole = f"<row>{names}</row><row>{row}</row>"
    file = with_sheet(tmp_path / "t.xlsx", whole.format("<v>a fox</v>"))
    assert prompt_of(read_table(file).rows[0].request) == "a fox"
    for value in ("", "<v/>", "<v></v>"):
        assert "B2" in refused(with_sheet(tmp_path / "t.xlsx", whole.format(value)))
    failed = whole.replace('t="str"', 't="e"').format("<v>#REF!</v>")
    (error,) = read_table(with_sheet(tmp_path / "t.xlsx", failed)).errors
    assert (error.line, error.column) == (2, "prompt")


def test_what_is_no_workbook_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "t.xlsx"
    file.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    assert "password" in refused(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert "OpenDocument" in refused(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 100_000_000)
    assert "unpacks" in refused(file)
    workbook(file, ["task", "prompt"], ["text", "a"])
    file.write_bytes(file.read_bytes()[:-300])
    assert "damaged" in refused(file)
    assert "damaged" in refused(with_sheet(file, '<row r="99999999"><c><v>1</v></c></row>'))
    workbook(file)
    assert "empty" in refused(file)


@pytest.mark.parametrize("cell", [*FORMULAS, *PLAIN])
def test_text_that_is_written_is_never_a_formula(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "t.xlsx"
    file.write_bytes(sheet_bytes([["name", "n"], [cell, "5"]], [1])[0])
    written = load_workbook(file).active
    assert written["A2"].data_type in ("s", "n")
    assert (written["B2"].value, written["B2"].data_type) == (5, "n")
    (_, (_, row)) = sheet_rows(file)
    # The XML of a sheet has one line end.
    assert row == [cell.replace("\r", "\n"), "5"]


def test_a_cell_that_is_too_long_is_cut_off_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "t.xlsx"
    data, cut = sheet_bytes([["a"], ["狐" * 40_000], ["\x00\ud800b"]])
    file.write_bytes(data)
    (_, (_, (long,)), (_, (odd,))) = sheet_rows(file)
    assert (len(long), long[-1], odd, cut) == (MAX_CELL, "…", "?b", 1)


def test_results_of_a_workbook_are_a_workbook_and_changes_of_a_person_are_kept(
    library: Library, tmp_path: Path
) -> None:
    table = workbook(tmp_path / "in.xlsx", ["task", "prompt"], ["text", "@cmd"], ["text", "b"])
    rows = read_table(table).rows
    jobs = library.queue.enqueue([row.request for row in rows], claim=True)
    results = Results(tmp_path, jobs)
    results.on_event(AssetSaved(record(library, jobs[0], content=b"=answer")))
    assert sheet_beside(results.path, table) == []
    results.on_event(AssetSaved(record(library, jobs[1], content=b"two")))
    sheet_beside(results.path, table)
    made = load_workbook(tmp_path / "results.xlsx")
    again = read_table(tmp_path / "results.xlsx")
    assert [prompt_of(row.request) for row in again.rows] == ["@cmd", "b"]
    made.active["B2"] = "changed"
    made.save(tmp_path / "results.xlsx")
    sheet_beside(results.path, table)
    assert load_workbook(tmp_path / "results.xlsx").active["B2"].value == "changed"
    assert (tmp_path / "results (2).xlsx").exists()
    assert sheet_beside(results.path, tmp_path / RESULTS) == []
