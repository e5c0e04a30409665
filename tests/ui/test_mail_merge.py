"""Mail merge in the window: columns filled in, rows written and checked, failed ones again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.jobs.forms.merge import read_merge_table
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from tests.e2e.test_write_form import NOTE


@pytest.fixture
def dialog(home: Paths, window: MainWindow, qtbot: QtBot, tmp_path: Path) -> Any:
    """The dialog of a form over a table of three rows, one of them without the required field."""
    file = home.library / "templates" / "note.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(NOTE, "utf-8")
    table = tmp_path / "people.csv"
    table.write_text("who,Not said,place\nBo,,here\nAn,three,there\n,,nowhere\n", "utf-8")
    tab: Any = window.tab("text")
    forms = tab.forms.open("note")
    qtbot.waitUntil(lambda: forms.page is not None)
    forms.page.table.click()
    found = tab.forms.merge_dialog
    found.load(table)
    qtbot.waitUntil(lambda: len(found.model.rows) == 3)
    return found


def status(dialog: Any, row: int, column: int) -> str:
    model = dialog.model
    return str(model.data(model.index(row, 1 + column)))


def test_columns_are_guessed_chosen_and_what_is_wrong_with_a_row_is_said(
    dialog: Any, qtbot: QtBot
) -> None:
    assert dialog.fields["who"].currentData() == "who"
    assert "1 of them" in dialog.summary.text() and status(dialog, 2, 0)
    place = dialog.fields["who"].findData("place")
    dialog.fields["who"].setCurrentIndex(place)
    dialog.fields["who"].activated.emit(place)
    qtbot.waitUntil(lambda: all(row.request is not None for row in dialog.model.rows))
    assert "here" in dialog.model.rows[0].request.prompt


def test_rows_are_written_checked_and_only_failed_ones_are_written_again(
    dialog: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    column = dialog.fields["avoid"].findData("Not said")
    dialog.fields["avoid"].setCurrentIndex(column)
    dialog.fields["avoid"].activated.emit(column)
    qtbot.waitUntil(lambda: dialog.model.rows[1].labels.get("avoid") == "three")
    dialog.start.click()
    states = dialog.model.states
    qtbot.waitUntil(lambda: all(state.findings is not None for state in states[:2]))
    qtbot.waitUntil(lambda: not dialog._is_running)
    # The fake engine says "three", which the second row must not say.
    assert [bool(state.findings) for state in states[:2]] == [False, True]
    first = states[0].asset
    dialog.again.click()
    qtbot.waitUntil(lambda: dialog.model.states[1].findings is not None)
    assert dialog.model.states[0].asset == first and dialog.model.states[1].attempt == 2
    target = tmp_path / "out.csv"
    dialog.save_table(target)
    qtbot.waitUntil(target.exists)
    rows = list(csv.reader(target.read_text("utf-8-sig").splitlines()))
    assert rows[0][:4] == ["who", "Not said", "place", "Result"]
    assert len(rows) == 4 and rows[2][5] != "0" and "three" in rows[2][6]
    dialog.save_table(tmp_path / "out.xlsx")
    qtbot.waitUntil((tmp_path / "out.xlsx").exists)
    assert read_merge_table(tmp_path / "out.xlsx").rows[1].cells["Not said"] == "three"
