"""The batch dialog over the fake engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from studio.ui.main_window import MainWindow
from studio.ui.workspaces.image.image_tab import ImageTab
from tests.unit.conftest import png_bytes

Find = Callable[[str], Any]


def wait_for(qtbot: QtBot, label: QLabel, said: str) -> None:
    qtbot.waitUntil(lambda: said in label.text(), timeout=10_000)


def open_dialog(find: Find, page: int) -> Any:
    find("batch.open").click()
    dialog = find("batch.dialog")
    dialog.pages.setCurrentIndex(page)
    return dialog


def test_a_table_with_errors_lists_them_and_cannot_be_started(
    find: Find, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_dialog(find, 0)
    table = tmp_path / "jobs.csv"
    table.write_text("task,prompt,steps\nimage,a cat,many\npaint,a dog,\n", encoding="utf-8")
    dialog.table.load(table)
    qtbot.waitUntil(lambda: not dialog.table.errors.isHidden(), timeout=10_000)
    shown = dialog.table.errors.toPlainText().splitlines()
    assert [line.split(":")[0] for line in shown] == ["Line 2, steps", "Line 3, task"]
    assert not dialog.start.isEnabled()


def test_a_table_is_enqueued_with_its_labels(
    window: MainWindow, find: Find, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_dialog(find, 0)
    table = tmp_path / "jobs.csv"
    table.write_text("task,prompt,shelf\ntext,one,a\ntext,two,b\n", encoding="utf-8")
    dialog.table.load(table)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    dialog.start.click()
    qtbot.waitUntil(lambda: "2 of 2" in dialog.estimate.text(), timeout=20_000)
    library = window.state.library
    assert library is not None
    jobs = library.queue.list("done")
    assert sorted(job.labels["shelf"] for job in jobs) == ["a", "b"]
    assert len({job.batch for job in jobs}) == 1
    assert all(job.batch for job in jobs)
    assert not dialog.sheet.isEnabled()


def test_the_encoding_of_a_table_is_shown_with_its_first_row_and_can_be_chosen(
    find: Find, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_dialog(find, 0)
    page = dialog.table
    table = tmp_path / "jobs.csv"
    table.write_bytes("task,prompt\ntext,블랙\n".encode("euc-kr"))
    page.load(table)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    assert page.encoding.currentText() == "Not certain: GB 18030 (GBK)"
    page.encoding.setCurrentIndex(page.encoding.findData("euc-kr"))
    page.encoding.activated.emit(page.encoding.currentIndex())
    assert not dialog.start.isEnabled()
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    assert page.preview.text() == "text | 블랙"
    page.encoding.setCurrentIndex(page.encoding.findData("utf-8"))
    page.encoding.activated.emit(page.encoding.currentIndex())
    wait_for(qtbot, page.summary, "not in the encoding UTF-8")
    assert not dialog.start.isEnabled()
    table.write_text("task,prompt\ntext,x\n")
    page.load(table)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    assert page.encoding.currentText() == "Detected: UTF-8"


def test_alternatives_are_expanded_into_prompts(find: Find, qtbot: QtBot) -> None:
    dialog = open_dialog(find, 1)
    dialog.prompts.prompt.setPlainText("a {red|blue} {cat|dog}")
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    assert set(dialog.prompts.preview.toPlainText().splitlines()) == {
        "a red cat",
        "a red dog",
        "a blue cat",
        "a blue dog",
    }


def test_one_prompt_is_counted_in_the_singular(find: Find, qtbot: QtBot) -> None:
    dialog = open_dialog(find, 1)
    dialog.prompts.prompt.setPlainText("a red cat")
    qtbot.waitUntil(lambda: dialog.prompts.summary.text() == "1 prompt", timeout=10_000)


def test_more_alternatives_than_can_be_made_are_refused_at_once(find: Find, qtbot: QtBot) -> None:
    dialog = open_dialog(find, 1)
    options = "|".join(map(str, range(10_000)))
    for prompt, said in (
        (f"{{{options}}} {{{options}}}", "too many alternatives"),
        ("{0|1|2|3|4|5|6|7|8|9} " * 20, "at most 10000"),
        ("__animal__", "no wildcard animal"),
    ):
        dialog.prompts.prompt.setPlainText(prompt)
        wait_for(qtbot, dialog.prompts.summary, said)
        assert not dialog.start.isEnabled()


def test_a_batch_takes_nothing_along_that_is_not_shown_and_removable(
    window: MainWindow, find: Find, qtbot: QtBot, tmp_path: Path
) -> None:
    tab = window.tab("image")
    assert isinstance(tab, ImageTab)
    picture = tmp_path / "purple.png"
    picture.write_bytes(png_bytes())
    tab.start_from(str(picture))
    tab.run_bar.count.setValue(4)
    tab.controls.seed.set_value(7)
    dialog = open_dialog(find, 1)
    dialog.prompts.prompt.setPlainText("a {red|green|blue} {fox|cat|dog|hen}")
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    assert dialog.what.text() == "48 pictures: 12 jobs with 4 variations each"
    shown = dialog.taken.chips.texts()
    assert shown == {
        "seed": "Seed: 7",
        "count": "Variations: 4",
        "image": "Start picture: purple.png",
    }
    for name in shown:
        dialog.taken.chips.remove(name)
    wait_for(qtbot, dialog.what, "12 pictures")
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    assert dialog.taken.chips.texts() == {}
    requests = dialog._plans[1].requests
    assert {(r.image, r.count, r.seed) for r in requests} == {(None, 1, None)}
    # Nothing was changed in the tab, and everything can be taken along again.
    assert tab.request().image is not None
    dialog.taken.again.click()
    wait_for(qtbot, dialog.what, "48 pictures")


def test_a_matrix_shows_only_what_it_does_not_set_itself(
    window: MainWindow, find: Find, qtbot: QtBot
) -> None:
    tab = window.tab("image")
    assert isinstance(tab, ImageTab)
    tab.prompt.setPlainText("a lighthouse")
    tab.controls.seed.set_value(7)
    tab.controls.steps.set_value(3)
    dialog = open_dialog(find, 2)
    dialog.matrix.fields["seed"].setText("1-2")
    wait_for(qtbot, dialog.what, "2 pictures")
    assert dialog.taken.chips.texts() == {"prompt": "Prompt: a lighthouse", "steps": "Steps: 3"}


def test_a_matrix_runs_and_ends_with_a_contact_sheet(
    window: MainWindow, find: Find, qtbot: QtBot
) -> None:
    tab = window.tab("image")
    assert isinstance(tab, ImageTab)
    tab.prompt.setPlainText("a lighthouse")
    dialog = open_dialog(find, 2)
    dialog.matrix.fields["steps"].setText("2, 3")
    dialog.matrix.fields["seed"].setText("1-2")
    qtbot.waitUntil(dialog.start.isEnabled, timeout=10_000)
    dialog.start.click()
    qtbot.waitUntil(dialog.sheet.isEnabled, timeout=30_000)
    library = window.state.library
    assert library is not None
    made = {(a.recipe.seed, a.recipe.labels["steps"]) for a in library.assets.recent()}
    assert made == {(1, "2"), (1, "3"), (2, "2"), (2, "3")}
    dialog.sheet.click()
    qtbot.waitUntil(lambda: bool(list(library.root.rglob("contact-sheet-*.png"))), timeout=10_000)


def test_the_rows_of_a_table_are_shown_before_it_is_started(
    find: Find, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_dialog(find, 0)
    assert dialog.preview.isHidden()
    table = tmp_path / "jobs.csv"
    table.write_text("task,prompt,steps\nimage,a cat,7\ntext,a dog,\n", encoding="utf-8")
    dialog.table.load(table)
    qtbot.waitUntil(lambda: not dialog.preview.isHidden())
    assert cells(dialog.preview) == [["Image", "a cat", "7"], ["Text", "a dog", ""]]
    assert dialog.preview.verticalHeaderItem(1).text() == "3"


def test_a_matrix_is_shown_as_one(window: MainWindow, find: Find, qtbot: QtBot) -> None:
    window.tabs.setCurrentIndex(1)
    tab = window.tab("image")
    assert isinstance(tab, ImageTab)
    tab.prompt.setPlainText("a fox")
    dialog = open_dialog(find, 2)
    dialog.matrix.fields["steps"].setText("10, 20, 30")
    dialog.matrix.fields["seed"].setText("1-2")
    qtbot.waitUntil(lambda: not dialog.preview.isHidden())
    assert cells(dialog.preview) == [["✓"] * 3] * 2
    assert dialog.preview.horizontalHeaderItem(2).text() == "Steps 30"
    dialog.matrix.fields["steps"].setText("10, many")
    qtbot.waitUntil(dialog.preview.isHidden)


def cells(preview: Any) -> list[list[str]]:
    return [
        [preview.item(row, column).text() for column in range(preview.columnCount())]
        for row in range(preview.rowCount())
    ]
