"""Names and prompts with markup, ampersands or 10,000 characters are shown as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QHelpEvent, QTextDocument
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QTextBrowser,
    QTextEdit,
    QTreeView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.protocol import Request
from studio.settings import Paths
from studio.ui.gallery.collections_menu import fill_collections
from studio.ui.gallery.filters import most_used
from studio.ui.gallery.history_view import HistoryView
from studio.ui.main_window import MainWindow
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.plain_text import menu_text, one_line, plain_label, plain_tooltip
from tests.ui.opened_files import needs_inotify, opened_files
from tests.unit.model_files import write_llama, write_pipeline

MARKUP = "<img src=bait.png><a href='bait.png'>fox &amp; hen</a> & more"
NAME = MARKUP.replace("/", " ")
"""The same as a file name."""

LONG = "x" * 10_000
LINES = "a\n" * 90_000


@pytest.fixture
def bait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the file that the markup names."""
    folder = tmp_path / "bait"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "bait.png")
    monkeypatch.chdir(folder)
    return folder


def _make(library: Library, window: MainWindow, requests: list[Request], qtbot: QtBot) -> None:
    before = len(library.queue.list())
    labels = [{NAME: NAME, "long": LONG[:1000]} for _ in requests]
    window.state.submit(requests, batch="b", labels=labels)

    def ended() -> bool:
        jobs = library.queue.list()
        return len(jobs) == before + len(requests) and all(
            job.status in ("done", "failed") for job in jobs
        )

    qtbot.waitUntil(ended, timeout=60_000)


@pytest.fixture
def hostile(
    home: Paths, bait: Path, open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path
) -> MainWindow:
    """A window whose library, models, queue and messages have nothing but hostile names."""
    assert bait
    write_llama(home.models / NAME)
    write_pipeline(home.models / f"{NAME} 2")
    (home.models / f"{NAME}.gguf").write_bytes(b"GGUF" + bytes(40))
    window = open_window()
    window.resize(1100, 750)
    library = window.state.library
    assert library is not None
    _make(
        library,
        window,
        [
            TextRequest(prompt=MARKUP, seed=1),
            TextRequest(prompt=f"[fail] {MARKUP}", seed=1),
            TextRequest(prompt=f"[bug] {MARKUP}", seed=1),
            TextRequest(prompt=LINES, seed=1),
            ImageRequest(prompt=MARKUP, seed=1, count=2, width=64, height=64),
            ImageRequest(prompt=LONG, seed=1, width=64, height=64),
        ],
        qtbot,
    )
    ids = [asset.id for asset in library.assets.recent(10)]
    library.marks.retag(ids, (), [NAME.replace(" ", "-"), LONG[:90]])
    for name in (NAME[:100], LONG[:100]):
        library.marks.add_to_collection(name, ids)
    window.state.message.emit(MARKUP, "warning", "", None)
    window.state.assets_changed.emit()
    picture = tmp_path / f"{NAME}.png"
    Image.new("RGB", (8, 8)).save(picture)
    upscale: Any = window.tab("upscale")
    upscale.take([picture])
    return window


def _open_everything(window: MainWindow, qtbot: QtBot) -> None:
    """Open all dialogs, and select each result and job once."""
    for index in range(window.tabs.count()):
        window.tabs.setCurrentIndex(index)
        _paint()
    for view in window.findChildren(QAbstractItemView):
        model: Any = view.model()
        for row in range(min(12, model.rowCount(QModelIndex())) if model else 0):
            view.setCurrentIndex(model.index(row, 0))
            QApplication.processEvents()
    window.open_models()
    window.open_settings()
    window.show_about()
    window.show_shortcuts()
    window.open_batch()
    window.messages.show_list()
    history: Any = window.findChild(HistoryView)
    commands = history.commands
    history.view.selectAll()
    qtbot.waitUntil(lambda: len(commands.chosen()) >= 5, timeout=10_000)
    pictures = [asset for asset in commands.chosen() if asset.width]
    from studio.ui.compare.compare_dialog import CompareDialog
    from studio.ui.cull.cull_dialog import CullDialog
    from studio.ui.gallery.tags_dialog import TagsDialog
    from studio.ui.gallery.trash_dialog import TrashDialog

    show_dialog(CompareDialog(pictures[:3], window))
    show_dialog(CullDialog(window.state, pictures, window))
    show_dialog(TagsDialog(pictures, window))
    show_dialog(TrashDialog(window.state, window))
    history.filters.opened.emit()
    collections: Any = window.findChild(QComboBox, "history.collection")
    qtbot.waitUntil(lambda: collections.count() == 3, timeout=10_000)
    _paint()


def _paint() -> None:
    for widget in QApplication.topLevelWidgets():
        if widget.isVisible():
            widget.grab()
    QApplication.processEvents()


def _foreign(text: str) -> bool:
    return "bait.png" in text


def _is_literal(tooltip: str) -> bool:
    """Whether a tooltip shows its markup, if it has any."""
    if not GuiQt.mightBeRichText(tooltip):
        return True
    document = QTextDocument()
    document.setHtml(tooltip)
    return "<img" in document.toPlainText() and "￼" not in document.toPlainText()


def _item_texts(view: QAbstractItemView) -> Iterator[tuple[str, str]]:
    """Yield what the rows of a view, and the rows below them, say: the role and the text."""
    model: Any = view.model()
    if not model:
        return
    waiting = [QModelIndex()]
    while waiting:
        parent = waiting.pop()
        for row in range(model.rowCount(parent)):
            for column in range(model.columnCount(parent) if isinstance(view, QTreeView) else 1):
                index = model.index(row, column, parent)
                if not column:
                    waiting.append(index)
                yield "shown", str(index.data(Qt.ItemDataRole.DisplayRole) or "")
                for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.WhatsThisRole):
                    yield "tooltip", str(index.data(role) or "")


@needs_inotify
def test_nothing_in_the_window_interprets_a_name(
    hostile: MainWindow, bait: Path, qtbot: QtBot
) -> None:
    with opened_files(bait) as opened:
        _open_everything(hostile, qtbot)
        widgets = QApplication.allWidgets()
        seen = 0
        for widget in widgets:
            if isinstance(widget, QLabel) and _foreign(QLabel.text(widget)):
                seen += 1
                if widget.textFormat() != Qt.TextFormat.PlainText:
                    assert "&lt;img" in QLabel.text(widget), widget.objectName()
                    assert "<img" not in QLabel.text(widget), widget.objectName()
            if isinstance(widget, QTextBrowser | QTextEdit):
                assert "￼" not in widget.toPlainText(), widget.objectName()
            assert not _foreign(widget.toolTip()) or _is_literal(widget.toolTip())
            if isinstance(widget, QAbstractItemView):
                for kind, text in _item_texts(widget):
                    seen += _foreign(text)
                    if kind == "tooltip":
                        assert not _foreign(text) or _is_literal(text), text
                    else:
                        assert len(text) <= 600 and "\n" not in text, text[:100]
        for action in (a for w in widgets for a in w.findChildren(QAction)):
            if _foreign(action.text()):
                assert "&" not in action.text().replace("&&", ""), action.text()
        assert seen > 20
        _show_tooltips(widgets)
    assert opened == []


def _show_tooltips(widgets: list[QWidget]) -> None:
    """Send what the mouse sends when it rests: on each widget, and on the rows of each view."""
    for widget in widgets:
        places = [QPoint(4, 4)]
        target = widget
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            target = widget.viewport()
            rows = range(min(10, widget.model().rowCount(QModelIndex())))
            places = [widget.visualRect(widget.model().index(row, 0)).center() for row in rows]
        for place in places:
            event = QHelpEvent(QHelpEvent.Type.ToolTip, place, target.mapToGlobal(place))
            QApplication.sendEvent(target, event)
            QApplication.processEvents()


@needs_inotify
def test_pasted_or_dropped_html_becomes_text(hostile: MainWindow, bait: Path) -> None:
    html = f"<img src='{bait}/bait.png'><b>a fox</b><img src='bait.png'>"
    with opened_files(bait) as opened:
        for edit in hostile.findChildren(QPlainTextEdit):
            if edit.isReadOnly():
                continue
            for with_text in (False, True):
                data = QMimeData()
                data.setHtml(html)
                if with_text:
                    data.setText("a fox")
                edit.clear()
                QApplication.clipboard().setMimeData(data)
                edit.paste()
                assert edit.toPlainText() in ("", "a fox", html), edit.objectName()
                edit.grab()
    assert opened == []


def test_names_of_any_length_fit_into_the_window(hostile: MainWindow, qtbot: QtBot) -> None:
    before = hostile.minimumSizeHint()
    assert before.width() <= 1024 and before.height() <= 700
    hostile.state.message.emit(f"{LONG} {MARKUP} {LINES}", "error", "", None)
    hostile.messages.show_list()
    _open_everything(hostile, qtbot)
    for widget in QApplication.topLevelWidgets():
        if widget.isVisible() and not isinstance(widget, QMenu):
            size = widget.minimumSizeHint()
            assert size.width() <= 1100 and size.height() <= 900, (widget.objectName(), size)


def test_a_menu_of_collections_is_as_wide_as_a_screen_at_most(qtbot: QtBot) -> None:
    menu = QMenu()
    qtbot.addWidget(menu)
    names = [(LONG, 1), ("a\tCtrl+Q", 2), ("R&D & more", 3), ("lines\nand\nlines", 4)]
    fill_collections(menu, [], names, print, print, print)
    texts = [action.text() for action in menu.actions()]
    assert texts[1:4] == ["a Ctrl+Q (2)", "R&&D && more (3)", "lines and lines (4)"]
    assert menu.sizeHint().width() < 800


def test_lists_of_names_show_the_most_used_ones() -> None:
    found = [(f"name {number:05}", number % 100) for number in range(10_000)]
    shown = most_used(found, 150, "name 00001")
    assert len(shown) == 151
    assert list(shown) == sorted(shown)
    assert min(count for name, count in shown if name != "name 00001") == 98
    assert most_used(found, 10_000) is found


def test_a_tooltip_shows_markup_as_text() -> None:
    document = QTextDocument()
    document.setHtml(plain_tooltip(MARKUP))
    assert document.toPlainText() == MARKUP
    assert plain_tooltip("a < b & c") == "a < b & c"


@pytest.mark.parametrize(
    "text", [LONG, LINES, "</p>" * 20_000, "\u202e" * 50_000, "狐" * 50_000, " " * 1_000_000]
)
def test_texts_of_any_length_are_bounded(text: str, qtbot: QtBot) -> None:
    tooltip = plain_tooltip(text)
    assert tooltip.count("\n") < 40
    label = plain_label(tooltip)
    qtbot.addWidget(label)
    assert label.sizeHint().width() < 2000
    assert len(one_line(text)) <= 200
    assert len(menu_text(text)) <= 120
    label.setWordWrap(True)
    label.setText(text)
    assert label.minimumSizeHint().width() < 1500


def test_controls_of_direction_do_not_reach_the_text_around_a_name() -> None:
    assert one_line("photo\u202egpj.exe (\u2067x\u2069)") == "photogpj.exe (x)"


def test_markup_is_searched_for_only_in_code_that_escapes_it() -> None:
    """Labels and tooltips are made by `plain_text`; HTML is set where every value is escaped."""
    ui = Path(__file__).parents[2] / "studio" / "ui"
    allowed = {
        r"\bQLabel\(": {"widgets/plain_text.py"},
        r"\(QLabel\)": {"widgets/plain_text.py", "widgets/elided_label.py"},
        r"\bsetHtml\(|insertHtml\(|setMarkdown\(": {
            "gallery/history_view.py",
            "widgets/marked_selection.py",
            "workspaces/text/answer_document.py",
            "workspaces/text/answer_text.py",
            "workspaces/text/export/pdf_file.py",
        },
        r"\bQMessageBox\b|\bQErrorMessage\b": set[str](),
        r"\brich_label\(": {
            "widgets/plain_text.py",
            "compare/compare_dialog.py",
            "settings/about_dialog.py",
        },
        # A literal, a translated literal with numbers, or what `plain_tooltip` returns.
        r"(?<!item)\.setToolTip\((?!\s*(self\.tr\(|tr\(|plain_tooltip\(|\"))": set[str](),
    }
    for pattern, places in allowed.items():
        found = {
            path.relative_to(ui).as_posix()
            for path in ui.rglob("*.py")
            if re.search(pattern, path.read_text("utf-8"))
        }
        assert found <= places, pattern
