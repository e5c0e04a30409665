"""Answers follow a JSON schema or regular expression, on both engines, or it is said why not."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from studio.engine.tasks.text.decode import grammar
from studio.engine.tasks.text.decode.grammar import Grammars
from studio.protocol import ModelRef, ProblemError, RowFailed
from tests.engine.text.text_bench import TextBench, model_at
from tests.engine.tiny_text import TEMPLATE, tiny_gguf, tiny_llama

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "likes": {"type": "array", "items": {"enum": ["tea", "狐狸"]}, "maxItems": 3},
    },
    "required": ["name", "age", "likes"],
    "additionalProperties": False,
}
SCHEMA = json.dumps(PERSON)


def fits_person(answer: str) -> bool:
    found = json.loads(answer)
    return (
        list(found) == ["name", "age", "likes"]
        and len(found["name"]) <= 8
        and 0 <= found["age"] <= 120
        and set(found["likes"]) <= {"tea", "狐狸"}
    )


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_every_answer_follows_the_schema(
    bench: TextBench, either: ModelRef, temperature: float
) -> None:
    outcome = bench.run(
        either,
        prompt="Who?",
        schema=SCHEMA,
        count=4,
        seed=3,
        max_tokens=300,
        temperature=temperature,
    )
    assert all(map(fits_person, outcome.answers.values()))
    assert outcome.streamed == outcome.answers
    assert not outcome.warnings
    assert outcome.recipes[0].request.schema == SCHEMA


def test_every_answer_matches_the_expression_as_a_whole(bench: TextBench, either: ModelRef) -> None:
    pattern = "(猫|dog){2,3} [0-9]{4}-[0-9]{2}"
    outcome = bench.run(
        either, prompt="x", regex=pattern, count=4, seed=1, max_tokens=60, temperature=2.0
    )
    assert all(re.fullmatch(pattern, answer) for answer in outcome.answers.values())
    assert len(set(outcome.answers.values())) > 1


def test_a_row_has_the_same_answer_alone_and_in_a_batch(bench: TextBench, either: ModelRef) -> None:
    fields: dict[str, Any] = {"prompt": "x", "schema": SCHEMA, "max_tokens": 300}
    fields |= {"temperature": 1.0}
    batch = bench.run(either, count=5, seed=10, **fields)
    for row in (0, 2, 4):
        assert bench.run(either, seed=10 + row, **fields).answers[0] == batch.answers[row]


def test_jobs_of_different_forms_share_a_batch(bench: TextBench, tiny: Path) -> None:
    model = model_at(tiny)
    requests: list[dict[str, Any]] = [
        {"prompt": "a", "seed": 1, "max_tokens": 200, "schema": SCHEMA},
        {"prompt": "b c", "seed": 2, "max_tokens": 200, "regex": "x{3}y?"},
        {"prompt": "b", "seed": 3, "max_tokens": 200, "schema": '{"enum":[]}'},
        {"prompt": "d", "seed": 4, "max_tokens": 10},
    ]
    outcomes = bench.together(model, requests)
    for number, fields in enumerate(requests):
        if number != 2:
            assert outcomes[str(number)].answers == bench.run(model, **fields).answers
    assert fits_person(outcomes["0"].answers[0])
    assert not outcomes["2"].answers


def test_an_answer_that_is_cut_is_said_not_to_have_the_form(
    bench: TextBench, either: ModelRef
) -> None:
    outcome = bench.run(either, prompt="x", schema=SCHEMA, max_tokens=5, seed=1)
    ((kind, message),) = outcome.warnings
    assert kind == "answer_cut"
    assert "before they had the form that was asked for" in str(message)
    assert outcome.recipes[0].stats["reached_limit"] == 1


def test_the_start_of_an_answer_is_part_of_its_form(bench: TextBench, either: ModelRef) -> None:
    fields: dict[str, Any] = {"prompt": "x", "schema": SCHEMA, "max_tokens": 300, "seed": 1}
    begun = '{"name": "Ada", "age": 3'
    answer = bench.run(either, answer_start=begun, **fields).answers[0]
    assert answer.startswith(begun)
    assert fits_person(answer)
    with pytest.raises(ProblemError, match="start of the answer does not follow"):
        bench.run(either, answer_start="Sure:", **fields)


def test_thoughts_come_before_the_form(bench: TextBench, tmp_path: Path) -> None:
    opened = TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
    model = model_at(tiny_llama(tmp_path / "thinks", opened))
    # Random weights do not close their thoughts.
    free = bench.run(model, prompt="x", regex="yes|no", max_tokens=20, seed=1)
    assert free.recipes[0].stats["tokens"] == 20
    assert free.recipes[0].stats["reached_limit"] == 1
    begun = "<think>\nso</think>\n\n"
    answer = bench.run(model, prompt="x", regex="yes|no", answer_start=begun, seed=1).answers[0]
    assert answer in (f"{begun}yes", f"{begun}no")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"schema": '{"enum": []}'}, "anyOf is empty"),
        ({"schema": '{"type": "integer", "minimum": 5, "maximum": 3}'}, "minimum (5)"),
        ({"schema": '{"$ref": "#"}'}, "No answer can follow"),
        ({"schema": '{"type": "objekt"}'}, "Invalid type: objekt"),
        ({"schema": '{"type": "string", "uniqueItems": true}'}, "uniqueItems"),
        ({"schema": '{"x-guidance": {"lenient": true}, "uniqueItems": true}'}, "uniqueItems"),
        ({"schema": '{"type": "string", "pattern": "("}'}, "cannot be used"),
        ({"regex": "(a"}, "unclosed group"),
        ({"regex": r"(a)\1"}, "backreferences are not supported"),
        ({"regex": "(" * 5000 + "a" + ")" * 5000}, "cannot be used"),
        ({"regex": r"[^\s\S]"}, "No answer can follow"),
    ],
)
def test_a_form_that_cannot_be_had_is_explained(
    bench: TextBench, either: ModelRef, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        bench.run(either, prompt="x", **fields)
    assert caught.value.problem.kind == "bad_input"
    assert reason in str(caught.value)


def test_what_takes_too_long_to_prepare_is_given_up(
    bench: TextBench, either: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammar, "_SECONDS", 0.1)
    release = threading.Event()
    monkeypatch.setattr(Grammars, "_matcher", lambda *_: release.wait(60))
    try:
        with pytest.raises(ProblemError, match="too complex"):
            bench.run(either, prompt="x", regex="a+")
    finally:
        release.set()


def test_recursion_goes_on_until_the_limit(bench: TextBench, either: ModelRef) -> None:
    tree = {"type": "array", "items": {"$ref": "#"}}
    outcome = bench.run(
        either, prompt="x", schema=json.dumps(tree), max_tokens=60, seed=1, temperature=1.0
    )
    if not outcome.warnings:
        json.loads(outcome.answers[0])


def test_a_form_that_becomes_too_complex_fails_the_row_alone(
    bench: TextBench, either: ModelRef
) -> None:
    # Each letter may begin any of the parts, whose states multiply.
    outcome = bench.run(
        either,
        prompt="x",
        regex="(.*a.{50})" * 20,
        count=2,
        seed=1,
        max_tokens=400,
        temperature=2.0,
    )
    for failed in outcome.of(RowFailed):
        assert "too complex here" in str(failed.problem.message)
    assert len(outcome.of(RowFailed)) + len(outcome.answers) == 2


@pytest.mark.parametrize("layout", ["llama", "mistral"])
def test_every_vocabulary_of_llama_writes_json(
    bench: TextBench, tmp_path: Path, layout: str
) -> None:
    model = model_at(tiny_gguf(tmp_path / f"{layout}.gguf", layout), "gguf")
    outcome = bench.run(model, prompt="x", schema=SCHEMA, max_tokens=300, seed=1)
    assert fits_person(outcome.answers[0])
