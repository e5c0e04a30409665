"""Types of the protocol validate input and survive the pipe."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from studio.kinds.coding import (
    pack,
    recipe_from_json,
    request_from_fields,
    request_from_json,
    to_json,
    unpack_command,
    unpack_event,
)
from studio.kinds.image import ImageRequest
from studio.kinds.requests import unsupported_reason
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import (
    MAX_SEED,
    InputFile,
    Loading,
    Problem,
    Recipe,
    RunJob,
    UnknownRequest,
    problem,
    sentence,
)
from studio.protocol import ModelRef as Ref

REQUESTS = [
    TextRequest(prompt="狐狸", count=1000, seed=MAX_SEED),
    ImageRequest(prompt="a fox", width=64, height=8192, image=InputFile("/a b/狐.png")),
    UpscaleRequest(input=InputFile("x.png", "00"), scale=4),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.task)
def test_a_request_survives_json_and_the_pipe(request_: Any) -> None:
    assert request_from_json(to_json(request_)) == request_
    model = Ref(id="m", name="M", task=request_.task, format="diffusers", path="/m")
    command = RunJob(job="1", request=request_, rows=(0, 2), model=model, work_dir="/w")
    assert unpack_command(pack(command)) == command


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"task": "text", "prompt": "x", "count": "0"}, "count"),
        ({"task": "text", "prompt": "x", "count": "1001"}, "count"),
        ({"task": "text", "prompt": "x", "seed": "-1"}, "seed"),
        ({"task": "text", "prompt": "x", "temperature": "warm"}, "temperature"),
        ({"task": "text"}, "prompt"),
        ({"task": "image", "prompt": "x", "width": "63"}, "width"),
        ({"task": "image", "prompt": "x", "strength": 2}, "strength"),
        ({"task": "upscale", "input": {"path": "x"}, "scale": "5"}, "scale"),
        ({"task": "paint", "prompt": "x"}, "task"),
    ],
)
def test_a_field_out_of_range_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        request_from_fields(fields)


def test_numbers_may_come_as_text_as_tables_have_them() -> None:
    request = request_from_fields({"task": "image", "prompt": "x", "width": "512", "seed": "7"})
    assert request == ImageRequest(prompt="x", width=512, seed=7)


def test_a_sentence_keeps_its_template_across_the_pipe() -> None:
    event = Loading("1", sentence("Loading {model}", model="SDXL"), 0.5)
    answer = unpack_event(pack(event))
    assert answer == event
    assert isinstance(answer, Loading)
    assert (str(answer.stage), answer.stage.template) == ("Loading SDXL", "Loading {model}")


def test_braces_in_a_value_are_not_formatted() -> None:
    assert str(sentence("No {path}", path="{model}/{0}")) == "No {model}/{0}"


def test_a_problem_can_be_raised_and_is_a_value_again() -> None:
    error = problem("bad_input", "No {path}", detail="why", path="x")
    assert str(error) == "No x"
    assert error.problem == Problem("bad_input", sentence("No {path}", path="x"), "why")


def test_an_invalid_recipe_is_refused() -> None:
    recipe = Recipe(request=REQUESTS[0], row=0, seed=1)
    assert recipe_from_json(to_json(recipe)) == recipe
    for text in (
        '{"request": 5, "row": 0, "seed": 1}',
        '{"request": {}, "row": 0, "seed": 1}',
        "{}",
    ):
        with pytest.raises(msgspec.ValidationError):
            recipe_from_json(text)


def test_ranges_are_checked_for_new_requests_but_not_when_reading() -> None:
    text = to_json(ImageRequest(prompt="x", seed=1)).replace('"steps":null', '"steps":9000')
    request = request_from_json(text)
    assert isinstance(request, ImageRequest)
    assert request.steps == 9000
    assert str(unsupported_reason(request)) == "steps must be a whole number of at most 500."
    with pytest.raises(msgspec.ValidationError):
        request_from_fields(msgspec.json.decode(text))


@pytest.mark.parametrize(
    "raw",
    [
        '{"task": "hologram", "prompt": "狐狸", "voice":"zf_001", "count": 3,  "seed": 7}',
        '{"task":"text","prompt":"狐狸","moods":["calm"],"count":3,"seed":7}',
        '{"task":"image","prompt":"狐狸","steps":"many","count":3,"seed":7}',
    ],
    ids=["task", "field", "type"],
)
def test_a_request_of_another_version_keeps_its_json_and_known_fields(raw: str) -> None:
    request = request_from_json(raw)
    assert isinstance(request, UnknownRequest)
    assert to_json(request) == raw
    assert (request.prompt, request.count, request.seed) == ("狐狸", 3, 7)
    assert unsupported_reason(request) is not None
    recipe = f'{{"request":{raw},"row":1,"seed":8,"weather":{{"rain":true}}}}'
    again = to_json(recipe_from_json(recipe))
    assert msgspec.json.decode(again)["weather"] == {"rain": True}
    assert raw in again
    model = Ref(id="m", name="M", task="image", format="diffusers", path="/m")
    command = RunJob(job="1", request=request, rows=(0,), model=model, work_dir="/w")
    sent = unpack_command(pack(command))
    assert isinstance(sent, RunJob)
    assert msgspec.json.decode(to_json(sent.request)) == msgspec.json.decode(raw)
