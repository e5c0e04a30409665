"""Build a matrix: all combinations of values for some fields of a request."""

from __future__ import annotations

import itertools
import math
import re
import secrets
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from studio.kinds.coding import request_from_fields, to_json
from studio.kinds.field_errors import field_sentence
from studio.kinds.registry import kinds
from studio.protocol import MAX_SEED, Problem, ProblemError, Request, problem

MAX_REQUESTS = 10_000
"""Largest number of requests in a matrix."""

AxisName: TypeAlias = str
"""A field name of the request, or `size` for width and height."""

_RANGE = re.compile(r"(\d+)\s*(?:-|–|\.\.)\s*(\d+)")
_SIZE = re.compile(r"(\d+)\s*[x×*]\s*(\d+)", re.IGNORECASE)  # people type all of these
_SEPARATORS = re.compile(r"[,;\n，；、]")  # includes Chinese punctuation


class Axis(Struct, frozen=True):
    """A field to vary and its values as text, in their order."""

    name: AxisName
    values: tuple[str, ...]


class Cell(Struct, frozen=True):
    """One request of a matrix and its position: axis name → value."""

    request: Request
    labels: dict[str, str]


def parse_axis(name: AxisName, text: str) -> Axis:
    """Parse the values of an axis as typed by a person, without duplicates.

    Values are separated by commas, semicolons or newlines, prompts by newlines only. Seeds and
    steps may be ranges (`1-4`), sizes are written `512x768`. Raises `ProblemError` (bad_input)
    for an invalid size, or a range of more than `MAX_REQUESTS` values.
    """
    separators = re.compile(r"\n") if name == "prompt" else _SEPARATORS
    values: list[str] = []
    for part in separators.split(text):
        piece = part.strip()
        if not piece:
            continue
        if name in ("seed", "steps") and (found := _RANGE.fullmatch(piece)):
            first, last = int(found[1]), int(found[2])
            if abs(last - first) >= MAX_REQUESTS:
                raise _too_many(abs(last - first) + 1)
            step = 1 if last >= first else -1
            values.extend(str(number) for number in range(first, last + step, step))
        elif name == "size":
            size = _SIZE.fullmatch(piece)
            if size is None:
                raise problem(
                    "bad_input", "{value} is not a size. Write sizes like 512x768.", value=piece
                )
            values.append(f"{int(size[1])}x{int(size[2])}")
        else:
            values.append(piece)
    return Axis(name, tuple(dict.fromkeys(values)))


def count(axes: Sequence[Axis]) -> int:
    """Return the number of requests that axes make. Axes without values are ignored."""
    return math.prod(len(axis.values) for axis in axes if axis.values)


def build(base: Request, axes: Sequence[Axis]) -> list[Cell]:
    """Return all combinations of the axes' values; the last axis varies fastest.

    Without a seed, one random seed is used for all cells, so that they differ by the axes alone.
    Raises `ProblemError` (bad_input) for more than `MAX_REQUESTS` cells, an axis given twice, or a
    value that its field does not accept.
    """
    used = [axis for axis in axes if axis.values]
    names = [axis.name for axis in used]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise problem("bad_input", "The matrix varies {name} twice.", name=duplicates[0])
    if count(used) > MAX_REQUESTS:
        raise _too_many(count(used))
    fields: dict[str, Any] = msgspec.json.decode(to_json(base))
    if base.seed is None:
        fields["seed"] = secrets.randbelow(MAX_SEED + 1)
    return [
        _cell(fields, dict(zip(names, values, strict=True)))
        for values in itertools.product(*(axis.values for axis in used))
    ]


def _cell(fields: dict[str, Any], labels: dict[AxisName, str]) -> Cell:
    wanted = dict(fields)
    for name, value in labels.items():
        if name == "size":
            wanted["width"], wanted["height"] = value.split("x")
        else:
            wanted[name] = value
    try:
        request = request_from_fields(wanted)
    except msgspec.ValidationError as error:
        invalid = field_sentence(error, kinds()[wanted["task"]].fields)
        raise ProblemError(Problem("bad_input", invalid)) from error
    return Cell(request, {str(name): value for name, value in labels.items()})


def _too_many(found: int) -> Exception:
    return problem(
        "bad_input",
        "That would be {found} results; at most {most} can be made at once.",
        found=found,
        most=MAX_REQUESTS,
    )
