"""The thoughts of a thinking model: told from the answer, and left out of what goes on."""

from __future__ import annotations

import pytest

from studio.engine.tasks.text.decode.stream import TextStream
from studio.engine.tasks.text.prompt import build_prompt
from studio.formats.chat.thoughts import (
    ThoughtAnswer,
    opened_thought,
    split_thoughts,
    without_thoughts,
)
from studio.kinds.text import TextRequest
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello", ThoughtAnswer("Hello")),
        ("\n<think>\nhm\n</think>\n\nHello", ThoughtAnswer("Hello", "hm")),
        ("[THINK]hm[/THINK]Hello", ThoughtAnswer("Hello", "hm")),
        ("<think></think>Hello", ThoughtAnswer("Hello")),
        ("<think>hm", ThoughtAnswer("", "hm", is_thinking=True)),
        ("Write <think>x</think> first", ThoughtAnswer("Write <think>x</think> first")),
        ("<think>a</think>b</think>", ThoughtAnswer("b</think>", "a")),
    ],
)
def test_thoughts_are_told_from_the_answer(text: str, found: ThoughtAnswer) -> None:
    assert split_thoughts(text) == found


def test_thoughts_are_left_out_of_later_turns_but_kept_in_the_conversation() -> None:
    turn = Turn(prompt="Hi", answers=[Answer(text="<think>hm</think>\nHello")])
    conversation = Conversation([turn])
    assert [message.content for message in conversation.messages()] == ["Hi", "Hello"]
    assert turn.chosen_text().startswith("<think>")
    assert without_thoughts("<think>only thoughts") == "<think>only thoughts"


def test_an_answer_that_the_template_opened_with_a_thought_has_its_mark() -> None:
    assert opened_thought("user: hi\nassistant:\n<think>\n") == "<think>\n"
    assert opened_thought("assistant:\n<think>\n\n</think>\n\n") == ""
    template = "{% for m in messages %}{{ m.content }}{% endfor %}<think>{{ '\\n' }}"
    prompt = build_prompt(
        TextRequest(prompt="hi"), lambda text, **_: list(text.encode()), template, {}, None
    )
    stream = TextStream(lambda ids: bytes(ids).decode("utf-8", "replace"), (), prompt.thought)
    first = stream.push(ord("h"))
    for character in "m</think>Hello":
        stream.push(ord(character))
    stream.finish()
    assert first == "<think>\nh" and stream.length == len(stream.text)
    assert split_thoughts(stream.text) == ThoughtAnswer("Hello", "hm")
