"""The vocabulary of the model, and icons as tokens.

Drawing tokens come first, so that the logits of drawings are one slice; the words of prompts, the
styles and the sets follow and are never drawn. Places along x, places along y and radii have their
own tokens. Every point is a place on the grid, not a step from the point before: so a path closes
where it began, and one wrong number does not move what follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studio.formats.icons.geometry import (
    HIGHEST,
    LONGEST_RADIUS,
    LOWEST,
    Circle,
    Icon,
    Path,
    Point,
    Segment,
)

# Tokens of a prompt and of a drawing. Longer drawings cost more than they teach a small model.
LONGEST_PROMPT = 24
LONGEST = 224
# Both together, rounded up.
CONTEXT = 256

PAD, END = "<pad>", "</s>"
COMMANDS = ("M", "L", "H", "V", "J", "K", "C", "O", "Z")
PLACES = range(LOWEST, HIGHEST + 1)
XS = [f"x{number}" for number in PLACES]
YS = [f"y{number}" for number in PLACES]
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


class GrammarError(ValueError):
    """Tokens that are no drawing."""


def encode(icon: Icon) -> list[str]:
    """The tokens of an icon, with the end."""
    out: list[str] = []

    def put(command: str, *points: Point) -> None:
        out.append(command)
        kinds = ARGUMENTS[command].removesuffix("r")
        flat = [number for x, y in points for number in (f"x{x}", f"y{y}")]
        # A line along one axis has the point that it ends in, and says one number of it.
        out.extend(flat if len(kinds) > 1 else [n for n in flat if n[0] == kinds][:1])

    for stroke in icon:
        if isinstance(stroke, Circle):
            put("O", stroke.centre)
            out.append(f"r{stroke.radius}")
            continue
        put("M", stroke.start)
        pen = stroke.start
        for segment in stroke.segments:
            (x, y), end = pen, segment.end
            if segment.kind == "L" and end[1] == y and end[0] != x:
                put("H", end)
            elif segment.kind == "L" and end[0] == x and end[1] != y:
                put("V", end)
            else:
                put(segment.kind, *segment.points)
            pen = end
        if stroke.closed:
            put("Z")
    return [*out, END]


def decode(tokens: Iterable[str]) -> Icon:
    """The icon of drawing tokens up to the end."""
    found: list[Path | Circle] = []
    begun: Point | None = None
    segments: list[Segment] = []
    pen = (0, 0)

    def finish(closed: bool) -> None:
        nonlocal begun
        if begun is not None:
            found.append(Path(begun, tuple(segments), closed))
        begun = None
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
            begun = pen = points[0]
        elif command == "O":
            finish(False)
            found.append(Circle(points[0], numbers[2]))
        elif begun is None:
            raise GrammarError(f"{command} before M")
        elif command == "Z":
            if not segments:
                raise GrammarError("Z without segments")
            finish(True)
        else:
            if command == "H":
                points = ((numbers[0], pen[1]),)
            elif command == "V":
                points = ((pen[0], numbers[0]),)
            segments.append(Segment("L" if command in "HV" else command, points))
            pen = points[-1]
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
