"""Clip: a short video from a prompt, from a picture, or continuing another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, WorkTiming
from studio.protocol import (
    Capabilities,
    Count,
    InputFile,
    ModelRef,
    Name,
    Prompt,
    Recipe,
    Request,
    Seed,
    Sentence,
    sentence,
)

MAX_FRAMES = 2000

_DENOISE, _DECODE = 60, 200
"""Rough peak elements per pixel of all frames, of video models."""

Side = Annotated[int, Meta(ge=64, le=4096)]


class ClipRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="clip"):
    """Generate `count` clips with a diffusion pipeline, clip *i* from seed `seed + i`.

    None and 0 mean "what suits the loaded model"; the recipe records the value that was used.
    `image` and `last_image` are the first and the last frame. With `input`, the clip goes on from
    the last frame of that video, which is not repeated.
    """

    prompt: Annotated[Prompt, label("Prompt", "What happens in the clip", flags="-p --prompt")] = ""
    negative_prompt: Annotated[
        Prompt, label("Negative prompt", "What should not be in the clip", flags="--negative")
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1
    image: Annotated[
        InputFile | None,
        label("First frame", "The picture that the clip begins with", flags="--image"),
    ] = None
    last_image: Annotated[
        InputFile | None,
        label("Last frame", "The picture that the clip ends with", flags="--last-image"),
    ] = None
    input: Annotated[
        InputFile | None,
        label(
            "Continue video", "A video whose last frame the clip goes on from", flags="--continue"
        ),
    ] = None
    frames: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_FRAMES)] | None,
        label("Frames", "How many frames the clip has", flags="--frames"),
    ] = None
    fps: Annotated[
        Annotated[float, Meta(ge=1.0, le=120.0)] | None,
        label("Frame rate", "Frames a second", flags="--fps", unit=" fps", decimals=2),
    ] = None
    width: Annotated[Side | None, label("Width", unit=" px", step=32)] = None
    height: Annotated[Side | None, label("Height", unit=" px", step=32)] = None
    steps: Annotated[
        Annotated[int, Meta(ge=1, le=500)] | None,
        label("Steps", "More steps take longer and add detail, up to a point", flags="--steps"),
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=0.0, le=50.0)] | None,
        label(
            "Guidance scale",
            "How closely the clip follows the prompt",
            flags="--guidance",
            step=0.5,
            decimals=1,
        ),
    ] = None
    quality: Annotated[
        Annotated[int, Meta(ge=1, le=100)],
        label("Quality", "Of the encoded video", flags="--quality"),
    ] = 85
    encoder: Annotated[
        Literal["auto", "av1", "vp9", "h264", "hevc", "x264", "x265"],
        label("Encoder", "Of the encoded video", flags="--encoder"),
    ] = "auto"


def output_size(request: ClipRequest, capabilities: Capabilities | None) -> tuple[int, int]:
    """Return the width and height that the engine will generate, 0 if unknown."""
    if capabilities is None:
        return request.width or 0, request.height or 0
    return request.width or capabilities.width, request.height or capabilities.height


def _check(request: ClipRequest) -> Iterator[tuple[str, Sentence]]:
    if not request.prompt.strip() and request.image is None and request.input is None:
        yield "prompt", sentence("Write a prompt, or choose the picture that the clip begins with.")
    if request.image is not None and request.input is not None:
        yield "image", sentence("A clip that continues a video begins with the last frame of that.")


def _complete(request: ClipRequest, capabilities: Capabilities) -> ClipRequest:
    width, height = output_size(request, capabilities)
    return request.with_values(
        width=width,
        height=height,
        steps=request.steps or capabilities.steps,
        frames=request.frames or capabilities.frames or None,
        fps=request.fps or capabilities.fps or None,
    )


def _work(request: ClipRequest, defaults: ClipRequest) -> float:
    """Return pixels × frames × steps of one clip."""
    width = request.width or defaults.width or 832
    height = request.height or defaults.height or 480
    frames = request.frames or defaults.frames or 81
    return float(width * height * frames * (request.steps or defaults.steps or 30))


def _measured(_recipe: Recipe, request: ClipRequest) -> float:
    return _work(request, request)


def _call_size(request: ClipRequest, capabilities: Capabilities | None) -> float:
    """Return the pixels of all frames, 0 if unknown."""
    width, height = output_size(request, capabilities)
    frames = request.frames or (capabilities.frames if capabilities is not None else 0)
    return float(width * height * frames)


def _memory(_model: ModelRef, weights: int, weight_bytes: int, pixels: float | None) -> int:
    return weights + int((pixels or 832 * 480 * 81) * (_DENOISE + _DECODE) * weight_bytes / 4)


KIND: Kind[ClipRequest] = Kind(
    request=ClipRequest,
    medium=Medium.VIDEO,
    title="Clip",
    icon="clapperboard",
    summary="generate short videos from a prompt or a picture",
    action="Send to Clip",
    text_action="Send to Clip",
    accepts=Medium.PICTURE,
    accepts_also=(Medium.VIDEO,),
    formats=("diffusers-video",),
    hub_tags=("text-to-video", "image-to-video"),
    no_model="There is no model for clips yet, and none comes with the app. Get one from the list.",
    wrong_model="{name} does not generate videos. Choose a model that does.",
    task_package="studio.engine.tasks.clip",
    fake="studio.engine.tasks.clip.fake:FAKE",
    workspace="studio.ui.workspaces.clip.clip_tab:ClipTab",
    describer="studio.engine.tasks.clip.model.pipelines:describe",
    timing=WorkTiming(work=_work, measured=_measured),
    fallback_name="clip",
    needs_prompt=False,
    untimed_fields=frozenset({"prompt", "negative_prompt", "seed", "count", "quality", "encoder"}),
    check=_check,
    follows_input=frozenset({"width", "height"}),
    complete=_complete,
    size=output_size,
    call_size=_call_size,
    memory=_memory,
    least_share=lambda *_: 0.3,
    halves_precision=True,
    offloads=True,
    details=(
        "seed",
        "negative_prompt",
        "image",
        "last_image",
        "input",
        "frames",
        "fps",
        "steps",
        "guidance_scale",
        "quality",
        "encoder",
    ),
    compared=("frames", "fps", "steps", "guidance_scale", "image", "last_image", "negative_prompt"),
    axes=("steps", "guidance_scale", "seed", "size", "model"),
)
