"""The Text tab: sending, variations, stopping, regenerating, conversations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from studio.kinds.text import TextRequest
from studio.library.records import Job
from studio.protocol import MAX_PROMPT_LENGTH
from studio.settings import RESOURCES, Paths
from studio.ui.main_window import MainWindow
from studio.ui.style.translations import JsonTranslator
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.answer_card import AnswerCard
from studio.ui.workspaces.text.answer_text import MAX_STREAMED_MARKDOWN, AnswerText
from studio.ui.workspaces.text.answers import MIN_CARD_WIDTH, PAGE, AnswerCards
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn
from studio.ui.workspaces.text.conversation_view import SHOWN_AT_ONCE
from studio.ui.workspaces.text.turn_view import TurnView


@pytest.fixture
def tab(window: MainWindow) -> Any:
    return window.tab("text")


def jobs(tab: Any) -> list[Job]:
    library = tab._state.library
    return list(reversed(library.queue.list()))


def request_of(job: Job) -> TextRequest:
    assert isinstance(job.request, TextRequest)
    return job.request


def ask(tab: Any, prompt: str, count: int = 1) -> None:
    tab.run_bar.count.setValue(count)
    tab.prompt.setPlainText(prompt)
    tab.generate()


def shown_prompts(tab: Any) -> list[str]:
    """The prompts on screen, from top to bottom."""
    rows = tab.view._rows
    views = (rows.itemAt(n).widget() for n in range(rows.count()))
    return [view.turn.prompt for view in views if isinstance(view, TurnView)]


def answered(tab: Any, qtbot: QtBot, turns: int) -> list[Turn]:
    """Wait until there are so many turns and all their answers are in the library."""

    def all_kept() -> bool:
        found = tab.chat.conversation.turns
        return len(found) == turns and all(a.asset for turn in found for a in turn.answers)

    qtbot.waitUntil(all_kept, timeout=20_000)
    qtbot.waitUntil(lambda: not tab.run_bar.stop.isEnabled(), timeout=10_000)
    turns_now: list[Turn] = tab.chat.conversation.turns
    return turns_now


def test_a_prompt_is_answered_and_saved(tab: Any, qtbot: QtBot) -> None:
    tab.controls.seed.set_value(7)
    ask(tab, "a fox")
    (turn,) = answered(tab, qtbot, 1)
    assert turn.answers[0].text.startswith("Answer 7 to **a fox**")
    assert Path(turn.answers[0].path).read_text("utf-8").strip().endswith(turn.answers[0].text)
    assert tab.prompt.text() == ""
    assert "tokens" in tab.run_bar.status.text() or tab.run_bar.status.text() == "Done."


def test_an_empty_prompt_gives_a_message(window: MainWindow, tab: Any) -> None:
    ask(tab, "  \n ")
    assert "prompt" in window.messages.text()
    assert jobs(tab) == []


def test_a_prompt_of_a_hundred_thousand_characters_is_accepted(tab: Any, qtbot: QtBot) -> None:
    prompt = "word " * 20_000
    ask(tab, prompt)
    answered(tab, qtbot, 1)
    assert request_of(jobs(tab)[0]).prompt == prompt


def test_a_prompt_beyond_the_limit_is_refused_and_stays_in_the_editor(
    window: MainWindow, tab: Any
) -> None:
    ask(tab, "x" * (MAX_PROMPT_LENGTH + 1))
    assert f"{MAX_PROMPT_LENGTH:,}" in window.messages.text()
    assert len(tab.prompt.text()) == MAX_PROMPT_LENGTH + 1
    assert jobs(tab) == []
    hint = tab.findChild(QWidget, "text.send_hint")
    assert not hint.isHidden() and f"{MAX_PROMPT_LENGTH:,}" in hint.label.text()
    tab.prompt.set_text("short")
    assert hint.isHidden()


def test_variations_of_one_job_are_shown_side_by_side(tab: Any, qtbot: QtBot) -> None:
    tab.controls.seed.set_value(7)
    ask(tab, "a slogan", count=4)
    (turn,) = answered(tab, qtbot, 1)
    assert len(jobs(tab)) == 1
    assert [answer.seed for answer in turn.answers] == [7, 8, 9, 10]
    assert len({answer.text for answer in turn.answers}) == 4
    cards = tab.view.findChild(AnswerCards).findChildren(AnswerCard)
    shown = [card.body.toPlainText() for card in cards]
    assert [text.split()[1] for text in shown] == ["7", "8", "9", "10"]
    assert cards[0].y() == cards[1].y()
    assert min(card.width() for card in cards) >= MIN_CARD_WIDTH


def test_a_thousand_variations_need_no_more_widgets_than_a_page(tab: Any, qtbot: QtBot) -> None:
    turn = Turn(prompt="many", answers=[Answer(text=f"no. {n}") for n in range(1000)], chosen=30)
    tab.chat.replace(Conversation([turn]), "")
    tab.view.view_of(turn).set_expanded(True)
    cards = tab.view.findChild(AnswerCards)

    def shown() -> list[str]:
        found = [card for card in cards.findChildren(AnswerCard) if not card.isHidden()]
        return [card.body.toPlainText() for card in found]

    qtbot.waitUntil(lambda: len(cards.findChildren(AnswerCard)) == PAGE)
    assert shown() == [f"no. {n}" for n in range(24, 36)]
    cards.later.click()
    assert shown()[0] == "no. 36"
    cards.show_page_of(999)
    assert shown() == ["no. 996", "no. 997", "no. 998", "no. 999"]
    assert not cards.later.isEnabled()
    cards.earlier.click()
    assert shown()[-1] == "no. 995"


def test_a_long_variation_is_folded_and_shown_whole_without_a_scroll_bar(
    tab: Any, qtbot: QtBot
) -> None:
    long = "\n\n".join(f"Paragraph {n} of a long text." for n in range(60))
    turn = Turn(prompt="two", answers=[Answer(text="short"), Answer(text=long)])
    tab.chat.replace(Conversation([turn]), "")
    tab.view.view_of(turn).set_expanded(True)
    short, card = tab.view.findChild(AnswerCards).findChildren(AnswerCard)
    assert short.show_all.isHidden() and not card.show_all.isHidden()
    assert "Paragraph 59" not in card.body.toPlainText()
    card.show_all.click()
    assert card.show_all.isHidden()
    assert "Paragraph 59" in card.body.toPlainText()
    qtbot.waitUntil(lambda: card.body.verticalScrollBar().maximum() == 0)


def test_the_chosen_variation_says_that_it_is_selected(tab: Any) -> None:
    turn = Turn(prompt="two", answers=[Answer(text="one"), Answer(text="two")])
    tab.chat.replace(Conversation([turn]), "")
    tab.view.view_of(turn).set_expanded(True)
    cards = tab.view.findChild(AnswerCards).findChildren(AnswerCard)
    assert [card.use.text() for card in cards] == ["Selected", "Select"]
    cards[1].use.click()
    assert [card.use.text() for card in cards] == ["Select", "Selected"]
    cards[1].use.click()
    assert cards[1].use.isChecked()
    tab.view.view_of(turn).set_expanded(False)
    single = tab.view.view_of(turn)._single
    assert (single.switch.text(), single.body.toPlainText()) == ("2/2", "two")
    single.switch.earlier.click()
    assert (turn.chosen, single.body.toPlainText()) == (0, "one")


def test_the_conversation_continues_from_the_chosen_variation(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "a slogan", count=3)
    answered(tab, qtbot, 1)
    cards = tab.view.findChild(AnswerCards).findChildren(AnswerCard)
    cards[2].use.click()
    ask(tab, "shorter")
    first, _ = answered(tab, qtbot, 2)
    messages = request_of(jobs(tab)[1]).messages
    assert [message.content for message in messages] == ["a slogan", first.answers[2].text]


def test_a_second_prompt_waits_while_one_runs(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "one [slow]")
    ask(tab, "two")
    qtbot.waitUntil(lambda: len(jobs(tab)) == 2, timeout=10_000)
    assert tab.chat.conversation.turns[1].unanswered
    qtbot.waitUntil(lambda: bool(tab.chat.conversation.turns[0].answers[0].text), timeout=10_000)
    tab.stop()
    qtbot.waitUntil(lambda: [j.status for j in jobs(tab)] == ["cancelled", "done"], timeout=20_000)


def test_text_generated_before_a_stop_is_kept(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "one [slow]")
    qtbot.waitUntil(lambda: bool(tab.chat.conversation.turns[0].answers[0].text), timeout=10_000)
    tab.run_bar.stop.click()
    qtbot.waitUntil(lambda: jobs(tab)[0].status == "cancelled", timeout=10_000)
    qtbot.waitUntil(lambda: not tab.run_bar.stop.isEnabled(), timeout=10_000)
    assert tab.chat.conversation.turns[0].answers[0].text


def test_a_stopped_answer_is_marked_and_continued_where_it_ended(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "one [slow]")
    (turn,) = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: len(turn.answers[0].text) > 8, timeout=10_000)
    tab.stop()
    qtbot.waitUntil(lambda: not tab.run_bar.stop.isEnabled(), timeout=10_000)
    written = turn.answers[0].text
    card = tab.view.view_of(turn)._single
    assert "Stopped" in card._note.text()
    card.go_on.click()
    # The fake engine is slow for all prompts that say so.
    qtbot.waitUntil(lambda: len(turn.answers[0].text) > len(written.rstrip()), timeout=20_000)
    assert turn.answers[0].text.startswith(written.rstrip())
    qtbot.waitUntil(lambda: len(jobs(tab)) == 2, timeout=10_000)
    request = request_of(jobs(tab)[1])
    assert (request.prompt, request.answer_start) == ("one [slow]", written.rstrip())
    assert request.seed == turn.answers[0].seed
    assert request.messages == ()


def test_a_continued_answer_is_one_result_with_its_start(tab: Any, qtbot: QtBot) -> None:
    turns = [Turn(prompt="one", answers=[Answer(text="Once upon", seed=3, stopped=True)])]
    tab.chat.replace(Conversation(turns), "")
    tab.view.view_of(turns[0])._single.go_on.click()
    (turn,) = answered(tab, qtbot, 1)
    assert turn.answers[0].text == "Once upon and so on to 3."
    assert turn.answers[0].text in Path(turn.answers[0].path).read_text("utf-8")
    assert not turn.answers[0].stopped
    assert tab.view.view_of(turn)._single.go_on.isHidden()


def test_what_was_written_when_the_window_closed_is_kept_and_marked(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first = open_window()
    tab: Any = first.tab("text")
    ask(tab, "one [slow]")
    # Long after the last change other than the text.
    qtbot.waitUntil(lambda: not tab.chat.keeper.has_unsaved, timeout=10_000)
    qtbot.waitUntil(lambda: len(tab.chat.conversation.turns[0].answers[0].text) > 8, timeout=9000)
    written = tab.chat.conversation.turns[0].answers[0].text
    first.close()
    again: Any = open_window().tab("text")
    qtbot.waitUntil(lambda: bool(again.chat.conversation.turns), timeout=10_000)
    (turn,) = again.chat.conversation.turns
    assert turn.answers[0].text.startswith(written)
    card = again.view.view_of(turn)._single
    assert "Stopped" in card._note.text()
    assert not card.go_on.isHidden()
    card.go_on.click()
    qtbot.waitUntil(lambda: len(jobs(again)) == 2, timeout=10_000)
    assert request_of(jobs(again)[1]).answer_start.startswith(written.rstrip())
    # Resumed as well, the first job would write the same answer from its start.
    qtbot.waitUntil(lambda: jobs(again)[0].status == "cancelled", timeout=10_000)


def test_only_an_answer_that_was_not_taken_into_account_is_said_to_be_left_out(
    tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "one [slow]", count=2)
    (first,) = tab.chat.conversation.turns
    qtbot.waitUntil(lambda: len(first.answers[0].text) > 8, timeout=10_000)
    # The second variation is finished and chosen while the first is still being written.
    first.answers[1].text, first.answers[1].asset = "Answer", "an-asset"
    first.chosen = 1
    ask(tab, "two")
    first.chosen = 0
    ask(tab, "three")
    ask(tab, "four")
    qtbot.waitUntil(lambda: len(jobs(tab)) == 4, timeout=10_000)
    assert [turn.unanswered for turn in tab.chat.conversation.turns] == [False, False, True, True]
    contents = [[m.content for m in request_of(job).messages] for job in jobs(tab)]
    assert contents[1] == ["one [slow]", "Answer"]
    assert contents[2] == contents[3] == []
    tab.stop()


def test_a_refused_answer_leaves_one_that_was_asked_for_after_it(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "a slogan")
    (turn,) = answered(tab, qtbot, 1)
    request = request_of(jobs(tab)[0])
    tab.chat.add_answer(turn, msgspec.structs.replace(request, temperature=99.0), {})
    tab.chat.add_answer(turn, msgspec.structs.replace(request, seed=None), {})
    qtbot.waitUntil(lambda: not tab.chat._pending, timeout=20_000)
    assert len(turn.answers) == 2
    assert all(answer.asset for answer in turn.answers)


def test_regenerating_adds_an_answer_with_another_seed(tab: Any, qtbot: QtBot) -> None:
    tab.controls.seed.set_value(7)
    ask(tab, "a fox")
    (turn,) = answered(tab, qtbot, 1)
    tab.view.view_of(turn)._single.regenerate.click()
    (turn,) = answered(tab, qtbot, 1)
    assert len(turn.answers) == 2
    assert turn.answers[0].text != turn.answers[1].text
    assert turn.chosen == 1


def test_editing_an_earlier_message_makes_a_version_of_it(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "one")
    answered(tab, qtbot, 1)
    ask(tab, "two")
    first, _ = answered(tab, qtbot, 2)
    tab.view.edit_requested.emit(first)
    assert tab.prompt.text() == "one"
    tab.prompt.setPlainText("one and a half")
    tab.generate()
    turns = answered(tab, qtbot, 1)
    assert [turn.prompt for turn in turns] == ["one and a half"]
    assert request_of(jobs(tab)[2]).messages == ()
    assert shown_prompts(tab) == ["one and a half"]
    switch = tab.view.view_of(turns[0]).versions
    assert switch.text() == "2/2"
    switch.earlier.click()
    assert shown_prompts(tab) == ["one", "two"]
    switch = tab.view.view_of(tab.chat.conversation.turns[0]).versions
    assert switch.text() == "1/2"
    switch.later.click()
    assert shown_prompts(tab) == ["one and a half"]


def test_editing_replaces_the_turns_on_screen_of_a_long_conversation(
    tab: Any, qtbot: QtBot
) -> None:
    answer = [Answer(text="yes")]
    turns = [Turn(prompt=f"no. {n}", answers=answer) for n in range(2 * SHOWN_AT_ONCE)]
    tab.chat.replace(Conversation(turns), "")
    tab.view.edit_requested.emit(turns[-2])
    tab.prompt.setPlainText("another")
    tab.generate()
    prompts = [f"no. {n}" for n in range(SHOWN_AT_ONCE, 2 * SHOWN_AT_ONCE - 2)]
    qtbot.waitUntil(lambda: shown_prompts(tab) == [*prompts, "another"])
    tab.view._show_earlier()
    qtbot.waitUntil(lambda: shown_prompts(tab)[0] == "no. 0")
    tab.chat.set_aside(turns[0])
    assert shown_prompts(tab) == []


def test_a_failure_is_shown_in_its_turn_and_in_the_message_bar(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "one [fail]")
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    assert "broken" in window.messages.text()
    assert window.messages.messages[-1].action_text == "Models…"
    assert "broken" in str(tab.chat.conversation.turns[0].answers[0].failed)


def test_a_saved_failure_is_shown_in_the_current_language(
    window: MainWindow, tab: Any, open_window: Any, qtbot: QtBot, qapp: Any
) -> None:
    ask(tab, "one [fail]")
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    window.close()
    chinese = JsonTranslator(RESOURCES / "translations" / "zh_CN.json", qapp)
    qapp.installTranslator(chinese)
    try:
        again = open_window().tab("text")
        qtbot.waitUntil(lambda: bool(again.chat.conversation.turns), timeout=10_000)
        notes = [label.text() for label in again.findChildren(TintedLabel)]
    finally:
        qapp.removeTranslator(chinese)
    assert any("损坏" in note for note in notes)


def test_one_failed_variation_leaves_the_others(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "a slogan [rowfail]", count=3)
    qtbot.waitUntil(lambda: bool(jobs(tab)) and jobs(tab)[0].status == "failed", timeout=10_000)
    qtbot.waitUntil(lambda: not tab.run_bar.stop.isEnabled(), timeout=10_000)
    kept = [bool(answer.asset) for answer in tab.chat.conversation.turns[0].answers]
    assert kept == [True, False, True]


def test_an_earlier_conversation_from_history_can_be_taken_back_with_its_settings(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    tab.system.set_text("Be brief.")
    ask(tab, "one")
    answered(tab, qtbot, 1)
    tab.system.set_text("")
    tab.chat.replace(Conversation([Turn("mine", [Answer(text="yes")])]), "")
    window.restore(tab._state.library.assets.recent()[0])
    assert (shown_prompts(tab), tab.system.text()) == (["one"], "Be brief.")
    action = window.messages.messages[-1].action
    assert action is not None
    action()
    assert (shown_prompts(tab), tab.system.text()) == (["mine"], "")


def test_the_conversation_survives_a_restart(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first = open_window()
    tab: Any = first.tab("text")
    ask(tab, "a slogan", count=2)
    answered(tab, qtbot, 1)
    tab.view.findChild(AnswerCards).findChildren(AnswerCard)[1].use.click()
    first.close()
    again: Any = open_window().tab("text")
    qtbot.waitUntil(lambda: bool(again.chat.conversation.turns), timeout=10_000)
    (turn,) = again.chat.conversation.turns
    assert turn.chosen == 1
    assert again.chat.conversation.messages()[1].content == turn.answers[1].text


@pytest.mark.parametrize(
    "content",
    [
        '{"turns": [{"prompt"',
        '{"turns": [{"prompt": "a", "answers": [{"text": "x"}], "chosen": -5}]}',
    ],
)
def test_a_damaged_conversation_is_set_aside_and_reported(
    content: str, home: Paths, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    file = home.settings.with_name("conversation.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    window = open_window()
    assert window.tab("text")
    qtbot.waitUntil(lambda: bool(window.messages.messages), timeout=10_000)
    assert "conversation" in window.messages.messages[0].text
    assert list(file.parent.glob("conversation.damaged-*.json"))


def test_without_a_text_model_the_tab_says_what_to_do(
    home: Paths, open_window: Callable[[], MainWindow]
) -> None:
    shutil.rmtree(home.starter)
    window = open_window()
    tab: Any = window.tab("text")
    hint = tab.findChild(QWidget, "text.send_hint")
    assert hint.isHidden()
    tab.prompt.set_text("a")
    assert not hint.isHidden() and "starter" in hint.label.text()
    assert not hint.offer.isHidden()
    ask(tab, "a fox")
    assert "starter" in window.messages.text()
    assert window.messages.messages[-1].action_text.startswith("Get ")
    assert tab.prompt.text() == "a fox"
    assert jobs(tab) == []


def test_a_chinese_prompt_for_an_english_model_shows_a_hint(tab: Any) -> None:
    assert tab.model.ref().languages == ("en",)
    tab.prompt.set_text("a fox")
    assert tab.language_hint.isHidden()
    tab.prompt.set_text("写一只狐狸")
    assert not tab.language_hint.isHidden()
    tab.prompt.set_text("a fox")
    assert tab.language_hint.isHidden()


def test_examples_are_in_a_language_of_the_model(
    open_window: Callable[[], MainWindow],
) -> None:
    app = QApplication.instance()
    assert app is not None
    chinese = JsonTranslator(RESOURCES / "translations" / "zh_CN.json", app)
    before = QLocale()
    QLocale.setDefault(QLocale("zh_CN"))
    app.installTranslator(chinese)
    try:
        tab: Any = open_window().tab("text")
        assert not tab.language_hint.isHidden()
        examples = [button.text() for button in tab._empty.findChildren(QPushButton)]
        assert examples[0] == "Write a slogan for a bicycle repair shop"
    finally:
        app.removeTranslator(chinese)
        QLocale.setDefault(before)


def test_a_result_of_the_library_opens_its_conversation(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "one")
    answered(tab, qtbot, 1)
    tab.controls.temperature.set_value(0.1)
    ask(tab, "two")
    answered(tab, qtbot, 2)
    tab.controls.temperature.set_value(2)
    tab.new.click()
    window.tabs.setCurrentIndex(1)
    window.restore(tab._state.library.assets.recent()[0])
    assert window.current_task == "text"
    assert [turn.prompt for turn in tab.chat.conversation.turns] == ["one", "two"]
    assert tab.controls.temperature.value() == 0.1


def test_only_the_last_turns_of_a_long_conversation_are_built_at_first(
    tab: Any, qtbot: QtBot
) -> None:
    turns = [Turn(prompt=f"q{n}", answers=[Answer(text=f"a{n}")]) for n in range(100)]
    tab.chat.replace(Conversation(turns), "")
    assert tab.view.view_of(turns[99]) is not None
    assert tab.view.view_of(turns[100 - SHOWN_AT_ONCE]) is None
    qtbot.waitUntil(lambda: tab.view.view_of(turns[100 - SHOWN_AT_ONCE]) is not None)
    assert tab.view.view_of(turns[99 - SHOWN_AT_ONCE]) is None
    tab.view._earlier.click()
    assert tab.view.view_of(turns[99 - SHOWN_AT_ONCE]) is not None


def test_markdown_is_rendered_without_loading_resources(qtbot: QtBot) -> None:
    view = AnswerText(grows=True)
    qtbot.addWidget(view)
    view.show_answer("# Title\n\n**bold** ![x](file:///etc/hostname) <b>raw</b>", finished=True)
    assert view.toPlainText().splitlines()[0] == "Title"
    assert "**" not in view.toPlainText()
    assert "<b>raw</b>" in view.toPlainText()
    assert view.loadResource(2, "file:///etc/hostname") is None


def test_a_long_answer_streams_as_plain_text_and_is_rendered_at_the_end(qtbot: QtBot) -> None:
    view = AnswerText(grows=False)
    qtbot.addWidget(view)
    text = "**bold** words " * (MAX_STREAMED_MARKDOWN // 10)
    view.show_answer(text[:-100], finished=False)
    assert "**" in view.toPlainText()
    view.show_answer(text, finished=False)
    assert view.toPlainText() == text
    view.show_answer(text, finished=True)
    assert "**" not in view.toPlainText()


def test_the_copy_button_copies_the_source_of_the_answer(tab: Any, qtbot: QtBot, qapp: Any) -> None:
    ask(tab, "a fox")
    (turn,) = answered(tab, qtbot, 1)
    card = tab.view.view_of(turn)._single
    copy = [b for b in card.findChildren(QToolButton) if b.accessibleName().startswith("Copy")]
    copy[0].click()
    assert qapp.clipboard().text() == turn.answers[0].text


def test_used_settings_are_visible_and_can_be_removed_or_taken_back(
    window: MainWindow, tab: Any
) -> None:
    tab.prompt.set_text("my own words")
    window.restore(TextRequest(prompt="a poem", seed=5, temperature=0.5))
    assert tab.chips.texts() == {"temperature": "Temperature: 0.5", "seed": "Seed: 5"}
    tab.chips.remove("seed")
    assert tab.controls.seed.value() is None
    action = window.messages.messages[-1].action
    assert action is not None
    action()
    assert (tab.prompt.text(), tab.controls.temperature.value()) == ("my own words", None)
    assert tab.chips.isHidden()


def test_an_answer_is_sent_to_the_voice_and_film_tabs_by_buttons(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    tab.prompt.set_text("say it")
    tab.generate()

    def shown() -> list[Any]:
        return [card for card in tab.findChildren(AnswerCard) if not card.sends[0].isHidden()]

    qtbot.waitUntil(lambda: bool(shown()), timeout=20_000)
    shown()[0].sends[0].click()
    voice: Any = window.tab("speech")
    assert voice.prompt.text().startswith("Answer ")
    assert window.tabs.currentWidget() is not tab
    shown()[0].sends[1].click()
    film: Any = window.tab("film")
    assert film.shots.cards[0].voice.text().startswith("Answer ")


def test_buttons_leave_out_their_names_before_the_name_of_the_model_is_cut(
    window: MainWindow,
) -> None:
    tab: Any = window.tab("text")
    combo = tab.model.combo
    needed = combo.fontMetrics().horizontalAdvance(combo.currentText())
    named = []
    for width in range(960, 1500, 30):
        window.resize(width, 700)
        QApplication.processEvents()
        if tab.options_button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon:
            named.append(width)
            assert combo.width() >= needed + 24, width
    assert named and needed > 100
