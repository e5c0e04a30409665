"""The library as a grid, on its page and at the side, and the large preview."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QToolButton
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.database import Database
from studio.protocol import Recipe
from studio.settings import Paths
from studio.ui.gallery.grid.large_preview import LargePreview
from studio.ui.gallery.grid.thumbnail_grid import ThumbnailGrid
from studio.ui.gallery.history_view import HistoryView
from studio.ui.gallery.sheet_shelf import SheetShelf
from studio.ui.main_window import MainWindow
from studio.ui.media.picture.picture_dialog import PictureDialog

COUNT = 60


@pytest.fixture
def filled(home: Paths) -> Paths:
    """A library with `COUNT` small pictures, made one minute after another."""
    from studio.library.store import Library

    Library.open(home.library).close()
    day = home.library / "2026-01-01"
    day.mkdir()
    database = Database(home.library)
    writer = AssetWriter(database, home.library)
    with database.write() as db:
        for number in range(COUNT):
            path = day / f"{number}.png"
            Image.new("RGB", (48, 32), (4 * number, 80, 160)).save(path)
            created = f"2026-01-01T10:{number:02d}:00+00:00"
            request = ImageRequest(prompt=f"picture {number}", seed=number)
            recipe = Recipe(
                request=request, row=0, seed=number, job=f"job{number}", created=created
            )
            writer.insert_into(db, FinishedFile(path, recipe, 100, width=48, height=32))
    database.close()
    return home


@pytest.fixture
def library(
    filled: Paths, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> tuple[MainWindow, HistoryView, ThumbnailGrid]:
    """The window with the library on its page."""
    assert filled.library.is_dir()
    window = open_window()
    window.tabs.show_page()
    (view,) = window.findChildren(HistoryView)
    grid = view.grid
    assert grid is not None
    qtbot.waitUntil(lambda: view.model.rowCount() == COUNT)
    qtbot.waitUntil(lambda: view.model.asset(view.model.index(0)) is not None)
    return window, view, grid


Library_ = tuple[MainWindow, HistoryView, ThumbnailGrid]


def test_the_tiles_in_sight_are_read_and_no_others(library: Library_, qtbot: QtBot) -> None:
    _, view, grid = library
    grid.set_tile(160)
    visible = view.model.numbers(grid.visible_rows())
    assert 0 < len(visible) < COUNT
    qtbot.waitUntil(lambda: all(grid.pictures.get(number) is not None for number in visible))
    hidden = set(view.model.numbers(range(COUNT))) - set(visible)
    assert not [number for number in hidden if grid.pictures.get(number) is not None]


def test_the_arrow_keys_move_between_tiles_and_shift_selects_in_order(
    library: Library_, qtbot: QtBot
) -> None:
    _, view, grid = library
    grid.set_tile(120)
    grid.setFocus()
    grid.setCurrentIndex(view.model.index(0))
    columns = grid.columns()
    assert columns > 2
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert view.view.selected_rows() == [1 + columns]
    qtbot.keyClick(grid, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert view.view.selected_rows() == list(range(1, 2 + columns))
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert view.view.selected_rows() == [COUNT - 1]
    assert COUNT - 1 in grid.visible_rows()


def test_a_tile_keeps_its_place_when_the_size_changes(library: Library_) -> None:
    _, view, grid = library
    grid.set_tile(200)
    grid.scrollTo(view.model.index(COUNT // 2), grid.ScrollHint.PositionAtTop)
    first = grid.visible_rows().start
    assert first > 0
    for tile in (97, 300, 512, 96):
        grid.set_tile(tile)
        assert first in grid.visible_rows()
    assert view.choice.slider.value() == 96


def test_one_click_shows_a_picture_beside_the_grid(library: Library_, qtbot: QtBot) -> None:
    _, view, grid = library
    place = grid.visualRect(view.model.index(2)).center()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.view.selected_rows() == [2]
    preview = view._preview
    assert preview is not None and preview.asset is not None
    assert preview.asset.prompt == f"picture {COUNT - 3}"
    qtbot.waitUntil(preview.canvas.isVisible)
    assert not preview.canvas.picture.isNull()


def test_the_large_preview_is_left_with_escape_and_walks_with_the_arrow_keys(
    library: Library_, qtbot: QtBot
) -> None:
    window, view, grid = library
    grid.setFocus()
    grid.setCurrentIndex(view.model.index(0))
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    (large,) = window.findChildren(LargePreview)
    assert large.geometry() == window.rect()
    qtbot.keyClick(large, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: large.preview.asset is not None)
    assert large.preview.asset is not None
    assert large.preview.asset.prompt == f"picture {COUNT - 2}"
    assert view.view.selected_rows() == [1]
    qtbot.keyClick(large, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: view.large_preview is None)
    assert QApplication.focusWidget() is grid


def test_deleting_in_the_large_preview_shows_the_next_result(
    library: Library_, qtbot: QtBot
) -> None:
    window, view, grid = library
    grid.setCurrentIndex(view.model.index(4))
    grid.activated.emit(view.model.index(4))
    (large,) = window.findChildren(LargePreview)
    qtbot.keyClick(large, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: view.model.rowCount() == COUNT - 1)
    qtbot.waitUntil(
        lambda: (
            (asset := large.preview.asset) is not None and asset.prompt == f"picture {COUNT - 6}"
        )
    )


def test_the_list_stays_as_a_choice_with_the_same_selection(library: Library_) -> None:
    _, view, grid = library
    grid.setCurrentIndex(view.model.index(3))
    as_list = view.choice.findChild(QToolButton, "history.as_list")
    assert as_list is not None
    as_list.click()
    assert view.view.isVisible() and not grid.isVisible()
    assert view.view.selected_rows() == [3]
    assert view.shown_view is view.view


def test_the_library_moves_between_its_page_and_the_side(library: Library_) -> None:
    window, view, _ = library
    dock = window.library_place.dock
    assert (view.is_wide, dock.isHidden()) == (True, True)
    window.tabs.setCurrentIndex(0)
    assert (view.is_wide, dock.isAncestorOf(view)) == (False, True)
    hidden = []
    for width in (1000, 1300):
        window.resize(width, 700)
        hidden.append(dock.isHidden())
    window.library_place.set_side_open(False)
    window.resize(1400, 800)
    assert [*hidden, dock.isHidden()] == [True, False, True]


def test_each_place_keeps_its_own_size_of_tiles(library: Library_) -> None:
    window, view, grid = library
    view.choice.slider.setValue(300)
    window.tabs.setCurrentIndex(0)
    side = grid.tile
    assert side < 300
    assert view.choice.slider.value() == side
    window.tabs.show_page()
    assert (grid.tile, view.choice.slider.value()) == (300, 300)


def test_generate_runs_in_the_tab_that_was_shown_before_the_library(library: Library_) -> None:
    window, _, _ = library
    assert window.current_task == "text"
    window.tabs.setCurrentIndex(1)
    window.tabs.show_page()
    assert window.current_task == "image"


def test_results_are_dragged_out_as_files(library: Library_, filled: Paths) -> None:
    _, view, _ = library
    assets = view.model.known(view.model.numbers([0, 1]))
    urls = view.model.outgoing(assets).urls()
    assert [Path(url.toLocalFile()) for url in urls] == [
        filled.library / "2026-01-01" / f"{number}.png" for number in (COUNT - 1, COUNT - 2)
    ]


def test_contact_sheets_are_tiles_above_the_results_that_open_and_are_dragged_out(
    library: Library_, filled: Paths, qtbot: QtBot
) -> None:
    """Also one that was just made; nothing is shown where there is none, or among found results."""
    window, view, _ = library
    shelf = view.findChild(SheetShelf)
    assert shelf is not None and shelf.isHidden()
    sheet = filled.library / "2026-01-01" / "contact-sheet-1.png"
    Image.new("RGB", (400, 300), "teal").save(sheet)
    window.state.sheets_changed.emit()
    qtbot.waitUntil(shelf.isVisible)
    first = shelf.model.index(0)
    qtbot.waitUntil(lambda: shelf.model.picture(0) is not None)
    assert [url.toLocalFile() for url in shelf.model.mimeData([first]).urls()] == [str(sheet)]
    qtbot.mouseClick(
        shelf.view.viewport(),
        Qt.MouseButton.LeftButton,
        pos=shelf.view.visualRect(first).center(),
    )
    shown = window.findChild(PictureDialog)
    assert shown is not None and shown.name.accessibleName() == sheet.name
    shown.close()
    view.search.setText("picture 1")
    qtbot.waitUntil(shelf.isHidden)


def test_an_unreadable_picture_is_tried_once(
    library: Library_, filled: Paths, qtbot: QtBot
) -> None:
    _, view, grid = library
    last = filled.library / "2026-01-01" / "0.png"
    last.write_bytes(b"no picture")
    (number,) = view.model.numbers([COUNT - 1])

    def is_read() -> bool:
        grid.scrollTo(view.model.index(COUNT - 1))  # the page may still be laid out
        return grid.pictures.get(number) is not None

    qtbot.waitUntil(is_read)
    found = grid.pictures.get(number)
    assert found is not None and found[1] is None


def test_an_empty_library_says_so_in_the_grid(window: MainWindow) -> None:
    window.tabs.show_page()
    (view,) = window.findChildren(HistoryView)
    grid: Any = view.grid
    assert grid.columns() >= 1
    assert list(grid.visible_rows()) == []
    assert not grid.indexAt(QPoint(20, 20)).isValid()
    assert [label.isVisible() for label in view._empty] == [False, True]
    view.model.show(array("q"), lambda _: [])


def test_the_prompt_keeps_its_text_when_a_result_is_looked_at(library: Library_) -> None:
    window, view, grid = library
    prompt = window.findChild(QPlainTextEdit, "text.prompt")
    assert prompt is not None
    prompt.setPlainText("my own words")
    grid.doubleClicked.emit(view.model.index(0))
    grid.activated.emit(view.model.index(0))
    assert prompt.toPlainText() == "my own words"


def test_another_tab_closes_the_large_preview(library: Library_, qtbot: QtBot) -> None:
    window, view, grid = library
    grid.setFocus()
    grid.activated.emit(view.model.index(0))
    (large,) = window.findChildren(LargePreview)
    qtbot.keyClick(large, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: view.large_preview is None)
    focused = QApplication.focusWidget()
    assert focused is not None and focused.objectName() == "text.prompt"
