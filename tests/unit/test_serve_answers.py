"""Answers in pieces: stop sequences and thoughts, wherever the text is divided."""

from __future__ import annotations

import pytest

from studio.serve.answer_stream import AnswerStream


def streamed(text: str, size: int, *stops: str) -> tuple[str, str, bool]:
    """Return content, thoughts and whether it was stopped, from pieces of `size` characters."""
    stream = AnswerStream(stops)
    parts = [stream.add(text[at : at + size]) for at in range(0, len(text), size)]
    parts.append(stream.finish(text))
    content = "".join(part.content for part in parts)
    return content, "".join(part.reasoning for part in parts), stream.is_stopped


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one two three", (), ("one two three", "", False)),
        ("one two three", ("two",), ("one ", "", True)),
        ("one two three", ("three", "o t"), ("one tw", "", True)),
        ("one\n\nUser: two", ("\n\nUser:", "\n\n\n"), ("one", "", True)),
        ("abababc", ("ababc",), ("ab", "", True)),
        ("ends with a sto", ("stop",), ("ends with a sto", "", False)),
        ("<think>why\nso</think>\n\nyes", (), ("yes", "why\nso", False)),
        ("<think>stop</think>go stop", ("stop",), ("go ", "stop", True)),
        ("<think>not done", (), ("", "not done", False)),
        ("<b>no mark", (), ("<b>no mark", "", False)),
        ("<thi", (), ("<thi", "", False)),
    ],
)
def test_an_answer_is_the_same_however_it_is_divided(
    text: str, stops: tuple[str, ...], expected: tuple[str, str, bool], size: int
) -> None:
    assert streamed(text, size, *stops) == expected


def test_what_was_sent_is_not_sent_again_after_a_restart() -> None:
    stream = AnswerStream()
    assert stream.add("one two ").content == "one two "
    stream.restart()
    assert not stream.add("one ")
    assert stream.add("two three").content == "three"
