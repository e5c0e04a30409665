"""A storyboard: its shots, and how their pictures, voices and film are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct

from studio.kinds.film import Motion
from studio.protocol import MAX_SEED, Seed, Sentence, sentence

MAX_SHOTS = 500
MAX_PICTURE = 2000
MAX_VOICE = 5000
"""Characters of one shot: five minutes."""
MAX_VARIATIONS = 8
MAX_SECONDS = 600.0


class BoardShot(Struct, frozen=True):
    """One shot.

    `picture` says what is seen, `voice` what is said. With 0 `seconds`, the shot is as long as its
    voice. `chosen` is the variation that is shown; `file` is a picture of the person's own instead.
    """

    picture: str = ""
    voice: str = ""
    seconds: Annotated[float, Meta(ge=0.0, le=MAX_SECONDS)] = 0.0
    motion: Motion = "auto"
    seed: Seed = 0
    chosen: Annotated[int, Meta(ge=0)] = 0
    file: str = ""


class Board(Struct, frozen=True, kw_only=True):
    """A storyboard.

    `look` is added to the prompt of every picture. `picture_options`, `voice_options` and
    `film_options` are fields of the requests that make them. `used` is seconds since 1970.
    """

    title: str = ""
    shots: tuple[BoardShot, ...] = ()
    look: Annotated[str, Meta(max_length=MAX_PICTURE)] = ""
    variations: Annotated[int, Meta(ge=1, le=MAX_VARIATIONS)] = 1
    picture_options: dict[str, Any] = {}
    voice_options: dict[str, Any] = {}
    film_options: dict[str, Any] = {}
    used: float = 0.0


def shot_problems(shots: Iterable[BoardShot]) -> Iterable[tuple[int, Sentence]]:
    """Yield what is wrong with shots, by their places."""
    for place, shot in enumerate(shots):
        for text, most in ((shot.picture, MAX_PICTURE), (shot.voice, MAX_VOICE)):
            if len(text) > most:
                yield (
                    place,
                    sentence(
                        "Shot {number} has a text of {length} characters, and at most {most} fit. "
                        "Divide it into several shots.",
                        number=place + 1,
                        length=f"{len(text):,}",
                        most=f"{most:,}",
                    ),
                )


def with_seeds(shots: Iterable[BoardShot], first: int, variations: int) -> tuple[BoardShot, ...]:
    """Return shots whose pictures have seeds of their own, as if they were one job."""
    found: list[BoardShot] = []
    for place, shot in enumerate(shots):
        seed = (first + place * variations) % (MAX_SEED - MAX_VARIATIONS)
        values = {name: getattr(shot, name) for name in shot.__struct_fields__}
        found.append(BoardShot(**{**values, "seed": seed}))
    return tuple(found)
