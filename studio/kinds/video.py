"""Video: enlarge a video, and make its motion smooth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, ModelNeed, WorkTiming
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

MAX_FPS = 240.0

_WORKING_MEMORY = 1_800_000_000
"""Bytes for a frame of 4K in the models and in the queues around them."""


class VideoRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="video"):
    """Enlarge the frames of a video with an upscaler, add frames between them, or both.

    With `fps`, the result has that many frames a second and `smooth` has no effect. With the
    `encoder` "auto", AV1 is used, or VP9 for sizes that AV1 does not have; with the `format`
    "auto", the result stays an MP4 or WebM if that holds all its streams, and is a Matroska if
    not.
    """

    input: Annotated[InputFile, label("Video", "Videos, or folders that contain videos")]
    scale: Annotated[
        Literal[1, 2, 3, 4],
        label("Scale", "Factor for width and height", flags="--scale", unit="×"),
    ] = 1
    smooth: Annotated[
        Literal[1, 2, 4, 8],
        label("Smooth", "Factor for the frames a second", flags="--smooth", unit="×"),
    ] = 1
    fps: Annotated[
        Annotated[float, Meta(ge=0.0, le=MAX_FPS)],
        label(
            "Frame rate",
            "Frames a second of the result, instead of a factor; 0 leaves it to that",
            flags="--fps",
            unit=" fps",
            decimals=3,
        ),
    ] = 0.0
    quality: Annotated[
        Annotated[int, Meta(ge=1, le=100)],
        label("Quality", "Of the encoded video", flags="--quality"),
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
        Literal["auto", "mp4", "mkv", "webm"],
        label("File format", "Of the result", flags="--format"),
    ] = "auto"
    start: Annotated[
        Annotated[float, Meta(ge=0.0, le=1_000_000.0)],
        label("Start at", "Begin here, in seconds", flags="--start", unit=" s", step=1, decimals=2),
    ] = 0.0
    length: Annotated[
        Annotated[float, Meta(ge=0.0, le=1_000_000.0)],
        label(
            "Length",
            "Make this many seconds only; 0 goes on to the end",
            flags="--length",
            unit=" s",
            step=1,
            decimals=2,
        ),
    ] = 0.0
    model: Annotated[
        Name, label("Upscaler", "The id or path of the model that enlarges", flags="--model")
    ] = ""
    interpolator: Annotated[
        Name,
        label(
            "Smoothing model",
            "The id or path of the model that makes frames between others",
            flags="--interpolator",
        ),
    ] = ""
    count: Annotated[int, Meta(ge=1, le=1)] = 1
    seed: Seed | None = None


def smooths(request: VideoRequest) -> bool:
    """Return whether a request adds frames."""
    return request.smooth > 1 or request.fps > 0


def _check(request: VideoRequest) -> Iterable[tuple[str, Sentence]]:
    if request.scale == 1 and not smooths(request):
        yield (
            "scale",
            sentence("Choose what to do with the video: a scale, a smoothing or a frame rate."),
        )
    if request.fps and request.fps < 1:
        yield "fps", sentence("A frame rate is at least 1 frame a second.")
    if request.format == "webm" and request.encoder not in ("auto", "av1", "vp9"):
        yield "format", sentence("WebM holds AV1 and VP9 only. Choose MP4 or Matroska.")


def _needs(request: VideoRequest) -> tuple[ModelNeed, ...]:
    scale = request.scale

    def rank(model: ModelRef) -> int | None:
        if scale in model.scales:
            return 0
        return None if model.scales else 1

    def unsuitable(model: ModelRef) -> Sentence:
        return sentence(
            "The model {name} enlarges {scales} times, not {scale} times. "
            "Choose another scale or another model.",
            name=model.name,
            scales=", ".join(map(str, model.scales)),
            scale=scale,
        )

    upscaler = ModelNeed(
        "upscale",
        request.model,
        ("upscaler",),
        rank=rank,
        unsuitable=unsuitable,
        none_suitable=sentence(
            "No installed model enlarges {scale} times. Choose another scale, or add a model.",
            scale=scale,
        ),
    )
    interpolator = ModelNeed(request.task, request.interpolator, ("interpolator",))
    if scale == 1:
        return (interpolator,)
    return (upscaler, interpolator) if smooths(request) else (upscaler,)


def _measured(recipe: Recipe, _request: VideoRequest) -> float:
    stats = recipe.stats
    return stats.get("source_width", 0) * stats.get("source_height", 0) * stats.get("frames", 0)


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return weights + _WORKING_MEMORY


def _name_parts(request: VideoRequest) -> tuple[str, str]:
    suffix = f"-x{request.scale}" if request.scale > 1 else ""
    if request.fps:
        suffix += f"-{request.fps:g}fps"
    elif request.smooth > 1:
        suffix += f"-smooth{request.smooth}"
    if request.start or request.length:
        suffix += "-part"
    return PurePath(request.input.path).stem, suffix


KIND: Kind[VideoRequest] = Kind(
    request=VideoRequest,
    medium=Medium.VIDEO,
    title="Video",
    icon="film",
    summary="enlarge videos and make their motion smooth",
    action="Send to Video",
    accepts=Medium.VIDEO,
    accepts_many=True,
    formats=("rife",),
    no_model="There is no smoothing model yet. Install the starter models, or add your own.",
    wrong_model="{name} does not make frames between others. Choose a smoothing model.",
    task_package="studio.engine.tasks.video",
    fake="studio.engine.tasks.video.fake:FAKE",
    workspace="studio.ui.workspaces.video.video_tab:VideoTab",
    timing=WorkTiming(work=lambda *_: 0.0, measured=_measured, input=lambda request: request.input),
    fallback_name="video",
    is_seeded=False,
    needs_prompt=False,
    untimed_fields=frozenset({"seed", "quality", "format"}),
    needs=_needs,
    check=_check,
    memory=_memory,
    details=("input", "scale", "smooth", "fps", "quality", "encoder", "start", "length"),
    compared=("scale", "smooth", "fps", "quality", "encoder"),
    name_parts=_name_parts,
)
