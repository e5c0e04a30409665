"""The vocabulary of the model, icons as tokens, and what may follow what.

Drawing tokens come first, so that the logits of drawings are one slice; the words of prompts, the
styles and the sets follow and are never drawn. Numbers of x, of y and radii have their own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.formats.icons.geometry import (
    HIGHEST,
    LONGEST_RADIUS,
    LOWEST,
    Circle,
    Icon,
    Path,
    Segment,
)

# Tokens of a prompt and of a drawing. Longer drawings cost more than they teach a small model.
LONGEST_PROMPT = 24
LONGEST = 224
# Both together, rounded up.
CONTEXT = 256

PAD, END = "<pad>", "</s>"
COMMANDS = ("M", "L", "H", "V", "J", "K", "C", "O", "Z")
COORDINATES = range(LOWEST, HIGHEST + 1)
XS = [f"x{number}" for number in COORDINATES]
YS = [f"y{number}" for number in COORDINATES]
RADII = [f"r{number}" for number in range(1, LONGEST_RADIUS + 1)]
DRAWING = [PAD, END, *COMMANDS, *XS, *YS, *RADII]
DRAWING_ID = {token: number for number, token in enumerate(DRAWING)}

START, DRAW = "<s>", "<draw>"
CORNERS = ("<rounded>", "<sharp>")
WEIGHTS = ("<thin>", "<regular>", "<bold>")

# What the arguments of each command are: along x, along y, or a radius.
ARGUMENTS = {
    "M": "xy",
    "L": "xy",
    "H": "x",
    "V": "y",
    "J": "xy",
    "K": "xy",
    "C": "xyxyxy",
    "O": "xyr",
    "Z": "",
}
_GROUPS = {"x": XS, "y": YS, "r": RADII}
_SEGMENTS = ("L", "H", "V", "J", "K", "C")


class GrammarError(ValueError):
    """Tokens that are no drawing."""


def encode(icon: Icon) -> list[str]:
    """The tokens of an icon, with the end."""
    out: list[str] = []

    def put(command: str, *numbers: int) -> None:
        out.append(command)
        kinds = ARGUMENTS[command]
        out.extend(f"{kind}{number}" for kind, number in zip(kinds, numbers, strict=True))

    for stroke in icon:
        if isinstance(stroke, Circle):
            put("O", *stroke.centre, stroke.radius)
            continue
        put("M", *stroke.start)
        x, y = stroke.start
        for segment in stroke.segments:
            end = segment.end
            if segment.kind == "L" and end[1] == y and end[0] != x:
                put("H", end[0])
            elif segment.kind == "L" and end[0] == x and end[1] != y:
                put("V", end[1])
            else:
                put(segment.kind, *(number for point in segment.points for number in point))
            x, y = end
        if stroke.closed:
            put("Z")
    return [*out, END]


def decode(tokens: Iterable[str]) -> Icon:
    """The icon of drawing tokens up to the end."""
    found: list[Path | Circle] = []
    start: tuple[int, int] | None = None
    segments: list[Segment] = []

    def finish(closed: bool) -> None:
        nonlocal start
        if start is not None:
            found.append(Path(start, tuple(segments), closed))
        start = None
        segments.clear()

    source = iter(tokens)
    for command in source:
        if command in (END, PAD):
            break
        if command not in ARGUMENTS:
            raise GrammarError(f"{command} is no command")
        numbers = [_number(next(source, PAD), kind) for kind in ARGUMENTS[command]]
        points = tuple(zip(numbers[0::2], numbers[1::2], strict=False))
        if command == "M":
            finish(False)
            start = points[0]
        elif command == "O":
            finish(False)
            found.append(Circle(points[0], numbers[2]))
        elif start is None:
            raise GrammarError(f"{command} before M")
        elif command == "Z":
            if not segments:
                raise GrammarError("Z without segments")
            finish(True)
        else:
            x, y = segments[-1].end if segments else start
            if command == "H":
                points = ((numbers[0], y),)
            elif command == "V":
                points = ((x, numbers[0]),)
            kind = "L" if command in "HV" else command
            segments.append(Segment(kind, points))
    finish(False)
    return tuple(found)


def whole_commands(drawn: Sequence[str]) -> Sequence[str]:
    """Return a drawing without a command at its end whose numbers are not all there yet."""
    end = len(drawn)
    while end and drawn[end - 1] not in ARGUMENTS:
        end -= 1
    is_whole = end > 0 and len(drawn) - end == len(ARGUMENTS[drawn[end - 1]])
    return drawn if is_whole else drawn[: max(0, end - 1)]


def _number(token: str, kind: str) -> int:
    if token not in DRAWING_ID or token[:1] != kind or token in ARGUMENTS:
        raise GrammarError(f"{token} where a number of {kind} should be")
    return int(token[1:])


@dataclass(frozen=True)
class Grammar:
    """What may follow in a drawing, as a machine whose states are numbers.

    `allowed[state]` are the drawing tokens that may follow, `following[state, token]` is the next
    state, and `needed[state]` how many tokens the shortest way to the end takes.
    """

    allowed: NDArray[np.bool_]
    following: NDArray[np.int64]
    needed: NDArray[np.int64]
    start: int
    end: int

    def allowed_within(self, states: NDArray[np.int64], left: int) -> NDArray[np.bool_]:
        """What may follow in each state if after it the drawing must end with `left` tokens."""
        reach = self.needed[self.following[states]] <= left
        return self.allowed[states] & reach


def _grammar() -> Grammar:
    # A drawing is between strokes; just after M with its point; in a path; or before an argument.
    names: list[str] = ["strokes", "moved", "path", "ended", "begin"]
    for command, kinds in ARGUMENTS.items():
        names.extend(f"{command}{at}" for at in range(len(kinds)))
    state = {name: number for number, name in enumerate(names)}
    allowed = np.zeros((len(names), len(DRAWING)), dtype=np.bool_)
    following = np.full((len(names), len(DRAWING)), state["ended"], dtype=np.int64)

    def rule(at: str, tokens: Sequence[str], to: str) -> None:
        for token in tokens:
            allowed[state[at], DRAWING_ID[token]] = True
            following[state[at], DRAWING_ID[token]] = state[to]

    after = {"M": "moved", "O": "strokes", "Z": "strokes"}
    for at in ("begin", "strokes", "moved", "path"):
        rule(at, ["M"], "M0")
        rule(at, ["O"], "O0")
        if at != "begin":
            rule(at, [END], "ended")
    for at in ("moved", "path"):
        for command in _SEGMENTS:
            rule(at, [command], f"{command}0")
    rule("path", ["Z"], "strokes")
    rule("ended", [PAD], "ended")
    for command, kinds in ARGUMENTS.items():
        for place, kind in enumerate(kinds):
            last = place + 1 == len(kinds)
            to = after.get(command, "path") if last else f"{command}{place + 1}"
            rule(f"{command}{place}", _GROUPS[kind], to)
    needed = np.full(len(names), 99, dtype=np.int64)
    needed[state["ended"]] = 0
    for _ in names:
        for number in range(len(names)):
            if number != state["ended"]:
                ways = needed[following[number]][allowed[number]]
                needed[number] = min(needed[number], 1 + int(ways.min()))
    return Grammar(allowed, following, needed, state["begin"], state["ended"])


GRAMMAR = _grammar()


def grammatical(tokens: Iterable[str]) -> bool:
    """Whether tokens are a whole drawing."""
    at = GRAMMAR.start
    for token in tokens:
        number = DRAWING_ID.get(token)
        if number is None or not GRAMMAR.allowed[at, number]:
            return False
        at = int(GRAMMAR.following[at, number])
    return at == GRAMMAR.end


@dataclass(frozen=True)
class Vocabulary:
    """All tokens of a model, in the order of their ids."""

    sets: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def tokens(self) -> list[str]:
        sets = [f"<set:{name}>" for name in self.sets]
        return [*DRAWING, START, DRAW, *CORNERS, *WEIGHTS, *sets, *self.words]

    def ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}


def prompt_ids(ids: Mapping[str, int], words: Sequence[str], style: Sequence[str]) -> list[int]:
    """The ids of a prompt: style tokens and words, as many as have room."""
    known = words[: LONGEST_PROMPT - len(style) - 2]
    return [ids[token] for token in (START, *style, *known, DRAW)]
