"""What could come next in an answer is listed, on both engines, and an answer can go on from it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from studio.engine.local.job import Job
from studio.engine.tasks.text.alternatives import list_alternatives
from studio.kinds.text import TextRequest
from studio.protocol import AlternativesListed, ListAlternatives, ModelRef
from tests.engine.text.text_bench import TextBench


def listed(bench: TextBench, model: ModelRef, **fields: Any) -> AlternativesListed:
    command = ListAlternatives(job="a", request=TextRequest(**fields), model=model)
    job = Job("a", bench.folder, lambda _: None, threading.Event())
    return list_alternatives(job, command, bench.memory, bench.device)


def test_the_likeliest_next_token_is_the_one_that_greedy_decoding_takes(
    bench: TextBench, either: ModelRef
) -> None:
    fields: dict[str, Any] = {"prompt": "abc", "temperature": 0.0, "repetition_penalty": 1.0}
    compared = 0
    for start in ("", "a", "b", "ab", "fox 7", "狐", "No.", "x y"):
        found = listed(bench, either, **fields, answer_start=start)
        assert found.start == start
        chances = [each.probability for each in found.alternatives]
        assert 0 < len(chances) <= 10 and chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1.0001
        answer = bench.run(either, **fields, answer_start=start, max_tokens=1).answers[0]
        # Random weights often choose a part of a character, which is no text.
        if answer != start:
            assert answer == start + next(a.text for a in found.alternatives if not a.ends)
            compared += 1
    assert compared


def test_an_answer_goes_on_from_another_word(bench: TextBench, starter: ModelRef) -> None:
    fields: dict[str, Any] = {"prompt": "What is the capital of France?", "temperature": 0.0}
    found = listed(bench, starter, **fields, answer_start="The capital of France is ")
    assert found.start == "The capital of France is"
    assert found.alternatives[0].text == " Paris"
    assert found.alternatives[0].probability > 0.3
    assert all(each.ends or each.text.startswith(" ") for each in found.alternatives)
    assert len(found.alternatives) == 10
    other = found.alternatives[1]
    start = found.start + other.text
    answer = bench.run(starter, **fields, answer_start=start, max_tokens=8).answers[0]
    assert answer.startswith(start)


def test_only_what_follows_the_form_is_listed(bench: TextBench, either: ModelRef) -> None:
    found = listed(bench, either, prompt="x", regex="(cat|dog)s?", answer_start="ca")
    assert [(each.text, each.ends) for each in found.alternatives] == [("t", False)]
    ended = listed(bench, either, prompt="x", regex="(cat|dog)s?", answer_start="cat")
    assert {(each.text, each.ends) for each in ended.alternatives} == {("s", False), ("", True)}


@pytest.mark.parametrize("start", ["", "狐", " ", "a  ", "\n"])
def test_any_place_has_alternatives(bench: TextBench, either: ModelRef, start: str) -> None:
    found = listed(bench, either, prompt="x", answer_start=start)
    assert found.alternatives
    assert not any("\ufffd" in each.text for each in found.alternatives)
