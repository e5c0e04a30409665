"""Text in CSV files that a spreadsheet program would take for a formula."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.formats.csv_cells import escaped, unescaped
from studio.jobs.results import RESULTS, Results
from studio.jobs.runner import AssetSaved
from studio.jobs.table import read_table
from studio.kinds.requests import prompt_of
from studio.kinds.text import TextRequest
from studio.library.recipes.export import TABLE, export
from studio.library.store import Library
from tests.unit.conftest import record

FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3+cmd",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "－1",
    "＋a",
    "＠b",
    "'=quoted before",
    "''-twice",
    "-",
    "-5x",
]
PLAIN = ["", "-5", "+3.5", "-1e-7", "5", "'tis", "''", "a=b", " =1", "狐狸", "<img>"]


@pytest.mark.parametrize("cell", [*FORMULAS, *PLAIN])
def test_a_cell_is_restored_exactly(cell: str) -> None:
    assert unescaped(escaped(cell)) == cell
    assert (escaped(cell) == cell) == (cell in PLAIN)


def rows(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.reader(opened))


def test_no_cell_of_the_results_is_a_formula_and_a_batch_of_them_reads_the_values(
    library: Library, tmp_path: Path
) -> None:
    requests = [TextRequest(prompt=text, seed=seed) for seed, text in enumerate(FORMULAS)]
    labels = [{"line": str(n), "=name": text, "offset": "-5"} for n, text in enumerate(FORMULAS)]
    jobs = library.queue.enqueue(requests, labels=labels, claim=True)
    for _ in range(2):
        # The second time, the file is read back first, and lists nothing twice.
        results = Results(tmp_path, jobs)
        for job, text in zip(jobs, FORMULAS, strict=True):
            asset = library.assets.of_job(job.id) or [record(library, job, content=text.encode())]
            results.on_event(AssetSaved(asset[0]))
    written = rows(tmp_path / RESULTS)
    assert len(written) == 1 + len(FORMULAS)
    cells = {cell for row in written for cell in row}
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n＝＋－＠") and cell != "-5"]
    table = read_table(tmp_path / RESULTS)
    assert [prompt_of(row.request) for row in table.rows] == FORMULAS
    assert [row.labels["=name"] for row in table.rows] == FORMULAS
    assert {row.labels["offset"] for row in table.rows} == {"-5"}


def test_a_table_of_the_user_keeps_its_apostrophes(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("task,prompt\ntext,'-ism\n")
    assert prompt_of(read_table(file).rows[0].request) == "'-ism"


def test_no_cell_of_exported_recipes_is_a_formula(library: Library, tmp_path: Path) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="=cmd|x", seed=1)])
    asset = record(library, job)
    model = replace(asset.recipe, model_id="@model")
    export([replace(asset, recipe=model)], tmp_path / "out")
    (_, row) = rows(tmp_path / "out" / TABLE)
    assert row[2:5] == ["'@model", "1", "'=cmd|x"]
    table = read_table(tmp_path / "out" / TABLE)
    assert prompt_of(table.rows[0].request) == "=cmd|x"
