"""A storyboard as it is played before there is a film: frames, sound and subtitles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from PIL import Image, ImageDraw

from studio.composition.frames import FrameDrawer
from studio.composition.sound import RATE, Samples, mixed, placed_voices, sample_at
from studio.composition.timeline import Timeline
from studio.composition.titles import Line, titles_of
from studio.formats.videos.frame_rate import exact_rate
from studio.jobs.contact_sheet import caption_font
from studio.kinds.film import KIND, Shot
from studio.storyboard.board import Board
from studio.storyboard.production import Shown, film_request
from studio.storyboard.sheets import wrapped

_LINES = 6
_TEXT_HEIGHT = 0.07
"""Share of the shorter side."""
_MARGIN = 0.1
_GROUND, _INK = (44, 44, 48), (225, 225, 225)


class Animatic(Struct, frozen=True):
    """What is played: as the film will be, but a shot without a picture shows its text.

    `pictures` and `texts` are by shot, `size` is that of the film.
    """

    shots: tuple[Shot, ...]
    pictures: tuple[Path | None, ...]
    texts: tuple[str, ...]
    voices: tuple[Path, ...]
    below: Path | None
    titles: tuple[Line, ...]
    timeline: Timeline
    fit: str
    size: tuple[int, int]

    @property
    def seconds(self) -> float:
        """The length."""
        return float(self.timeline.seconds_at(len(self.shots)))


def animatic_of(board: Board, shots: Sequence[Shown]) -> Animatic:
    """Return what is played of a storyboard that has shots; the files of its voices are read.

    Raises `ProblemError` (bad_input) if the film cannot be as its options ask for.
    """
    request = film_request(board, shots, [shown.picture or Path() for shown in shots])
    assert isinstance(request, KIND.request)
    made = tuple(
        msgspec.structs.replace(shot, picture=place) for place, shot in enumerate(request.shots)
    )
    rate = exact_rate(request.fps)
    timeline = Timeline([shot.seconds for shot in made], rate, request.fade, loops=request.loop)
    voices = tuple(Path(file.path) for file in request.voices)
    return Animatic(
        made,
        tuple(shown.picture for shown in shots),
        tuple(shot.picture or shot.voice for shot in board.shots),
        voices,
        Path(request.sound.path) if request.sound is not None else None,
        titles_of(made, voices, timeline),
        timeline,
        request.fit,
        (request.width, request.height),
    )


def drawer_of(animatic: Animatic, longest: int) -> FrameDrawer:
    """Return what draws the frames, at the film's size or with a longest side of `longest`."""
    scale = min(1.0, longest / max(animatic.size))
    width, height = (max(1, round(side * scale)) for side in animatic.size)

    def card(shot: int) -> Image.Image:
        return text_card(animatic.texts[shot], (width, height))

    return FrameDrawer(
        animatic.shots,
        animatic.pictures,
        animatic.timeline,
        animatic.fit,
        (width, height),
        lambda _path: None,
        card,
    )


def sound_of(animatic: Animatic, seconds: float) -> Iterator[Samples] | None:
    """Return the sound from a time on, in blocks, None if there is none.

    The iterator raises `ProblemError` if a file holds no sound.
    """
    voices = placed_voices(animatic.shots, animatic.voices, animatic.timeline)
    if not voices and animatic.below is None:
        return None
    length = sample_at(animatic.timeline, len(animatic.shots))
    first = min(length, max(0, round(seconds * RATE)))
    return mixed(voices, animatic.below, length, lambda: None, first)


def title_at(animatic: Animatic, seconds: float) -> str:
    """Return the subtitle that is shown at a time, "" for none."""
    now = seconds * 1000
    return next((line.text for line in animatic.titles if line.start <= now < line.end), "")


def text_card(text: str, size: tuple[int, int]) -> Image.Image:
    """Return a picture with a text in its middle, cut off after some lines."""
    card = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(card)
    height = max(6, round(min(size) * _TEXT_HEIGHT))
    font = caption_font(height)
    lines = wrapped(draw, text, font, round(size[0] * (1 - 2 * _MARGIN)), _LINES)
    step = round(height * 1.4)
    top = (size[1] - step * len(lines)) // 2
    for number, line in enumerate(lines):
        left = round(size[0] - draw.textlength(line, font=font)) // 2
        draw.text((left, top + step * number), line, fill=_INK, font=font)
    return card
