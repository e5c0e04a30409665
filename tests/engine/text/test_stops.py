"""Stop sequences end an answer, wherever its text is divided, and its work."""

from __future__ import annotations

from typing import Any

import pytest

from studio.engine.tasks.text.decode.stop_sequences import StopSequences
from studio.protocol import ModelRef
from tests.engine.text.text_bench import TextBench


def stopped(text: str, size: int, stops: tuple[str, ...], begun: str = "") -> tuple[str, bool]:
    """Return the text that is kept of pieces of `size` characters, and whether it was stopped."""
    sequences = StopSequences(stops, begun)
    kept = [sequences.push(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join(kept) + sequences.finish(), sequences.is_stopped


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "stops", "kept", "is_stopped"),
    [
        ("one two three", (), "one two three", False),
        ("one two three", ("two",), "one ", True),
        ("one two three", ("three", "o t"), "one tw", True),
        ("one\n\nUser: two", ("\n\nUser:", "\n\n\n"), "one", True),
        ("abababc", ("ababc",), "ab", True),
        ("ends with a sto", ("stop",), "ends with a sto", False),
        ("<think>stop</think>\n\ngo stop", ("stop",), "<think>stop</think>\n\ngo ", True),
        ("<think>a</think>\n\none\ntwo", ("\n",), "<think>a</think>\n\none", True),
        ("<think></think>x", ("x",), "<think></think>", True),
        ("<think>stop", ("stop",), "<think>stop", False),
        ("<thi", ("x",), "<thi", False),
        ("<thi", ("i",), "<th", True),
    ],
)
def test_an_answer_ends_before_the_first_stop_sequence(
    text: str, stops: tuple[str, ...], kept: str, is_stopped: bool, size: int
) -> None:
    assert stopped(text, size, stops) == (kept, is_stopped)


def test_the_start_of_an_answer_is_not_looked_at_but_opens_thoughts() -> None:
    assert stopped(" two stop", 1, ("stop",), "one stop") == (" two ", True)
    assert stopped("stop</think>a stop", 1, ("stop",), "<think>") == ("stop</think>a ", True)


def test_a_stopped_answer_is_the_beginning_of_the_whole_one_and_the_work_ends(
    bench: TextBench, either: ModelRef
) -> None:
    fields: dict[str, Any] = {"prompt": "abc", "seed": 5, "temperature": 1.0, "max_tokens": 60}
    whole = bench.run(either, count=3, **fields)
    text = whole.answers[1]
    stop = text[12:15]
    assert stop
    outcome = bench.run(either, count=3, stop=(stop, "never comes"), **fields)
    for row, answer in outcome.answers.items():
        assert answer == whole.answers[row].partition(stop)[0]
    assert outcome.streamed == outcome.answers
    assert outcome.answers[1] == text.partition(stop)[0]
    assert outcome.recipes[1].stats["tokens"] < whole.recipes[1].stats["tokens"]
    assert outcome.recipes[1].stats["reached_limit"] == 0
    assert outcome.recipes[1].request.stop == (stop, "never comes")
