"""Answers in pieces: thoughts apart, wherever the text is divided."""

from __future__ import annotations

import pytest

from studio.serve.answer_stream import AnswerStream


def streamed(text: str, size: int) -> tuple[str, str]:
    """Return content and thoughts, from pieces of `size` characters."""
    stream = AnswerStream()
    parts = [stream.add(text[at : at + size]) for at in range(0, len(text), size)]
    parts.append(stream.finish(text))
    content = "".join(part.content for part in parts)
    return content, "".join(part.reasoning for part in parts)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three", ("one two three", "")),
        ("<think>why\nso</think>\n\nyes", ("yes", "why\nso")),
        ("<think>not done", ("", "not done")),
        ("<b>no mark", ("<b>no mark", "")),
        ("<thi", ("<thi", "")),
    ],
)
def test_an_answer_is_the_same_however_it_is_divided(
    text: str, expected: tuple[str, str], size: int
) -> None:
    assert streamed(text, size) == expected


def test_what_was_sent_is_not_sent_again_after_a_restart() -> None:
    stream = AnswerStream()
    assert stream.add("one two ").content == "one two "
    stream.restart()
    assert not stream.add("one ")
    assert stream.add("two three").content == "three"
