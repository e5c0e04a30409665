"""Music: a piece of music or a sound from a description, with lyrics where the model sings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, WorkTiming
from studio.protocol import (
    Capabilities,
    Count,
    ModelRef,
    Name,
    Prompt,
    Recipe,
    Request,
    Seed,
    Sentence,
    sentence,
)

MAX_SECONDS = 600.0
MAX_LYRICS = 20_000
"""Characters. Models read about 2,000 tokens of them."""

_DECODE = 30_000
"""Rough peak elements for a thousandth of a second while the VAE decodes at 48 kHz."""

_USUAL_SECONDS = 60.0


class MusicRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="music"):
    """Generate `count` pieces with a diffusion pipeline, piece *i* from seed `seed + i`.

    None means "what suits the loaded model"; the recipe records the value that was used.
    """

    prompt: Annotated[
        Prompt,
        label("Prompt", "Style, instruments, mood and tempo, or a sound", flags="-p --prompt"),
    ]
    lyrics: Annotated[
        Prompt,
        label(
            "Lyrics",
            "What is sung, with [verse] and [chorus] on lines of their own; empty for music without"
            " a voice",
            flags="--lyrics",
            at_file=True,
        ),
    ] = ""
    language: Annotated[
        Annotated[str, Meta(max_length=20)],
        label("Language of the lyrics", "Its code, such as en or zh", flags="--language"),
    ] = ""
    negative_prompt: Annotated[
        Prompt, label("Negative prompt", "What should not be heard", flags="--negative")
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1
    seconds: Annotated[
        Annotated[float, Meta(ge=1.0, le=MAX_SECONDS)] | None,
        label(
            "Length",
            "Seconds; models were trained for lengths up to their own limit",
            flags="--seconds",
            unit=" s",
            step=5,
            decimals=1,
        ),
    ] = None
    steps: Annotated[
        Annotated[int, Meta(ge=1, le=500)] | None,
        label("Steps", "More steps take longer and add detail, up to a point", flags="--steps"),
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=0.0, le=50.0)] | None,
        label(
            "Guidance scale",
            "How closely the music follows the prompt",
            flags="--guidance",
            step=0.5,
            decimals=1,
        ),
    ] = None
    format: Annotated[
        Literal["wav", "flac", "opus", "mp3"],
        label("Format", "Of the sound file", flags="--format"),
    ] = "wav"
    loudness: Annotated[
        Annotated[float, Meta(ge=-40.0, le=-5.0)],
        label(
            "Loudness",
            "By EBU R128: -14 for music on the web, -23 for broadcasting",
            flags="--loudness",
            unit=" LUFS",
            step=1,
            decimals=1,
        ),
    ] = -14.0


def _check(request: MusicRequest) -> Iterator[tuple[str, Sentence]]:
    if not request.prompt.strip() and not request.lyrics.strip():
        yield "prompt", sentence("Describe the music or the sound that you want.")
    if len(request.lyrics) > MAX_LYRICS:
        yield (
            "lyrics",
            sentence(
                "The lyrics have {length} characters, and {most} is the limit. Make a song of each"
                " part.",
                length=len(request.lyrics),
                most=MAX_LYRICS,
            ),
        )


def _complete(request: MusicRequest, capabilities: Capabilities) -> MusicRequest:
    return request.with_values(
        seconds=request.seconds or capabilities.seconds or None,
        steps=request.steps or capabilities.steps,
    )


def _work(request: MusicRequest, defaults: MusicRequest) -> float:
    """Return seconds × steps of one piece."""
    seconds = request.seconds or defaults.seconds or _USUAL_SECONDS
    return seconds * (request.steps or defaults.steps or 50)


def _measured(_recipe: Recipe, request: MusicRequest) -> float:
    return _work(request, request)


def _call_size(request: MusicRequest, capabilities: Capabilities | None) -> float:
    """Return milliseconds of sound, 0 if unknown."""
    seconds = request.seconds or (capabilities.seconds if capabilities is not None else 0.0)
    return 1000.0 * seconds


def _memory(_model: ModelRef, weights: int, weight_bytes: int, length: float | None) -> int:
    return weights + int((length or 1000 * _USUAL_SECONDS) * _DECODE * weight_bytes / 4)


KIND: Kind[MusicRequest] = Kind(
    request=MusicRequest,
    medium=Medium.AUDIO,
    title="Music",
    icon="music",
    summary="generate music and sounds from a description",
    text_action="Send to Music",
    formats=("diffusers-audio",),
    hub_tags=("text-to-audio",),
    no_model="There is no model for music yet, and none comes with the app. Get one from the list.",
    wrong_model="{name} does not generate music. Choose a model that does.",
    task_package="studio.engine.tasks.music",
    fake="studio.engine.tasks.music.fake:FAKE",
    workspace="studio.ui.workspaces.music.music_tab:MusicTab",
    describer="studio.engine.tasks.music.model.pipelines:describe",
    timing=WorkTiming(work=_work, measured=_measured),
    fallback_name="music",
    needs_prompt=False,
    untimed_fields=frozenset(
        {"prompt", "negative_prompt", "lyrics", "language", "seed", "count", "format", "loudness"}
    ),
    check=_check,
    complete=_complete,
    call_size=_call_size,
    memory=_memory,
    least_share=lambda *_: 0.4,
    halves_precision=True,
    offloads=True,
    details=(
        "seed",
        "lyrics",
        "language",
        "negative_prompt",
        "seconds",
        "steps",
        "guidance_scale",
        "loudness",
    ),
    compared=("lyrics", "seconds", "steps", "guidance_scale", "negative_prompt"),
)
