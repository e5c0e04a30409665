"""The Transcribe tab: recordings become text whose words can be seen, jumped to and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from studio.kinds.transcribe import TranscribeRequest
from studio.library.recipes.subtitles import write_subtitles
from studio.ui.main_window import MainWindow
from studio.ui.messages.message_bar import MessageBar
from tests.e2e.test_transcribe_command import write_sound
from tests.unit.model_files import write_whisper


@pytest.fixture
def window(open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    from studio.settings import default_paths

    write_whisper(default_paths().models / "whisper-tiny-en")
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.show_task("transcribe")
    return window


@pytest.fixture
def tab(window: MainWindow) -> Any:
    return window.tab("transcribe")


def finished(tab: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "finished" in tab.run_bar.status.text(), timeout=20_000)
    qtbot.waitUntil(lambda: tab.transcript.panel.transcript.toPlainText() != "", timeout=10_000)


def test_a_recording_is_written_down_and_its_words_are_saved_and_sent(
    window: MainWindow, tab: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    tab.take([write_sound(tmp_path / "a talk.wav")])
    tab.generate()
    finished(tab, qtbot)
    panel = tab.transcript.panel
    assert panel.transcript.toPlainText() == "\n".join(["a talk was heard."] * 4)
    panel.playback.jump(0.3)
    (shown,) = panel.transcript.extraSelections()
    assert shown.cursor.selectedText() == "talk"
    for name in ("said", "said.srt", "said.json"):
        tab.transcript.save_to(tmp_path / name, "txt")
    wanted = [tmp_path / name for name in ("said.txt", "said.srt", "said.json")]
    qtbot.waitUntil(lambda: all(path.exists() for path in wanted), timeout=10_000)
    assert wanted[0].read_text("utf-8").startswith("a talk was heard. a talk")
    assert wanted[1].read_text("utf-8").startswith("1\n00:00:00,000 --> 00:00:01,000")
    assert len(json.loads(wanted[2].read_text("utf-8"))["lines"]) == 4
    tab.transcript.send.click()
    text: Any = window.tab("text")
    assert text.prompt.text().startswith("a talk was heard.")
    assert window.state.library is not None
    (asset,) = window.state.library.assets.recent()
    request = asset.recipe.request
    assert isinstance(request, TranscribeRequest)
    assert Path(request.input.path).name == "a talk.wav"
    tab.restore(asset)
    qtbot.waitUntil(lambda: tab.transcript.asset == asset, timeout=5_000)


def test_a_correction_gets_times_and_is_kept_until_it_is_discarded(
    window: MainWindow, tab: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    tab.take([write_sound(tmp_path / "a talk.wav")])
    tab.generate()
    finished(tab, qtbot)
    transcript = tab.transcript.panel.transcript
    qtbot.waitUntil(lambda: not transcript.isReadOnly(), timeout=5_000)
    transcript.moveCursor(QTextCursor.MoveOperation.Start)
    transcript.insertPlainText("What ")
    tab.transcript.finish()
    tab.transcript.panel.playback.jump(0.3)
    (shown,) = transcript.extraSelections()
    assert shown.cursor.selectedText() == "talk"
    assert window.state.library is not None
    (asset,) = window.state.library.assets.recent()
    folder = window.state.library.root / "corrections"
    qtbot.waitUntil(lambda: len(list(folder.glob("*.lrc"))) == 1, timeout=5_000)
    tab.transcript.clear()
    tab.transcript.show_asset(asset)
    qtbot.waitUntil(lambda: transcript.toPlainText().startswith("What a talk"), timeout=5_000)
    (srt,) = write_subtitles({asset.path: ""}, tmp_path, "srt", window.state.library.root)
    assert "What a talk was heard." in srt.read_text("utf-8")
    tab.transcript.revert.click()
    assert transcript.toPlainText().startswith("a talk was heard.")
    qtbot.waitUntil(lambda: not list(folder.glob("*.lrc")), timeout=5_000)
    bar = window.findChild(MessageBar)
    assert bar is not None
    bar._action.click()
    assert transcript.toPlainText().startswith("What a talk was heard.")
    qtbot.waitUntil(lambda: len(list(folder.glob("*.lrc"))) == 1, timeout=5_000)


def test_a_line_that_is_deleted_for_a_while_comes_back_with_its_times(
    tab: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    tab.take([write_sound(tmp_path / "a talk.wav")])
    tab.generate()
    finished(tab, qtbot)
    transcript = tab.transcript.panel.transcript
    qtbot.waitUntil(lambda: not transcript.isReadOnly(), timeout=5_000)
    tab.transcript.save_to(tmp_path / "before.srt", "srt")
    transcript.selectAll()
    transcript.cut()
    tab.transcript.finish()
    transcript.undo()
    tab.transcript.finish()
    tab.transcript.save_to(tmp_path / "after.srt", "srt")
    files = [tmp_path / "before.srt", tmp_path / "after.srt"]
    qtbot.waitUntil(lambda: all(file.exists() for file in files), timeout=5_000)
    assert files[0].read_text("utf-8") == files[1].read_text("utf-8")


def test_what_cannot_be_heard_is_said_on_the_list_and_left_out(
    tab: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("This is no sound. " * 100, "utf-8")
    tab.take([text, write_sound(tmp_path / "talk.wav")])
    qtbot.waitUntil(lambda: tab.recordings.rowCount() == 2, timeout=10_000)
    qtbot.waitUntil(lambda: tab.recordings.at(0).state == "unreadable", timeout=10_000)
    assert "is not a sound or video" in tab.recordings.at(0).message
    tab.generate()
    qtbot.waitUntil(lambda: tab.recordings.at(1).state == "done", timeout=20_000)
    assert tab.recordings.at(0).state == "unreadable"


def test_an_english_model_says_so_and_offers_nothing_else(tab: Any) -> None:
    combo = tab.controls.language
    assert [combo.itemData(at) for at in range(combo.count())] == ["en"]
    assert "understands English only" in tab.controls._hint.text()


def test_a_long_list_is_added_at_once_and_emptied(tab: Any, tmp_path: Path) -> None:
    tab.recordings.add([tmp_path / f"{number}.wav" for number in range(10_000)])
    assert tab.recordings.row_of(tmp_path / "9999.wav") == 9999
    tab.recordings.remove(range(9_999))
    assert tab.recordings.row_of(tmp_path / "9999.wav") == 0
