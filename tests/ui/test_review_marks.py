"""Nothing that needs review leaves the window without a mark, by whatever way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.search import AssetQuery
from studio.library.records import Asset
from studio.ui.gallery.contact_sheets import find_sheets
from studio.ui.gallery.outgoing_files import outgoing_files
from studio.ui.gallery.result_actions import ResultActions
from studio.ui.main_window import MainWindow
from studio.ui.widgets.dropped_files import dropped_paths

NOTE = "Not reviewed yet: a person must review this text before it is used."


@pytest.fixture
def results(window: MainWindow, qtbot: QtBot) -> list[Asset]:
    """Two pictures and a text that need review."""
    library = window.state.library
    assert library is not None
    window.state.submit(
        [
            TextRequest(prompt="a poem", seed=1),
            ImageRequest(prompt="a fox", seed=2, width=64, height=64, count=2),
        ]
    )
    qtbot.waitUntil(lambda: library.assets.count() == 3)
    ids = [asset.id for asset in library.assets.recent()]
    library.marks.review(ids, "needs_review", "", "")
    return library.assets.find(AssetQuery(review="needs_review"))


def test_texts_pictures_and_files_are_marked_when_they_leave_the_gallery(
    window: MainWindow,
    results: list[Asset],
    find: Callable[[str], Any],
    qtbot: QtBot,
    qapp: QApplication,
) -> None:
    """Also those of which a contact sheet is made; approved ones go as they are."""
    library = window.state.library
    assert library is not None
    actions = ResultActions(window.state, window, window)
    text = next(asset for asset in results if asset.text)
    pictures = [asset for asset in results if not asset.text]
    actions.do("copy", [text])
    assert qapp.clipboard().text() == f"{NOTE}\n\n{text.text}"
    # A picture has no place for a note, so the person is told first.
    actions.do("copy", pictures)
    qtbot.waitUntil(find("messages.action").isVisible)
    assert not qapp.clipboard().mimeData().hasImage()
    find("messages.action").click()
    qtbot.waitUntil(lambda: qapp.clipboard().mimeData().hasImage())
    data = outgoing_files(window.state, results)
    names = [Path(url.toLocalFile()) for url in data.urls()]
    assert all(path.stem.endswith("-needs-review") for path in names)
    assert [path.read_bytes() for path in names] == [each.path.read_bytes() for each in results]
    assert dropped_paths(data) == [each.path for each in results]
    actions.do("sheet", pictures)
    qtbot.waitUntil(lambda: bool(find_sheets(library.root)))
    assert find_sheets(library.root)[0].stem.endswith("-needs-review")
    approved = library.marks.review([each.id for each in results], "approved", "Ann", "")
    assert [Path(url.toLocalFile()) for url in outgoing_files(window.state, approved).urls()] == [
        each.path for each in approved
    ]
    actions.do("copy", [each for each in approved if each.text])
    assert qapp.clipboard().text() == text.text
    # A disk that cannot be written gives no file without a mark.
    window.state.paths.cache.joinpath("outgoing").rename(window.state.paths.cache / "was")
    window.state.paths.cache.joinpath("outgoing").write_text("in the way")
    assert not outgoing_files(window.state, results[:1]).urls()


def test_answers_and_selections_of_them_are_copied_with_the_note_until_they_are_approved(
    window: MainWindow, qtbot: QtBot, qapp: QApplication
) -> None:
    library = window.state.library
    assert library is not None
    tab: Any = window.tab("text")
    tab.prompt.set_text("a fox")
    tab.generate()
    qtbot.waitUntil(lambda: bool(tab.chat.conversation.turns))
    turn = tab.chat.conversation.turns[0]
    qtbot.waitUntil(lambda: bool(turn.answers and turn.answers[0].asset) and not tab.chat._pending)
    view = tab.view.view_of(turn)
    id = turn.answers[0].asset

    def decide(state: Any) -> None:
        window.state.change_assets(tab, lambda library: library.marks.review([id], state, "", ""))
        qtbot.waitUntil(lambda: view.reviews.get(id) == state)

    decide("needs_review")
    card = view._single
    buttons = card.findChildren(QToolButton)
    copy = next(each for each in buttons if each.accessibleName().startswith("Copy"))
    copy.click()
    assert qapp.clipboard().text() == f"{NOTE}\n\n{turn.answers[0].text}"
    card.body.selectAll()
    card.body.copy()
    assert qapp.clipboard().text().startswith(NOTE)
    assert NOTE in qapp.clipboard().mimeData().html()
    card.edit.click()
    qtbot.waitUntil(lambda: tab.editing.document is not None)
    editor = tab.editing.panel.editor
    qtbot.waitUntil(lambda: editor.note == NOTE)
    editor.setPlainText("one 🦊\ntwo")
    editor.selectAll()
    editor.cut()
    assert qapp.clipboard().text() == f"{NOTE}\n\none 🦊\ntwo"
    editor.paste()
    assert card.decide.isVisible() and "Needs review" in card.decide.toolTip()
    assert editor.text() == "one 🦊\ntwo", "within the editor there is no note"
    decide("approved")
    assert editor.note == NOTE, "it was changed since"
    copy.click()
    assert qapp.clipboard().text() == turn.answers[0].text
    tab.editing.save_version()
    qtbot.waitUntil(lambda: library.assets.count() == 2)
    version = library.assets.recent(1)[0]
    assert version.review_state == "needs_review", "nobody has reviewed the new version"


def test_what_is_selected_stays_as_it_is_without_a_note() -> None:
    from studio.ui.widgets.marked_selection import marked_selection

    data = QMimeData()
    data.setHtml("<html><body style='x'><b>a</b></body></html>")
    assert marked_selection(data, "") is data
    marked = marked_selection(data, "a < b")
    assert "<body style='x'><p>a &lt; b</p><b>" in marked.html()
