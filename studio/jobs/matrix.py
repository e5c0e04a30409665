"""A matrix: one request, varied over some of its fields, every combination once."""

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
from studio.protocol import MAX_SEED, Problem, ProblemError, Request, problem

MOST = 10_000
"""Requests that one matrix may make."""

AxisName: TypeAlias = str
"""A field of the request, or `size` for its width and height."""

_RANGE = re.compile(r"(\d+)\s*(?:-|–|\.\.)\s*(\d+)")
_SIZE = re.compile(r"(\d+)\s*[x×*]\s*(\d+)", re.IGNORECASE)  # typed by people
_BETWEEN = re.compile(r"[,;\n，；、]")  # typed with a Chinese keyboard


class Axis(Struct, frozen=True):
    """A field that varies, and its values as text, in their order."""

    name: AxisName
    values: tuple[str, ...]


class Cell(Struct, frozen=True):
    """One request of a matrix, and where it stands: axis name → value."""

    request: Request
    labels: dict[str, str]


def parse_axis(name: AxisName, text: str) -> Axis:
    """Read the values of an axis as people write them; each is kept once.

    Values are separated by commas, semicolons or lines, prompts by lines only. Whole numbers
    may be ranges (`1-4`), sizes are `512x768`. Raises `ProblemError` (bad_input): a size that
    is none, or more than `MOST` values.
    """
    between = re.compile(r"\n") if name == "prompt" else _BETWEEN
    values: list[str] = []
    for part in between.split(text):
        piece = part.strip()
        if not piece:
            continue
        if name in ("seed", "steps") and (found := _RANGE.fullmatch(piece)):
            first, last = int(found[1]), int(found[2])
            if abs(last - first) >= MOST:
                raise _too_many(abs(last - first) + 1)
            step = 1 if last >= first else -1
            values.extend(str(number) for number in range(first, last + step, step))
        elif name == "size":
            size = _SIZE.fullmatch(piece)
            if size is None:
                raise problem(
                    "bad_input", "{value} is no size. Write sizes like 512x768.", value=piece
                )
            values.append(f"{int(size[1])}x{int(size[2])}")
        else:
            values.append(piece)
    return Axis(name, tuple(dict.fromkeys(values)))


def count(axes: Sequence[Axis]) -> int:
    """Return how many requests the axes make; an axis without values does not count."""
    return math.prod(len(axis.values) for axis in axes if axis.values)


def build(base: Request, axes: Sequence[Axis]) -> list[Cell]:
    """Return every combination; the last axis varies fastest.

    Where no seed is given, one is drawn for all, so that only the axes make a difference.
    Raises `ProblemError` (bad_input): more than `MOST`, an axis twice, or a value that its
    field does not take.
    """
    used = [axis for axis in axes if axis.values]
    names = [axis.name for axis in used]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise problem("bad_input", "The matrix varies {name} twice.", name=doubled[0])
    if count(used) > MOST:
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
        raise ProblemError(Problem("bad_input", field_sentence(error))) from error
    return Cell(request, {str(name): value for name, value in labels.items()})


def _too_many(found: int) -> Exception:
    return problem(
        "bad_input",
        "That would be {found} results; at most {most} can be made at once.",
        found=found,
        most=MOST,
    )
