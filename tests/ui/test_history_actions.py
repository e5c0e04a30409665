"""Actions on several results: trash and undo, stars, tags, filters, export."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from studio.jobs.contact_sheet import MIN_CELL
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.search import AssetQuery
from studio.library.store import Library
from studio.ui.gallery.contact_sheets import find_sheets
from studio.ui.gallery.detail_text import detail_rows
from studio.ui.gallery.history_commands import HistoryCommands
from studio.ui.gallery.history_menu import fill_menu
from studio.ui.gallery.tags_dialog import tags_in
from studio.ui.main_window import MainWindow
from studio.ui.media.picture.picture_dialog import PictureDialog
from studio.ui.workspaces.image.image_tab import ImageTab
from studio.ui.workspaces.upscale.upscale_tab import UpscaleTab


@pytest.fixture
def library(window: MainWindow) -> Library:
    assert window.state.library is not None
    return window.state.library


@pytest.fixture
def view(window: MainWindow, find: Callable[[str], Any], qtbot: QtBot) -> Any:
    """History with a text below two pictures, and with the focus."""
    view = find("history.view")
    window.state.submit(
        [
            TextRequest(prompt="a poem", seed=1),
            ImageRequest(prompt="a fox", seed=2, width=64, height=64),
            ImageRequest(prompt="a bear", seed=3, width=64, height=64),
        ]
    )
    qtbot.waitUntil(lambda: rows(view) == 3, timeout=10_000)
    window.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    return view


def rows(view: Any) -> int:
    return int(view.model().rowCount())


def seeds(view: Any) -> list[int]:
    return [asset.recipe.seed for asset in view.model().assets()]


def wait_for_undo(find: Callable[[str], Any], qtbot: QtBot) -> None:
    """Wait until the message bar offers the undo; the list may be read again before that."""
    qtbot.waitUntil(find("messages.action").isVisible, timeout=10_000)


def dialog(name: str) -> Any:
    (found,) = (w for w in QApplication.topLevelWidgets() if w.objectName() == name)
    return found


def control(name: str, inside: QWidget) -> Any:
    found = inside.findChild(QWidget, name)
    assert found is not None, name
    return found


def test_delete_moves_the_selection_to_the_trash_and_undo_restores_it(
    window: MainWindow, view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    paths = {asset.path for asset in library.assets.recent()}
    view.selectAll()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: rows(view) == 0, timeout=10_000)
    wait_for_undo(find, qtbot)
    assert len(library.trash.list()) == 3
    assert not any(path.exists() for path in paths)
    assert "3 results" in window.messages.text()
    find("messages.action").click()
    qtbot.waitUntil(lambda: seeds(view) == [3, 2, 1], timeout=10_000)
    assert {asset.path for asset in library.assets.recent()} == paths
    assert all(path.exists() for path in paths)


def test_ctrl_z_restores_the_last_deleted_results_and_the_message_says_so(
    window: MainWindow, view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    view.setCurrentIndex(view.model().index(1))
    find("history.delete").click()
    qtbot.waitUntil(lambda: seeds(view) == [3, 1], timeout=10_000)
    wait_for_undo(find, qtbot)
    assert [index.row() for index in view.selectedIndexes()] == [1]
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: seeds(view) == [3, 2, 1], timeout=10_000)
    assert not library.trash.list()
    qtbot.waitUntil(lambda: window.messages.text() == "The result was restored.", timeout=10_000)
    assert find("messages.action").isHidden()


def test_a_star_is_set_filtered_by_and_removed(
    view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    view.setCurrentIndex(view.model().index(1))
    qtbot.keyClick(view, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: view.model().assets()[1].starred, timeout=10_000)
    assert view.currentIndex().row() == 1
    find("history.starred").click()
    qtbot.waitUntil(lambda: seeds(view) == [2], timeout=10_000)
    view.setCurrentIndex(view.model().index(0))
    qtbot.keyClick(view, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: rows(view) == 0, timeout=10_000)
    assert not library.assets.find(AssetQuery(starred=True))


def test_tags_are_edited_for_several_results_and_found_by_the_search(
    view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    first, second = view.model().assets()[:2]
    library.marks.retag([first.id], (), ["own"])
    view.setCurrentIndex(view.model().index(0))
    view.selectionModel().select(view.model().index(1), view.selectionModel().SelectionFlag.Select)
    qtbot.keyClick(view, Qt.Key.Key_T)
    tags = dialog("history.tags")
    control("history.tags.edit", tags).setText("forest, 狐狸")
    tags.accept()
    qtbot.waitUntil(lambda: view.model().assets()[1].tags == ("forest", "狐狸"), timeout=10_000)
    find("history.search").setText("tag:狐狸")
    qtbot.waitUntil(lambda: seeds(view) == [3, 2], timeout=10_000)
    assert second.id in {asset.id for asset in library.assets.find(AssetQuery(tags=("forest",)))}


def test_tags_may_be_separated_by_chinese_commas() -> None:
    assert tags_in("森林，狐狸、 red fox ,, 森林") == ["森林", "狐狸", "red-fox"]


def test_the_task_filter_shows_one_task(
    view: Any, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    box = find("history.task")
    box.setCurrentIndex(box.findData("text"))
    qtbot.waitUntil(lambda: seeds(view) == [1], timeout=10_000)
    box.setCurrentIndex(0)
    qtbot.waitUntil(lambda: seeds(view) == [3, 2, 1], timeout=10_000)


def test_export_copies_files_and_writes_their_recipes(
    window: MainWindow, view: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    assets = view.model().assets()
    for _ in range(2):
        window.messages.clear()
        view.parent().commands.results.operations.export_to(assets, tmp_path / "到 🦊")
        qtbot.waitUntil(lambda: "3 files" in window.messages.text(), timeout=10_000)
    with (tmp_path / "到 🦊" / "recipes.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["seed"] for row in table] == ["3", "2", "1"] * 2
    assert len({row["file"] for row in table}) == 6
    for row, asset in zip(table, assets * 2, strict=True):
        assert (tmp_path / "到 🦊" / row["file"]).read_bytes() == asset.path.read_bytes()


def test_export_names_a_missing_file(
    window: MainWindow, view: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    assets = view.model().assets()
    assets[1].path.unlink()
    view.parent().commands.results.operations.export_to(assets, tmp_path / "out")
    qtbot.waitUntil(lambda: assets[1].path.name in window.messages.text(), timeout=10_000)
    assert (tmp_path / "out" / assets[0].path.name).is_file()


def test_a_program_in_a_library_is_not_started_by_opening_its_result(
    view: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(
        "studio.ui.gallery.result_operations.open_path", lambda path, _: opened.append(path)
    )
    asset = view.model().assets()[0]
    program = asset.path.rename(asset.path.with_suffix(".desktop"))
    operations = view.parent().commands.results.operations
    operations.open(replace(asset, path=program))
    assert opened == [program.parent]


def test_pictures_are_sent_to_the_other_tabs(window: MainWindow, view: Any, qtbot: QtBot) -> None:
    assets = view.model().assets()
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("image")
    assert window.tabs.currentIndex() == 1
    image = window.tab("image")
    assert isinstance(image, ImageTab)
    assert image.controls.start_picture.path() == str(assets[0].path)
    view.selectAll()
    view.parent().commands.do("upscale")
    assert window.tabs.currentIndex() == 2
    upscale = window.tab("upscale")
    assert isinstance(upscale, UpscaleTab)
    qtbot.waitUntil(lambda: upscale.inputs.rowCount() == 2, timeout=10_000)


def test_a_folder_that_no_program_opens_is_named(
    window: MainWindow, view: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _: False)
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("folder")
    assert "No program" in window.messages.text()
    assert str(view.model().assets()[0].path.parent) in window.messages.text()


def test_the_menu_of_the_list_enables_what_something_is_selected_for(view: Any) -> None:
    menu = view.parent().findChild(QWidget, "history.more").menu()

    def enabled() -> set[str]:
        menu.aboutToShow.emit()
        return {action.objectName() for action in menu.actions() if action.isEnabled()}

    view.clearSelection()
    always = {"history.cull", "history.sheets", "history.trash"}
    assert enabled() == always
    view.selectAll()
    assert enabled() == {*always, "history.compare", "history.sheet"}


def test_the_menu_enables_only_possible_actions(view: Any) -> None:
    assets = view.model().assets()

    def offered(chosen: Any) -> set[str]:
        menu = QMenu()
        fill_menu(menu, view.parent().commands, chosen)
        return {
            action.objectName().removeprefix("history.menu.")
            for action in menu.actions()
            if action.isEnabled() and not action.isSeparator()
        }

    assert not {"image", "upscale", "compare"} & offered(assets[2:])
    assert {"use", "image", "upscale", "copy", "delete"} <= offered(assets[:1])
    assert {"compare", "export"} <= offered(assets[:2])
    assert "use" not in offered(assets[:2])
    assert "compare" not in offered([*assets[:2], *assets[2:] * 3])
    assert {"sheet", "upscale"} <= offered([*assets[:2], *assets[2:] * 3])


def test_the_menu_names_a_tab_once_whether_it_takes_a_text_or_a_picture(view: Any) -> None:
    assets = view.model().assets()

    def entries(chosen: Any) -> dict[str, list[str]]:
        menu = QMenu()
        fill_menu(menu, view.parent().commands, chosen)
        found: dict[str, list[str]] = {}
        for action in menu.actions():
            found.setdefault(action.text(), []).append(action.objectName())
        return found

    (clip,) = entries(assets[:1])["Send to Clip"]
    assert clip == "history.menu.clip"
    (clip,) = entries(assets[2:])["Send to Clip"]
    assert clip == "history.menu.text.clip"
    assert "Make a storyboard" not in entries(assets[:1])


def test_a_shortcut_of_a_disabled_action_explains_why(
    window: MainWindow, view: Any, qtbot: QtBot
) -> None:
    view.setCurrentIndex(view.model().index(2))
    assert view.parent().commands.current().task == "text"
    qtbot.keyClick(view, Qt.Key.Key_C)
    assert "two to four pictures" in window.messages.text()
    view.parent().commands.do("image")
    assert window.current_task == "text"


def test_the_trash_restores_one_result_and_is_emptied_after_confirmation(
    view: Any, library: Library, qtbot: QtBot
) -> None:
    view.selectAll()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: rows(view) == 0, timeout=10_000)
    view.parent().commands.open_trash()
    trash = dialog("trash.dialog")
    listed = control("trash.view", trash)
    qtbot.waitUntil(lambda: rows(listed) == 3, timeout=10_000)
    assert listed.selected_rows() == [0]
    assert control("trash.restore", trash).isEnabled()
    control("trash.restore", trash).click()
    qtbot.waitUntil(lambda: rows(view) == 1 and rows(listed) == 2, timeout=10_000)
    control("trash.empty", trash).click()
    assert control("trash.sure", trash).isVisible()
    assert len(library.trash.list()) == 2
    control("trash.sure", trash).click()
    qtbot.waitUntil(lambda: rows(listed) == 0, timeout=10_000)
    assert not library.trash.list()
    assert len(library.assets.recent()) == 1


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_filters_by_model_date_label_and_collection(
    window: MainWindow, view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    window.state.submit([TextRequest(prompt="a slogan", seed=9)], labels=[{"product": "bicycle"}])
    qtbot.waitUntil(lambda: seeds(view) == [9, 3, 2, 1], timeout=10_000)
    library.marks.add_to_collection("Forest", [view.model().assets()[1].id])
    find("history.filter").click()

    def choose_and_clear(name: str, text: str, wanted: list[int]) -> None:
        box = find(f"history.{name}")
        qtbot.waitUntil(lambda: box.findText(text) >= 0, timeout=10_000)
        box.setCurrentText(text)
        qtbot.waitUntil(lambda: seeds(view) == wanted, timeout=10_000)
        box.setCurrentIndex(0)
        qtbot.waitUntil(lambda: seeds(view) == [9, 3, 2, 1], timeout=10_000)

    choose_and_clear("label", "product: bicycle", [9])
    choose_and_clear("collection", "Forest (1)", [3])
    choose_and_clear("date", "Today", [9, 3, 2, 1])
    models = find("history.model")
    assert models.count() > 1
    find("history.collection").setCurrentText("Forest (1)")
    qtbot.waitUntil(lambda: seeds(view) == [3], timeout=10_000)
    assert find("history.filter").isChecked()
    find("history.filter.clear").click()
    qtbot.waitUntil(lambda: seeds(view) == [9, 3, 2, 1], timeout=10_000)
    assert not find("history.filter").isChecked()


def test_results_are_added_to_and_removed_from_a_collection(
    window: MainWindow, view: Any, library: Library, qtbot: QtBot
) -> None:
    view.selectAll()
    commands = view.parent().commands
    commands.new_collection()
    named = dialog("history.collection.new")
    control("history.collection.new.edit", named).setText(" Best  of & 狐狸 ")
    named.accept()
    qtbot.waitUntil(lambda: library.marks.collections() == [("Best of & 狐狸", 3)], timeout=10_000)
    expected = "3 results are now in the collection Best of & 狐狸."
    qtbot.waitUntil(lambda: window.messages.text() == expected, timeout=10_000)
    qtbot.waitUntil(
        lambda: all(asset.collections for asset in view.model().assets()), timeout=10_000
    )
    menu = QMenu()
    view.setCurrentIndex(view.model().index(0))
    fill_menu(menu, commands, commands.chosen(), library.marks.collections())
    (inside,) = (m for m in menu.findChildren(QMenu) if m.objectName().endswith("collections"))
    (entry,) = (action for action in inside.actions() if action.isCheckable())
    assert entry.isChecked()
    entry.trigger()
    qtbot.waitUntil(lambda: library.marks.collections() == [("Best of & 狐狸", 2)], timeout=10_000)


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_collection_is_renamed(
    view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    library.marks.add_to_collection("old", [view.model().assets()[0].id])
    find("history.filter").click()
    box = find("history.collection")
    qtbot.waitUntil(lambda: box.findData("old") >= 0, timeout=10_000)
    box.setCurrentIndex(box.findData("old"))
    view.parent().commands.rename_collection()
    named = dialog("history.collection.rename")
    control("history.collection.rename.edit", named).setText("new")
    named.accept()
    qtbot.waitUntil(lambda: box.currentData() == "new", timeout=10_000)
    qtbot.waitUntil(lambda: seeds(view) == [3], timeout=10_000)


def test_a_contact_sheet_is_arranged_by_the_labels_that_differ(
    window: MainWindow, view: Any, library: Library, qtbot: QtBot
) -> None:
    window.state.submit(
        [ImageRequest(prompt="a fox", seed=n, width=64, height=64) for n in range(20, 24)],
        labels=[{"look": a, "size": b, "same": "1"} for a in ("3d", "flat") for b in ("s", "m")],
    )
    qtbot.waitUntil(lambda: rows(view) == 7, timeout=10_000)
    view.selectionModel().clear()
    for row in range(4):
        view.selectionModel().select(
            view.model().index(row), view.selectionModel().SelectionFlag.Select
        )
    view.parent().commands.do("sheet")
    qtbot.waitUntil(lambda: "contact sheet is saved" in window.messages.text(), timeout=10_000)
    (sheet,) = library.root.rglob("contact-sheet-*.png")
    shown = window.findChild(PictureDialog)
    assert shown is not None and shown.name.accessibleName() == sheet.name
    assert find_sheets(library.root) == [sheet]
    shown.close()
    picture = QImage(str(sheet))
    # Two columns and two rows of pictures, with the headings of both.
    assert 2 * MIN_CELL < picture.width() < 3 * MIN_CELL + 60
    assert 2 * MIN_CELL < picture.height() < 3 * MIN_CELL


def test_a_review_is_noted_with_a_name_shown_and_filtered_by(
    window: MainWindow, view: Any, library: Library, find: Callable[[str], Any], qtbot: QtBot
) -> None:
    view.setCurrentIndex(view.model().index(0))
    commands = window.findChild(HistoryCommands)
    assert isinstance(commands, HistoryCommands)
    commands.do("review")
    review = dialog("history.review")
    state = control("history.review.state", review)
    state.setCurrentIndex(state.findData("approved"))
    control("history.review.name", review).setText("林老师")
    control("history.review.remark", review).setPlainText("可以发")
    review.accept()
    qtbot.waitUntil(lambda: bool(library.assets.find(AssetQuery(review="approved"))))
    (asset,) = library.assets.find(AssetQuery(review="approved"))
    assert asset.review is not None
    assert (asset.review.reviewer, asset.review.remark) == ("林老师", "可以发")
    qtbot.waitUntil(
        lambda: "林老师" in dict(detail_rows(view.model().assets()[0])).get("Review", "")
    )
    box = find("history.reviewed")
    box.setCurrentIndex(box.findData("needs_review"))
    qtbot.waitUntil(lambda: rows(view) == 0)
    box.setCurrentIndex(box.findData("approved"))
    qtbot.waitUntil(lambda: rows(view) == 1)
    # The name is known the next time, with what was decided; a wrong click is taken back.
    view.setCurrentIndex(view.model().index(0))
    commands.do("review")
    review = dialog("history.review")
    assert control("history.review.name", review).text() == "林老师"
    assert "林老师" in control("history.review.hint", review).text()
    control("history.review.name", review).clear()
    assert "name" in control("history.review.hint", review).text()
    state = control("history.review.state", review)
    state.setCurrentIndex(state.findData("rejected"))
    review.accept()
    qtbot.waitUntil(lambda: rows(view) == 0)
    wait_for_undo(find, qtbot)
    qtbot.waitUntil(lambda: "Rejected" in find("messages.text").text())
    find("messages.action").click()
    qtbot.waitUntil(lambda: rows(view) == 1)
    assert library.assets.find(AssetQuery(review="approved"))[0].review == asset.review
