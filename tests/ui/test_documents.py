"""Documents in the Text tab: chosen, read, answered from, and opened at the passage."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QPlainTextEdit, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from studio.jobs.documents.embedder import key_of
from studio.jobs.documents.index_file import open_index
from studio.kinds.sources import Passage, Source
from studio.kinds.text import TextRequest
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.documents import question_embedder
from studio.ui.workspaces.text.documents.passage_vectors import STEP, passage_vectors_of
from studio.ui.workspaces.text.sources.links import linked, passage_of
from studio.ui.workspaces.text.text_tab import TextTab
from tests.document_files import pdf
from tests.unit.model_files import write_embedder


@pytest.fixture
def tab(window: MainWindow) -> TextTab:
    found = window.tab("text")
    assert isinstance(found, TextTab)
    found.create_all()
    return found


def test_an_answer_links_to_the_page_of_a_document(
    tab: TextTab, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "a report.pdf"
    file.write_bytes(pdf("Nothing here.", "One two three four five six seven eight foxes."))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    drop = QDropEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    # Qt delivers drops only to what a drag has entered before.
    assert tab.documents.eventFilter(tab.composer, drop)
    chips = tab.documents.chips
    qtbot.waitUntil(lambda: "a report.pdf · 2 pages" in chips.texts().values(), timeout=20_000)
    tab.prompt.set_text("How many foxes?")
    tab.generate()
    turns = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: len(turns) == 1, timeout=10_000)
    view = tab.view.view_of(turns[0])
    assert view is not None
    qtbot.waitUntil(lambda: bool(view.sources), timeout=20_000)
    meter = view.findChild(QWidget, "text.sources.meter")
    assert meter is not None
    assert "all of it" in meter.text()  # type: ignore[attr-defined]
    button = view.findChild(QToolButton, "text.source.2")
    assert button is not None
    assert button.text() == "[2] a report.pdf, page 2"
    button.click()
    dialogs: list[QDialog] = []

    def is_open() -> bool:
        dialogs[:] = [
            each
            for each in QApplication.topLevelWidgets()
            if isinstance(each, QDialog) and each.objectName() == "passage.dialog"
        ]
        return bool(dialogs)

    qtbot.waitUntil(is_open, timeout=10_000)
    text = dialogs[0].findChild(QPlainTextEdit, "passage.text")
    assert text is not None
    assert "eight foxes" in text.toPlainText()
    assert "eight foxes" in text.extraSelections()[0].cursor.selectedText()
    dialogs[0].close()
    chips.remove(str(file))
    assert chips.isHidden()
    # One more answer is from the same documents, and both take them along when they are copied.
    qtbot.waitUntil(lambda: not tab.chat._pending)
    view.regenerate_requested.emit(turns[0])
    qtbot.waitUntil(lambda: len(view.sources) == 2, timeout=20_000)
    view._copy(1)
    said = "Sources\n[2] a report.pdf, page 2: “One two three four"
    assert said in QApplication.clipboard().text()


def test_a_document_that_cannot_be_read_is_said(
    tab: TextTab, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "scan.pdf"
    file.write_bytes(pdf("", ""))
    with qtbot.waitSignal(window.state.problem, timeout=20_000) as said:
        tab.documents.add([file])
    assert "OCR" in str(said.args[0].message)
    assert tab.documents.chips.isHidden()


def test_a_folder_becomes_a_collection_that_is_read_again_when_it_changes(
    tab: TextTab, qtbot: QtBot, tmp_path: Path
) -> None:
    """Its files say when they were read, and what is wrong with those that cannot be."""
    folder, other = tmp_path / "course", tmp_path / "x" / "course"
    for each in (folder / "more", other):
        each.mkdir(parents=True)
    (folder / "plan.txt").write_text("Seven foxes live in the wood near Aarhus.", "utf-8")
    (folder / "more" / "scan.pdf").write_bytes(pdf("", ""))
    (other / "a.txt").write_text("x", "utf-8")
    dialog = tab.documents.menu.open_dialog()
    dialog.add_folder(folder)
    model, status = dialog.model, dialog.status

    def is_read(count: int) -> bool:
        states = [file.state for file in model.files]
        return states.count("read") == count and not dialog.reading.is_reading

    qtbot.waitUntil(lambda: is_read(1))
    assert [file.name for file in model.files] == [str(Path("more", "scan.pdf")), "plan.txt"]
    said = [model.data(model.index(row, 2)) for row in (0, 1)]
    assert "OCR" in said[0] and said[1].startswith("20")
    assert status.text() == "2 documents, of which 1 cannot be read"
    # Changed, new and gone files.
    (folder / "plan.txt").write_text("Eight hundred foxes live in the wood near Aarhus.", "utf-8")
    (folder / "new.md").write_text("# New\n\nText.", "utf-8")
    (folder / "more" / "scan.pdf").unlink()
    dialog.reading.look()
    qtbot.waitUntil(lambda: is_read(2))
    assert status.text() == "2 documents"
    # Another folder of the same name asks for a name.
    dialog.add_folder(other)
    qtbot.waitUntil(lambda: _named("collections.name") is not None)
    name = _named("collections.name")
    assert isinstance(name, QDialog)
    name.accept()
    qtbot.waitUntil(lambda: dialog.list.count() == 2)
    assert [dialog.list.item(row).text() for row in (0, 1)] == ["course", "course 2"]
    dialog.list.setCurrentRow(1)
    dialog.remove.click()
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    assert (other / "a.txt").exists()
    qtbot.waitUntil(lambda: is_read(2))
    dialog.use.click()
    chips = tab.documents.chips
    qtbot.waitUntil(lambda: "course · 2 documents" in chips.texts().values())
    # A prompt is answered from the folder as it is now.
    (folder / "plan.txt").write_text("Nine thousand foxes live in the wood near Aarhus.", "utf-8")
    tab.prompt.set_text("How many foxes live near Aarhus?")
    tab.generate()
    turns = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: len(turns) == 1)
    view = tab.view.view_of(turns[0])
    assert view is not None
    qtbot.waitUntil(lambda: bool(view.sources))
    texts = [p.text for source in next(iter(view.sources.values())) for p in source.passages]
    assert any("Nine thousand" in text for text in texts)
    qtbot.waitUntil(lambda: not tab.chat._pending)
    chips.remove(str(folder))


def test_a_folder_without_documents_is_a_collection_that_says_so(
    tab: TextTab, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    dialog = tab.documents.menu.open_dialog()
    dialog.add_folder(tmp_path / "empty")
    qtbot.waitUntil(lambda: "no documents" in dialog.status.text())
    assert not dialog.use.isEnabled() and dialog.remove.isEnabled()
    (tmp_path / "empty").rmdir()
    dialog.again.click()
    qtbot.waitUntil(lambda: not dialog.reading.is_reading)
    assert dialog.status.text()
    dialog.close()


def _named(name: str) -> QWidget | None:
    return next((w for w in QApplication.topLevelWidgets() if w.objectName() == name), None)


def test_links_are_made_of_numbers_that_there_are_and_of_nothing_else() -> None:
    passage = Passage(1, 0, 9, "The lighthouse was built in 1871 by Danish engineers.")
    sources = (Source("a.pdf", "0" * 64, "page", 9, (passage,)),)
    answer = "It is tall [1], see [7]. The lighthouse was built in 1871."
    assert linked(answer, sources) == (
        "It is tall [\\[1\\]](passage:1), see [7]. The lighthouse was built in 1871."
        " [\\[1\\]](passage:1)"
    )
    assert passage_of(QUrl("passage:1")) == 1
    for other in ("passage:x", "http:1", "passage:", "passage:99999999"):
        assert passage_of(QUrl(other)) == 0


def meaning(tab: TextTab) -> QAction:
    """Return what the menu of documents says about the search by meaning."""
    tab.documents.menu._fill()
    found = tab.documents.menu.findChild(QAction, "text.documents.meaning")
    assert found is not None
    return found


def test_passages_get_vectors_in_the_background_and_a_question_finds_them(
    home: Paths, window: MainWindow, tab: TextTab, qtbot: QtBot, tmp_path: Path
) -> None:
    """A model that is added later embeds what is there; without it words have to do."""
    file = tmp_path / "a.txt"
    file.write_text("What is that? Who are you? " * 2_000 + "The lighthouse is red.", "utf-8")
    tab.documents.add([file])
    chips = tab.documents.chips
    qtbot.waitUntil(lambda: any(text.startswith("a.txt") for text in chips.texts().values()))
    vectors = passage_vectors_of(window.state)
    assert vectors.model() is None
    assert "get a model" in meaning(tab).text()

    def waiting() -> int:
        index = open_index(home)
        try:
            (hash_,) = index.hashes_of([str(file)])
            model = vectors.model()
            return len(index.without_vectors([hash_], key_of(model) if model else "none"))
        finally:
            index.close()

    assert waiting() > STEP
    write_embedder(home.models / "meaning")
    with qtbot.waitSignal(window.state.models_changed):
        window.state.refresh_models()
    assert vectors.model() is not None
    qtbot.waitUntil(lambda: waiting() == vectors.left == 0, timeout=20_000)
    assert (meaning(tab).text(), meaning(tab).isEnabled()) == (
        "Searched by meaning with meaning",
        False,
    )
    # Words of every question are not looked for; the vectors of the fake engine count them.
    tab.prompt.set_text("who is that")
    tab.generate()
    turns = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: len(turns) == 1, timeout=20_000)
    view = tab.view.view_of(turns[0])
    assert view is not None
    qtbot.waitUntil(lambda: bool(view.sources), timeout=20_000)
    (source,) = next(iter(view.sources.values()))
    assert not source.is_whole


def test_while_a_job_runs_a_question_finds_its_passages_by_words(
    home: Paths,
    window: MainWindow,
    tab: TextTab,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Passages get their vectors when the job is done: nothing waits for them."""
    monkeypatch.setattr(question_embedder, "BUSY_SECONDS", 0.1)
    write_embedder(home.models / "meaning")
    window.state.refresh_models()
    vectors = passage_vectors_of(window.state)
    qtbot.waitUntil(lambda: vectors.model() is not None)
    window.state.submit([TextRequest(prompt="[slow]", seed=1)])
    qtbot.waitUntil(lambda: bool(window.state.worker.running_job), timeout=20_000)
    file = tmp_path / "a.txt"
    file.write_text("It rains. " * 8_000 + "The lighthouse is red.", "utf-8")
    tab.documents.add([file])
    chips = tab.documents.chips
    qtbot.waitUntil(lambda: any(text.startswith("a.txt") for text in chips.texts().values()))
    qtbot.waitUntil(lambda: vectors.left > STEP)
    waiting = vectors.left
    assert f"{waiting} passages to go" in meaning(tab).text()
    tab.prompt.set_text("Which colour has the lighthouse?")
    tab.generate()
    turns = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: len(turns) == 1, timeout=20_000)
    assert any("by their words only" in each.text for each in window.messages.messages)
    assert vectors.left == waiting
    library = window.state.library
    assert library is not None
    for job in library.queue.list():
        window.state.cancel(job.id)
    qtbot.waitUntil(lambda: vectors.left == 0, timeout=20_000)
