"""The list of conversations: they are kept, found, renamed, deleted, branched, and never lost."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from studio.formats.folders import FileLock
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn, encode
from studio.ui.workspaces.text.conversation_files import ConversationFiles


@pytest.fixture
def tab(window: MainWindow) -> Any:
    return window.tab("text")


def ask(tab: Any, qtbot: QtBot, prompt: str) -> None:
    """Send a prompt, and wait until its answer is in the library and its conversation kept."""
    tab.prompt.set_text(prompt)
    tab.generate()
    qtbot.waitUntil(lambda: not tab.chat._pending, timeout=20_000)
    qtbot.waitUntil(lambda: not tab.chat.keeper.has_unsaved, timeout=10_000)


def ask_while_paused(tab: Any, qtbot: QtBot, prompt: str) -> None:
    """Send a prompt that is answered when the queue is resumed."""
    tab._state.set_paused(True)
    tab.prompt.set_text(prompt)
    tab.generate()
    qtbot.waitUntil(lambda: bool(tab.chat.keeper.entries), timeout=10_000)


def titles(tab: Any) -> list[str]:
    """The titles in the list, from top to bottom."""
    model = tab._side.panel._model
    return [model.data(model.index(row)) for row in range(model.rowCount())]


def prompts(tab: Any) -> list[str]:
    return [turn.prompt for turn in tab.chat.conversation.turns]


def kept(folder: Path) -> int:
    return len(list(folder.glob("[0-9]*.json")))


def write(root: Path, *prompts: str) -> None:
    """Write conversations of one turn each, the last one used last."""
    root.mkdir(parents=True, exist_ok=True)
    files = ConversationFiles(root)
    for number, prompt in enumerate(prompts):
        conversation = Conversation([Turn(prompt, [Answer("yes", asset="a")])], used=1e9 + number)
        conversation.number()
        files.save(f"2026-{number}", encode(conversation))


def test_conversations_are_listed_by_last_use_and_opened_again(tab: Any, qtbot: QtBot) -> None:
    ask(tab, qtbot, "one")
    tab.new.click()
    assert prompts(tab) == []
    ask(tab, qtbot, "two")
    assert titles(tab) == ["two", "one"]
    first = tab.chat.keeper.entries[1].id
    tab._side.panel.opened.emit(first)
    qtbot.waitUntil(lambda: prompts(tab) == ["one"], timeout=10_000)
    assert titles(tab) == ["two", "one"]
    ask(tab, qtbot, "more")
    assert titles(tab) == ["one", "two"]


def test_an_answer_arrives_in_its_conversation_while_another_is_shown(
    tab: Any, qtbot: QtBot
) -> None:
    ask_while_paused(tab, qtbot, "one")
    first = tab.chat.conversation
    tab.new.click()
    tab._state.set_paused(False)
    qtbot.waitUntil(lambda: not tab.chat._pending, timeout=20_000)
    assert prompts(tab) == []
    answer = first.turns[0].answers[0].text
    tab.chat.open(first.id)
    qtbot.waitUntil(lambda: prompts(tab) == ["one"], timeout=10_000)
    assert tab.chat.conversation.turns[0].answers[0].text == answer != ""


def test_a_conversation_is_renamed(tab: Any, qtbot: QtBot, open_window: Any) -> None:
    ask(tab, qtbot, "one")
    tab.new.click()
    ask(tab, qtbot, "two")
    model = tab._side.panel._model
    for row, title in enumerate(("First & <b>best</b>", "Second\nline")):
        assert model.setData(model.index(row), title, Qt.ItemDataRole.EditRole)
    wanted = ["First & <b>best</b>", "Second line"]
    qtbot.waitUntil(lambda: titles(tab) == wanted, timeout=10_000)
    tab.window().close()
    again: Any = open_window().tab("text")
    qtbot.waitUntil(lambda: titles(again) == wanted, timeout=10_000)


def test_a_deleted_conversation_can_be_taken_back(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, qtbot, "one")
    (entry,) = tab.chat.keeper.entries
    tab._side.delete(entry)
    qtbot.waitUntil(lambda: titles(tab) == [], timeout=10_000)
    assert prompts(tab) == []
    folder = window.state.library_root / "conversations"
    assert kept(folder) == 0
    action = window.messages.messages[-1].action
    assert action is not None
    action()
    qtbot.waitUntil(lambda: prompts(tab) == ["one"], timeout=10_000)
    assert titles(tab) == ["one"]
    assert kept(folder) == 1


def test_what_arrives_in_a_deleted_conversation_does_not_bring_it_back(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask_while_paused(tab, qtbot, "one")
    tab._side.delete(tab.chat.keeper.entries[0])
    tab._state.set_paused(False)
    qtbot.waitUntil(lambda: not tab.chat._pending, timeout=20_000)
    qtbot.waitUntil(lambda: not tab.chat.keeper.has_unsaved, timeout=10_000)
    assert titles(tab) == []
    assert kept(window.state.library_root / "conversations") == 0


def test_all_words_are_found_in_prompts_and_answers(
    home: Paths, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    write(home.library, "a fox", "a hen", "狐狸和鸡")
    tab: Any = open_window().tab("text")
    panel = tab._side.panel
    qtbot.waitUntil(lambda: len(titles(tab)) == 3, timeout=10_000)
    for words, found in (("FOX yes", ["a fox"]), ("狐狸", ["狐狸和鸡"]), ("cow", [])):
        panel.search.setText(words)
        qtbot.waitUntil(lambda found=found: titles(tab) == found, timeout=10_000)  # type: ignore[misc]
    assert "contains" in panel.nothing.text()
    panel.search.clear()
    assert len(titles(tab)) == 3


def test_a_turn_is_gone_on_from_in_a_new_conversation(tab: Any, qtbot: QtBot) -> None:
    ask(tab, qtbot, "one")
    ask(tab, qtbot, "two")
    first = tab.chat.conversation
    tab.view.branch_requested.emit(first.turns[0])
    assert prompts(tab) == ["one"]
    ask(tab, qtbot, "three")
    assert prompts(tab) == ["one", "three"]
    assert [turn.prompt for turn in first.turns] == ["one", "two"]
    assert len(titles(tab)) == 2


def test_the_conversation_of_an_earlier_version_is_taken_over(
    home: Paths, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    file = home.settings.with_name("conversation.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"turns": [{"prompt": "before", "answers": [{"text": "yes"}]}]}', "utf-8")
    window = open_window()
    tab: Any = window.tab("text")
    qtbot.waitUntil(lambda: prompts(tab) == ["before"], timeout=10_000)
    assert titles(tab) == ["before"]
    assert not file.exists()
    assert "before" in file.with_name("conversation.earlier.json").read_text("utf-8")
    window.close()
    again: Any = open_window().tab("text")
    qtbot.waitUntil(lambda: prompts(again) == ["before"], timeout=10_000)
    assert titles(again) == ["before"]


def test_a_damaged_conversation_is_set_aside_and_the_others_open(
    home: Paths, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    write(home.library, "one", "two")
    folder = home.library / "conversations"
    (folder / "2026-1.json").write_text('{"turns": [{"prompt"', "utf-8")
    window = open_window()
    tab: Any = window.tab("text")
    qtbot.waitUntil(lambda: prompts(tab) == ["one"], timeout=10_000)
    tab.chat.open("2026-1")
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    assert "damaged" in window.messages.text()
    assert list(folder.glob("2026-1.damaged-*.json"))
    assert prompts(tab) == ["one"]


def test_what_could_not_be_saved_is_said_once_and_saved_later(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    folder = window.state.library_root / "conversations"
    folder.write_text("in the way")
    for prompt in ("one", "two"):
        tab.prompt.set_text(prompt)
        tab.generate()
        qtbot.waitUntil(lambda: not tab.chat._pending, timeout=20_000)
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    assert [str(folder) in shown.text for shown in window.messages.messages] == [True]
    qtbot.waitUntil(lambda: tab.chat.keeper.has_unsaved, timeout=10_000)
    folder.unlink()
    tab.chat.save_now()
    assert kept(folder) == 1


def test_what_could_not_be_saved_is_shown_and_saved_when_it_is_opened_again(
    tab: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(tab, qtbot, "one")
    first, files = tab.chat.conversation, tab.chat.keeper._files
    tab.new.click()
    ask(tab, qtbot, "two")
    tab.chat.open(first.id)
    qtbot.waitUntil(lambda: tab.chat.conversation.id == first.id, timeout=10_000)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(files, "save", full)
        tab.chat.keeper.rename(first.id, "My title")
        tab.new.click()
        qtbot.waitUntil(lambda: tab.chat.keeper.has_unsaved, timeout=10_000)
    tab.chat.open(first.id)
    qtbot.waitUntil(lambda: tab.chat.conversation.id == first.id, timeout=10_000)
    assert tab.chat.conversation.title == "My title"
    tab.chat.save_now()
    assert "My title" in files.path(first.id).read_text("utf-8")


def test_a_title_given_while_its_conversation_is_being_opened_is_kept(
    tab: Any, qtbot: QtBot
) -> None:
    ask(tab, qtbot, "one")
    first = tab.chat.conversation.id
    tab.new.click()
    ask(tab, qtbot, "two")
    tab.chat.keeper.rename(first, "A title")
    tab.chat.open(first)
    tab.chat.keeper.rename(first, "Another")
    qtbot.waitUntil(lambda: tab.chat.conversation.id == first, timeout=10_000)
    qtbot.waitUntil(lambda: titles(tab) == ["two", "Another"], timeout=10_000)
    ask(tab, qtbot, "more")
    assert titles(tab) == ["Another", "two"]
    assert '"Another"' in tab.chat.keeper.file_of(first).read_text("utf-8")


def test_a_conversation_opened_twice_at_once_stays_open(tab: Any, qtbot: QtBot) -> None:
    ask(tab, qtbot, "one")
    first = tab.chat.conversation.id
    tab.new.click()
    ask(tab, qtbot, "two")
    tab.chat.open(first)
    tab.chat.open(first)
    qtbot.waitUntil(lambda: tab.chat.conversation.id == first, timeout=10_000)
    ask(tab, qtbot, "more")
    assert tab.chat.keeper._open[first] is tab.chat.conversation
    assert first in tab.chat.keeper._locks


def test_a_lock_that_is_being_released_is_not_taken_for_another_windows(
    tab: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(tab, qtbot, "one")
    keeper, id = tab.chat.keeper, tab.chat.conversation.id
    qtbot.waitUntil(lambda: id in keeper._locks, timeout=10_000)
    release, releasing = FileLock.release, threading.Event()
    locked: list[bool] = []

    def take() -> None:
        releasing.wait()
        locked.append(keeper._lock(id))

    other = threading.Thread(target=take)

    def slow_release(lock: FileLock, force: bool = False) -> None:
        releasing.set()
        other.join(0.2)
        release(lock, force)

    monkeypatch.setattr(FileLock, "release", slow_release)
    other.start()
    keeper._unlock(id)
    other.join()
    assert locked == [True]
    monkeypatch.undo()
    keeper._unlock(id)


def test_a_window_that_was_killed_holds_no_conversation(tab: Any, qtbot: QtBot) -> None:
    ask(tab, qtbot, "one")
    first = tab.chat.conversation.id
    tab.new.click()
    lock = tab.chat.keeper._files.lock_path(first)
    # The folder is made by the first write, on another thread.
    qtbot.waitUntil(lock.parent.is_dir, timeout=10_000)
    lock.write_text("4711\nstudio\nanother-host.local\n")
    tab.chat.open(first)
    qtbot.waitUntil(lambda: tab.chat.conversation.id == first, timeout=10_000)


def test_conversations_do_not_make_a_library_anew_that_was_moved(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, qtbot, "one")
    root = window.state.library_root
    root.rename(root.with_name("moved"))
    tab.chat.rename(tab.chat.conversation, "later")
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    assert not root.exists()
    root.with_name("moved").rename(root)


def test_an_answer_that_was_written_meanwhile_is_filled_in(
    tab: Any, qtbot: QtBot, home: Paths
) -> None:
    ask(tab, qtbot, "one")
    written = tab.chat.conversation
    text = written.turns[0].answers[0].text
    files = ConversationFiles(home.library)
    copy = written.copy_until(0)
    copy.turns[0].jobs = dict(written.turns[0].jobs)
    copy.turns[0].answers = [Answer()]
    files.save("2026-x", encode(copy))
    tab.chat.open("2026-x")
    qtbot.waitUntil(lambda: tab.chat.conversation is not written, timeout=10_000)
    (turn,) = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: turn.answers[0].text == text, timeout=10_000)


def test_an_answer_made_while_no_window_was_open_is_filled_in_at_the_start(
    window: MainWindow, tab: Any, qtbot: QtBot, open_window: Any
) -> None:
    ask(tab, qtbot, "one")
    text = tab.chat.conversation.turns[0].answers[0].text
    file = tab.chat.keeper.file_of(tab.chat.conversation.id)
    window.close()
    data = json.loads(file.read_text("utf-8"))
    data["turns"][0]["answers"] = [{}]
    file.write_text(json.dumps(data), "utf-8")
    chat = open_window().tab("text").chat
    qtbot.waitUntil(lambda: bool(chat.conversation.turns), timeout=10_000)
    (turn,) = chat.conversation.turns
    qtbot.waitUntil(lambda: turn.answers[0].text == text, timeout=10_000)


def test_the_list_makes_room_for_the_options(window: MainWindow, tab: Any) -> None:
    window.resize(1024, 700)
    panels, shown = tab.panels, tab._side.panel
    panels.show_list(True)
    assert not shown.isHidden()
    panels.show_options(True)
    assert shown.isHidden() and not tab.options.isHidden()
    panels.show_list(True)
    assert not shown.isHidden() and tab.options.isHidden()
