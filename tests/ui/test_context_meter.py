"""The context meter: how full the context is, and what would be cut, before sending."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from tokenizers import Tokenizer, models, pre_tokenizers

from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn
from tests.unit.model_files import write_llama

CONTEXT = 64


@pytest.fixture
def tab(home: Paths, open_window: Callable[[], MainWindow]) -> Any:
    """The Text tab with a model that counts words, 64 of them at most."""
    folder = write_llama(home.starter / "smollm2-135m-instruct", max_position_embeddings=CONTEXT)
    tokenizer = Tokenizer(models.WordLevel({"word": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    tab: Any = open_window().tab("text")
    tab.controls.max_tokens.set_value(20)
    return tab


def test_it_shows_how_full_the_context_is(tab: Any, qtbot: QtBot) -> None:
    assert tab.meter.label.text() == ""
    tab.prompt.setPlainText("word " * 5)
    qtbot.waitUntil(lambda: f"of {CONTEXT} tokens" in tab.meter.label.text(), timeout=20_000)
    assert 5 <= tab.meter.bar.value() < CONTEXT


def test_it_shows_that_messages_would_be_left_out(tab: Any, qtbot: QtBot) -> None:
    turns = [Turn(prompt="word " * 9, answers=[Answer(text="word " * 9)]) for _ in range(4)]
    tab.chat.replace(Conversation(turns), "")
    tab.prompt.setPlainText("word")
    qtbot.waitUntil(lambda: "left out" in tab.meter.notice.text(), timeout=20_000)
    assert not tab.meter.notice.isHidden()


def test_an_empty_prompt_clears_it(tab: Any, qtbot: QtBot) -> None:
    tab.prompt.setPlainText("word " * 40)
    qtbot.waitUntil(lambda: tab.meter.bar.value() >= 40, timeout=20_000)
    tab.prompt.clear()
    qtbot.waitUntil(lambda: tab.meter.label.text() == "", timeout=20_000)
