"""Invalid values of fields are explained in words, however the request was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.jobs.matrix import Axis, build
from studio.jobs.table import read_table
from studio.kinds.coding import request_from_fields
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.image import ImageRequest
from studio.kinds.registry import kinds
from studio.protocol import ProblemError


@pytest.mark.parametrize(
    ("task", "field", "value", "message"),
    [
        ("text", "seed", "x", "must be a whole number."),
        ("text", "seed", 1.5, "must be a whole number."),
        ("text", "seed", -1, "must be a whole number of at least 0."),
        ("text", "seed", 10**30, "must be a whole number of at most 4294967295."),
        ("text", "temperature", "hot", "must be a number."),
        ("text", "temperature", 9, "must be a number of at most 5."),
        ("text", "repetition_penalty", 0, "must be a number of at least 0.5."),
        ("text", "top_p", 0, "must be a number above 0."),
        ("text", "model", "a" * 300, "must have at most 200 characters."),
        ("text", "model", 3, "must be text."),
        ("text", "messages", "hello", "must be a list."),
        ("text", "messages", [{"role": "x", "content": ""}], "has an unknown value."),
        ("text", "min_p", 2, "must be a number of at most 1."),
        ("text", "stop", ["x"] * 17, "may have at most 16 entries."),
        ("text", "stop", ["x" * 201], "must have at most 200 characters."),
        ("text", "stop", 3, "must be a list."),
        ("image", "transparent", "maybe", "must be true or false."),
        ("image", "image", 3, "must be the path of a file."),
        ("image", "image", {}, "must be the path of a file."),
        ("upscale", "scale", 5, "must be one of: 2, 3, 4."),
        ("upscale", "scale", "big", "must be one of: 2, 3, 4."),
    ],
)
def test_every_invalid_value_is_explained_in_words(
    task: str, field: str, value: Any, message: str
) -> None:
    given = {"upscale": {"input": {"path": "a"}}}.get(task, {"prompt": "x"})
    with pytest.raises(msgspec.ValidationError) as caught:
        request_from_fields({"task": task, **given, field: value})
    assert field_of(caught.value) == field
    fields = kinds()[task].fields
    assert str(field_sentence(caught.value, fields)) == f"{field} {message}"
    assert str(field_sentence(caught.value, fields, "it")) == f"it {message}"


def test_a_table_and_a_matrix_report_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("task,prompt,steps\nimage,x,0\n")
    (error,) = read_table(tmp_path / "t.csv").errors
    assert str(error.message) == "steps must be a whole number of at least 1."
    with pytest.raises(ProblemError, match=r"^steps must be a whole number of at least 1\.$"):
        build(ImageRequest(prompt="x"), [Axis("steps", ("0",))])
