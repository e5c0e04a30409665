"""The Voice tab: a text becomes a sound whose words can be seen and jumped to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap, QTextCursor, QTextDocument
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from studio.kinds.speech import SpeechRequest
from studio.ui.gallery.history_model import PICTURE_ROLE
from studio.ui.main_window import MainWindow
from studio.ui.media.sound.sound_panel import clock
from studio.ui.style.theme import GRID
from studio.ui.workspaces.speech.sentence_preview import chosen_sentence
from tests.unit.model_files import write_voice


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    from studio.settings import default_paths

    write_voice(default_paths().models / "kokoro", "af_heart", "zf_xiaoxiao", "jf_alpha")
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.setCurrentIndex(3)
    return window.tab("speech")


def spoken(tab: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=20_000)
    qtbot.waitUntil(lambda: tab.result.currentIndex() == 1, timeout=10_000)


def test_a_text_is_read_and_its_words_are_shown_with_their_times(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("Good morning to you")
    tab.controls.speed.set_value(1.25)
    tab.controls.format.setCurrentIndex(tab.controls.format.findData("flac"))
    tab.generate()
    spoken(tab, qtbot)
    panel = tab.panel
    assert panel.transcript.toPlainText() == "Good morning to you"
    assert panel.time.text() == "0:00 / 0:00"
    jumps: list[float] = []
    panel.waveform.jumped.connect(jumps.append)
    panel.waveform.resize(200, 60)
    QTest.mouseClick(panel.waveform, Qt.MouseButton.LeftButton, pos=panel.waveform.rect().center())
    assert jumps and jumps[0] == pytest.approx(0.32, abs=0.05)
    panel.playback.jump(0.2)
    (shown,) = panel.transcript.extraSelections()
    assert shown.cursor.selectedText() == "morning"
    library = tab._state.library
    (asset,) = library.assets.recent()
    request = asset.recipe.request
    assert isinstance(request, SpeechRequest)
    assert (request.speed, request.format, asset.duration) == (1.25, "flac", pytest.approx(0.64))


def test_variations_are_listed_by_voice_and_shown_by_a_click(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("one two")
    tab.run_bar.count.setValue(2)
    tab.generate()
    spoken(tab, qtbot)
    qtbot.waitUntil(lambda: tab.takes.count() == 2, timeout=10_000)
    assert not tab.takes.isHidden()
    tab.takes.setCurrentRow(1)
    qtbot.waitUntil(lambda: tab.panel.title.text().startswith("Michael"), timeout=5_000)


def test_the_result_gets_the_room_and_the_text_field_grows(tab: Any, qtbot: QtBot) -> None:
    left, right = tab.columns.sizes()
    assert left <= 43 * GRID < right
    assert tab.controls.model.isVisible()
    height = tab.prompt.height()
    tab.prompt.set_text("one line\n" * 12)
    qtbot.waitUntil(lambda: tab.prompt.height() > height)
    long = tab.prompt.height()
    tab.prompt.set_text("one line\n" * 500)
    assert long < tab.prompt.height() < tab.columns.height()


def test_times_are_shown_like_a_clock() -> None:
    assert [clock(seconds) for seconds in (0.9, 65, 3725)] == ["0:00", "1:05", "1:02:05"]


def test_only_voices_that_can_be_read_are_offered(tab: Any) -> None:
    combo = tab.controls.voice
    assert [combo.itemData(at) for at in range(combo.count())] == ["", "af_heart", "zf_xiaoxiao"]
    assert combo.itemText(1) == "Heart (American English, female)"


def test_settings_of_a_result_come_back_and_survive_a_restart(tab: Any) -> None:
    request = SpeechRequest(
        prompt="Anna: hi",
        voice="zf_xiaoxiao",
        cast="Anna=af_heart",
        pause=1.5,
        loudness=-20,
        pronunciations="a=b",
        format="mp3",
        count=3,
    )
    tab.restore(request)
    assert tab.request() == request
    assert "(4)" in tab.controls.more.button.accessibleName()
    assert tab._values.cast == "Anna=af_heart"


def test_a_sound_has_its_waveform_as_a_thumbnail_and_text_can_be_sent(
    tab: Any, qtbot: QtBot
) -> None:
    tab.prompt.set_text("hello there")
    tab.generate()
    spoken(tab, qtbot)
    window = tab.window()
    history = window.findChild(object, "history.view")

    def thumbnail() -> object:
        return history.model().index(0, 0).data(PICTURE_ROLE)

    qtbot.waitUntil(lambda: isinstance(thumbnail(), QPixmap), timeout=10_000)
    window.tabs.setCurrentIndex(0)
    window.send_text("speech", "Once upon a time")
    assert window.tabs.currentIndex() == 3
    assert tab.prompt.text() == "Once upon a time"


def test_a_missing_text_is_said(tab: Any) -> None:
    messages: list[str] = []
    tab._state.message.connect(lambda text, *_: messages.append(text))
    tab.prompt.set_text("  ")
    tab.generate()
    assert messages == ["Write a text first."]


def test_without_an_audio_output_the_reason_is_said(
    tab: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    tab.panel.failed.connect(said.append)
    tab.prompt.set_text("hello")
    tab.generate()
    spoken(tab, qtbot)
    monkeypatch.setattr(tab.panel.playback, "_make_player", lambda: None)
    tab.panel.play.click()
    assert said == ["This computer has no audio output. Connect headphones or speakers."]
    assert not tab.panel.playback.is_playing


@pytest.mark.parametrize(
    ("text", "at", "sentence", "speaker"),
    [
        ("One. Two costs 3.5 dollars. Three", "3.5", "Two costs 3.5 dollars.", ""),
        ("One. Two", "One", "One.", ""),
        ("早上好。今天是星期一！", "今天", "今天是星期一！", ""),
        ("Anna: Hello. Bye.", "Bye", "Bye.", "Anna"),
        ("旁白：从前。后来。", "后来", "后来。", "旁白"),
        ("Note: it is late.", "late", "Note: it is late.", ""),
        ("  \n\nEnd", "End", "End", ""),
    ],
)
def test_the_sentence_at_the_cursor_is_found(
    text: str, at: str, sentence: str, speaker: str
) -> None:
    document = QTextDocument(text)
    cursor = QTextCursor(document)
    cursor.setPosition(text.index(at))
    found = chosen_sentence(cursor, {"Anna": "af_heart", "旁白": "zm_yunjian"})
    assert found == (sentence, speaker)


def test_a_sentence_is_heard_without_a_job_or_a_result(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("Good morning. How are you today? Bye.")
    point_at(tab, "are")
    tab.run_bar.count.setValue(3)
    tab.preview.button.click()
    qtbot.waitUntil(lambda: tab.result.currentIndex() == 1, timeout=20_000)
    assert tab.panel.title.text() == "How are you today?"
    assert tab.panel.transcript.toPlainText() == "How are you today?"
    library = tab._state.library
    assert not library.assets.recent() and not library.queue.waiting()
    assert not tab.takes.isVisible() and tab.preview.status.text() == ""


def point_at(tab: Any, word: str) -> None:
    cursor = tab.prompt.textCursor()
    cursor.setPosition(tab.prompt.text().index(word))
    tab.prompt.setTextCursor(cursor)


def test_the_next_sentence_is_spoken_before_it_is_asked_for(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("Good morning. How are you today?")
    point_at(tab, "Good")
    tab.preview.button.click()
    qtbot.waitUntil(lambda: tab.panel.title.text() == "Good morning.", timeout=20_000)
    point_at(tab, "are")
    qtbot.waitUntil(lambda: tab.preview._ready[0].prompt == "How are you today?", timeout=20_000)
    assert tab.panel.title.text() == "Good morning."
    tab.preview.button.click()
    # No wait: it was there.
    assert tab.panel.title.text() == "How are you today?"
    assert tab.preview.status.text() == ""


def test_a_job_does_not_wait_for_a_sentence_that_nobody_asked_for(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.set_text("One. [slow] two.")
    point_at(tab, "One")
    tab.preview.button.click()
    qtbot.waitUntil(lambda: tab.panel.title.text() == "One.", timeout=20_000)
    point_at(tab, "two")
    qtbot.waitUntil(lambda: tab.preview._token is not None, timeout=20_000)
    tab.prompt.set_text("Three.")
    tab.generate()
    qtbot.waitUntil(lambda: tab.preview._token is None, timeout=20_000)
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=20_000)


def test_a_sentence_that_cannot_be_spoken_says_why_and_an_empty_text_offers_none(
    tab: Any, qtbot: QtBot
) -> None:
    tab.prompt.set_text("")
    assert not tab.preview.button.isEnabled()
    tab.prompt.set_text("[bad] one")
    tab.controls.set_voice("nobody")
    tab.preview.button.click()
    qtbot.waitUntil(lambda: "nobody" in tab.preview.status.text(), timeout=5_000)
    assert tab.result.currentIndex() == 0
