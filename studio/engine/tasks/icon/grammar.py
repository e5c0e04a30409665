"""What may follow in a drawing, so that it is whole, ends in time and stays on the grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.formats.icons.geometry import HIGHEST, LOWEST
from studio.formats.icons.tokens import (
    ARGUMENTS,
    DRAWING,
    DRAWING_ID,
    END,
    PAD,
    PLACES,
    RADII,
    XS,
    YS,
)

_GROUPS = {"x": XS, "y": YS, "r": RADII}
_SEGMENTS = ("L", "H", "V", "J", "K", "C")


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


def _places() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the place of each token, and along which axis it is, as (axis, token)."""
    places = np.zeros(len(DRAWING), dtype=np.int64)
    along = np.zeros((2, len(DRAWING)), dtype=np.bool_)
    for axis, group in enumerate((XS, YS)):
        numbers = [DRAWING_ID[token] for token in group]
        places[numbers] = PLACES
        along[axis, numbers] = True
    return places, along


_PLACE_OF, _ALONG = _places()
_ON_EDGE = _ALONG.any(axis=0) & ((_PLACE_OF == LOWEST) | (_PLACE_OF == HIGHEST))
_IS_CIRCLE = DRAWING_ID["O"]
_RADIUS_OF = np.array([int(token[1:]) if token in RADII else LOWEST for token in DRAWING])
_IS_COMMAND = np.array([token in ARGUMENTS for token in DRAWING])


class Pens:
    """Drawings that are written side by side: the last point of each, and what may follow."""

    def __init__(self, rows: int) -> None:
        self._states = np.full(rows, GRAMMAR.start)
        self._commands = np.full(rows, DRAWING_ID["Z"])
        self._point = np.zeros((rows, 2), dtype=np.int64)

    @property
    def ended(self) -> NDArray[np.bool_]:
        """Which drawings have their end."""
        ended: NDArray[np.bool_] = self._states == GRAMMAR.end
        return ended

    def allowed(self, left: int) -> NDArray[np.bool_]:
        """Return what may follow in each drawing if it must end with `left` tokens after it."""
        allowed = GRAMMAR.allowed_within(self._states, left)
        # The centre of a circle leaves room for the smallest radius.
        allowed &= ~(self._commands == _IS_CIRCLE)[:, None] | ~_ON_EDGE
        room = np.minimum(self._point - LOWEST, HIGHEST - self._point).min(axis=1)
        allowed &= room[:, None] >= _RADIUS_OF
        return allowed

    def draw(self, tokens: NDArray[np.int64]) -> None:
        """Go on by one token in each drawing."""
        self._commands = np.where(_IS_COMMAND[tokens], tokens, self._commands)
        for axis in (0, 1):
            along = _ALONG[axis, tokens]
            self._point[:, axis] = np.where(along, _PLACE_OF[tokens], self._point[:, axis])
        self._states = GRAMMAR.following[self._states, tokens]
