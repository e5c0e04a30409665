"""The path data of icons, as it is written here, read back onto the grid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from studio.formats.icons.geometry import STEP, Circle, Icon, Path, Point, Segment, Stroke, on_grid

LONGEST = 20_000
"""Characters of path data; the longest drawing of a model has a few thousand."""

_COMMAND = re.compile(r"([MLCAZ])([^MLCAZ]*)")
_NUMBERS = re.compile(r"-?\d{1,5}(?:\.\d{1,6})?(?: -?\d{1,5}(?:\.\d{1,6})?)*|")
_COUNTS = {"M": 2, "L": 2, "C": 6, "A": 7, "Z": 0}

_Command = tuple[str, Sequence[float]]


def icon_of(data: str, dot: float = 0.0) -> Icon | None:
    """Return the strokes of path data, None for what is not written here or is off the grid.

    `dot` is the length of the lines that stand for dots.
    """
    commands = _commands(data)
    if not commands or commands[0][0] != "M":
        return None
    strokes: list[Stroke] = []
    for stroke in _strokes(commands):
        found = _circle(stroke) or _dot(stroke, dot) or _path(stroke)
        if found is None:
            return None
        strokes.append(found)
    icon = tuple(strokes)
    return icon if on_grid(icon) else None


def _commands(data: str) -> list[_Command] | None:
    if len(data) > LONGEST or not data:
        return None
    found: list[_Command] = []
    end = 0
    for match in _COMMAND.finditer(data):
        name, text = match[1], match[2].strip()
        if match.start() != end or _NUMBERS.fullmatch(text) is None:
            return None
        numbers = [float(number) for number in text.split()]
        if len(numbers) != _COUNTS[name]:
            return None
        found.append((name, numbers))
        end = match.end()
    return found if end == len(data) else None


def _strokes(commands: Sequence[_Command]) -> Iterator[list[_Command]]:
    stroke: list[_Command] = []
    for command in commands:
        if command[0] == "M" and stroke:
            yield stroke
            stroke = []
        stroke.append(command)
    yield stroke


def _quarters(*numbers: float) -> tuple[int, ...] | None:
    """Return numbers in quarter units, None if one of them is between two."""
    scaled = [number * STEP for number in numbers]
    whole = tuple(round(number) for number in scaled)
    return whole if all(abs(a - b) < 1e-3 for a, b in zip(scaled, whole, strict=True)) else None


def _circle(stroke: Sequence[_Command]) -> Circle | None:
    if [name for name, _ in stroke] != ["M", "A", "A", "Z"]:
        return None
    (left, y), one, two = stroke[0][1], stroke[1][1], stroke[2][1]
    radius = one[0]
    if list(one) != [radius, radius, 0, 1, 1, left + 2 * radius, y]:
        return None
    if list(two) != [radius, radius, 0, 1, 1, left, y]:
        return None
    found = _quarters(left + radius, y, radius)
    return None if found is None else Circle((found[0], found[1]), found[2])


def _dot(stroke: Sequence[_Command], length: float) -> Path | None:
    if [name for name, _ in stroke] != ["M", "L"]:
        return None
    (x0, y0), (x1, y1) = stroke[0][1], stroke[1][1]
    if y0 != y1 or abs(x1 - x0 - length) > 1e-3:
        return None
    found = _quarters((x0 + x1) / 2, y0)
    return None if found is None else Path((found[0], found[1]))


def _path(stroke: Sequence[_Command]) -> Path | None:
    start: Point | None = None
    at: Point = (0, 0)
    segments: list[Segment] = []
    closed = False
    for place, (name, numbers) in enumerate(stroke):
        if name == "Z":
            closed = True
            if place + 1 < len(stroke) or not segments:
                return None
            continue
        ends = numbers[-2:] if name == "A" else numbers
        found = _quarters(*ends)
        if found is None:
            return None
        points = tuple(zip(found[0::2], found[1::2], strict=True))
        if name == "M":
            start = at = points[0]
            continue
        kind: str | None = name if name != "A" else _quarter_ellipse(at, points[-1], numbers)
        if kind is None:
            return None
        segments.append(Segment(kind, points))
        at = points[-1]
    return None if start is None else Path(start, tuple(segments), closed)


def _quarter_ellipse(begin: Point, end: Point, numbers: Sequence[float]) -> str | None:
    """Return along which axis a quarter of an ellipse sets out, None for any other arc."""
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    radii = _quarters(*numbers[:2])
    if not dx or not dy or radii != (abs(dx), abs(dy)) or list(numbers[2:4]) != [0, 0]:
        return None
    return "J" if ((dx > 0) == (dy > 0)) == bool(numbers[4]) else "K"
