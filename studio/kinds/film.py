"""Film: pictures shown one after the other, with motion, cross-fades and sound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, WorkTiming
from studio.protocol import (
    InputFile,
    ModelRef,
    Name,
    Recipe,
    Request,
    Seed,
    Sentence,
    sentence,
)

MAX_PICTURES = 10_000
MAX_SECONDS = 24 * 3600.0
MAX_LOOP_PIXELS = 400_000_000
"""Pixels of all frames of a picture that moves: its players keep them in memory."""

Motion: TypeAlias = Literal["auto", "none", "in", "out", "left", "right", "up", "down"]
_Seconds = Annotated[float, Meta(ge=0.0, le=3600.0)]

_MOVING_PICTURES = ("gif", "webp")
_WORKING_MEMORY = 900_000_000
"""Bytes for two pictures of 8K while they are scaled down, and the frames that wait."""


class Shot(Struct, frozen=True):
    """One picture of the film and how long it is seen; 0 and "" stand for the film's own.

    `picture` and `voice` are places in the lists of files, -1 for no voice. `text` is its subtitle.
    """

    picture: int
    seconds: _Seconds = 0.0
    motion: Motion | Literal[""] = ""
    voice: Annotated[int, Meta(ge=-1)] = -1
    text: Annotated[str, Meta(max_length=10_000)] = ""


class FilmRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="film"):
    """Show pictures one after the other.

    Without `shots`, each picture is one shot. Cross-fades are centred on the cuts, so that they
    change no length; with `loop`, the last shot fades into the first. With the `format` "gif" or
    "webp", the result is a moving picture, which has no sound and repeats.
    """

    pictures: Annotated[
        Annotated[tuple[InputFile, ...], Meta(min_length=1, max_length=MAX_PICTURES)],
        label("Pictures", "Pictures, or folders that contain pictures"),
    ]
    seconds: Annotated[
        Annotated[float, Meta(ge=0.04, le=3600.0)],
        label(
            "Time",
            "How long each picture is seen, in seconds",
            flags="--seconds",
            unit=" s",
            step=0.5,
            decimals=2,
        ),
    ] = 3.0
    motion: Annotated[
        Motion,
        label("Motion", "Of the camera: zooms, or pans over the picture", flags="--motion"),
    ] = "auto"
    fade: Annotated[
        Annotated[float, Meta(ge=0.0, le=10.0)],
        label(
            "Cross-fade",
            "From each picture to the next, in seconds; 0 cuts",
            flags="--fade",
            unit=" s",
            step=0.1,
            decimals=2,
        ),
    ] = 0.5
    fit: Annotated[
        Literal["fill", "whole"],
        label(
            "Fit",
            "Fill the frame, or show pictures as a whole before a plain ground",
            flags="--fit",
        ),
    ] = "fill"
    width: Annotated[
        Annotated[int, Meta(ge=16, le=8192)],
        label("Width", "In pixels", flags="--width", unit=" px", step=16),
    ] = 1280
    height: Annotated[
        Annotated[int, Meta(ge=16, le=8192)],
        label("Height", "In pixels", flags="--height", unit=" px", step=16),
    ] = 720
    fps: Annotated[
        Annotated[float, Meta(ge=1.0, le=120.0)],
        label("Frame rate", "Frames a second", flags="--fps", unit=" fps", decimals=3),
    ] = 25.0
    sound: Annotated[
        InputFile | None,
        label("Sound", "A file with music or speech, played from the beginning", flags="--sound"),
    ] = None
    loop: Annotated[
        bool,
        label("Loop", "The last picture fades into the first", flags="--loop"),
    ] = False
    quality: Annotated[
        Annotated[int, Meta(ge=1, le=100)],
        label("Quality", "Of the encoded film", flags="--quality"),
    ] = 75
    encoder: Annotated[
        Literal["auto", "av1", "vp9", "h264", "hevc", "x264", "x265"],
        label(
            "Encoder",
            "h264 and hevc are those of the system or the graphics card, where there are some",
            flags="--encoder",
        ),
    ] = "auto"
    format: Annotated[
        Literal["mp4", "mkv", "webm", "gif", "webp"],
        label("File format", "Of the film; GIF and WebP repeat and are silent", flags="--format"),
    ] = "mp4"
    title: Annotated[
        Annotated[str, Meta(max_length=200)],
        label("Title", "The file is named after it, instead of the first picture", flags="--title"),
    ] = ""
    voices: tuple[InputFile, ...] = ()
    shots: Annotated[tuple[Shot, ...], Meta(max_length=MAX_PICTURES)] = ()
    model: Name = ""
    count: Annotated[int, Meta(ge=1, le=1)] = 1
    seed: Seed | None = None


def shots_of(request: FilmRequest) -> tuple[Shot, ...]:
    """Return the shots with nothing left open."""
    shots = request.shots or tuple(Shot(number) for number in range(len(request.pictures)))
    return tuple(
        Shot(
            shot.picture,
            shot.seconds or request.seconds,
            shot.motion or request.motion,
            shot.voice,
            shot.text,
        )
        for shot in shots
    )


def seconds_of(request: FilmRequest) -> float:
    """Return the length of the film."""
    if not request.shots:
        return len(request.pictures) * request.seconds
    return sum(shot.seconds or request.seconds for shot in request.shots)


def is_moving_picture(request: FilmRequest) -> bool:
    """Return whether the result is a picture that moves, not a video."""
    return request.format in _MOVING_PICTURES


def _frames(request: FilmRequest) -> float:
    return max(1.0, seconds_of(request) * request.fps)


def _check(request: FilmRequest) -> Iterable[tuple[str, Sentence]]:
    if seconds_of(request) > MAX_SECONDS:
        yield (
            "seconds",
            sentence("The film would be longer than a day. Choose a shorter time."),
        )
    if request.format == "webm" and request.encoder not in ("auto", "av1", "vp9"):
        yield "format", sentence("WebM holds AV1 and VP9 only. Choose MP4 or Matroska.")
    if is_moving_picture(request):
        if request.sound is not None or request.voices:
            yield "sound", sentence("GIF and WebP have no sound. Choose MP4, Matroska or WebM.")
        if _frames(request) * request.width * request.height > MAX_LOOP_PIXELS:
            yield (
                "format",
                sentence(
                    "This is too much for a GIF or WebP, whose players keep all frames in memory."
                    " Choose a smaller size, a lower frame rate or fewer seconds, or a video."
                ),
            )
    elif (request.width | request.height) % 2:
        yield "width", sentence("Width and height of a video are even numbers.")
    if any(not 0 <= shot.picture < len(request.pictures) for shot in request.shots):
        yield "shots", sentence("A shot names a picture that there is not.")
    if any(shot.voice >= len(request.voices) for shot in request.shots):
        yield "shots", sentence("A shot names a voice that there is not.")


def _work(request: FilmRequest, _defaults: FilmRequest) -> float:
    return _frames(request) * request.width * request.height


def _measured(recipe: Recipe, request: FilmRequest) -> float:
    stats = recipe.stats
    return stats.get("made", 0.0) * request.width * request.height


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return weights + _WORKING_MEMORY


def _name_parts(request: FilmRequest) -> tuple[str, str]:
    if request.title.strip():
        return request.title, ""
    first = request.pictures[0].path.replace("\\", "/").rsplit("/", 1)[-1]
    return first.rpartition(".")[0] or first, "-film"


KIND: Kind[FilmRequest] = Kind(
    request=FilmRequest,
    medium=Medium.VIDEO,
    title="Film",
    icon="gallery-vertical",
    summary="show pictures as a film, a slideshow or a loop",
    action="Make a film",
    text_action="Make a storyboard",
    accepts=Medium.PICTURE,
    accepts_many=True,
    formats=(),
    no_model="A film needs no model.",
    wrong_model="A film needs no model: {name} is not used.",
    task_package="studio.engine.tasks.film",
    fake="studio.engine.tasks.film.fake:FAKE",
    workspace="studio.ui.workspaces.film.film_tab:FilmTab",
    timing=WorkTiming(work=_work, measured=_measured),
    fallback_name="film",
    is_seeded=False,
    needs_prompt=False,
    untimed_fields=frozenset({"seed", "voices", "sound", "quality", "format", "title"}),
    needs=lambda _: (),
    check=_check,
    size=lambda request, _: (request.width, request.height),
    memory=_memory,
    details=(
        "title",
        "pictures",
        "seconds",
        "motion",
        "fade",
        "fit",
        "fps",
        "sound",
        "loop",
        "quality",
        "encoder",
    ),
    compared=("seconds", "motion", "fade", "fit", "width", "height", "fps", "quality", "encoder"),
    name_parts=_name_parts,
    listed_as=lambda request: "".join(_name_parts(request)),
)
