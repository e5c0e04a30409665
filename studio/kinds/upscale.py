"""Upscale: enlarge a picture."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio.formats.pictures import a1111
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

_TILE = 900_000_000
"""Most bytes that an upscaler uses for one tile before the tiles are made smaller."""

_SMALL_TILE_SHARE = 0.1
"""Share of that memory that the smallest useful tiles need."""


class UpscaleRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="upscale"):
    """Enlarge one picture. The model must support the `scale` (2, 3 or 4).

    A `drawing` is enlarged with smooth outlines instead, without the model. With the `format`
    "input", a JPEG stays a JPEG and a WebP a WebP; from everything else, a PNG is made.
    """

    input: Annotated[InputFile, label("From", "Pictures, or folders that contain pictures")]
    scale: Annotated[
        Literal[2, 3, 4],
        label("Scale", "Factor for width and height", flags="--scale", unit="×"),
    ] = 2
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    drawing: Annotated[
        bool,
        label(
            "Drawing",
            "Smooth outlines, for icons and drawings; the model is for photographs",
            flags="--drawing",
        ),
    ] = False
    format: Annotated[
        Literal["input", "png", "jpeg", "webp"],
        label("File format", "Of the result; `input` keeps that of the picture", flags="--format"),
    ] = "input"
    count: Annotated[int, Meta(ge=1, le=1)] = 1
    seed: Seed | None = None


def _needs(request: UpscaleRequest) -> tuple[ModelNeed, ...]:
    if request.drawing:
        return ()
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

    none = sentence(
        "No installed model enlarges {scale} times. Choose another scale, or add a model.",
        scale=scale,
    )
    return (
        ModelNeed(
            request.task,
            request.model,
            ("upscaler",),
            rank=rank,
            unsuitable=unsuitable,
            none_suitable=none,
        ),
    )


def _measured(recipe: Recipe, request: UpscaleRequest) -> float:
    stats = recipe.stats
    return stats.get("width", 0.0) * stats.get("height", 0.0) / request.scale**2


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return weights + _TILE


def _embedded_text(recipe: Recipe, _width: int, _height: int) -> tuple[str, str]:
    """Return the text that A1111's "Extras" tab writes into an enlarged picture."""
    request = recipe.request
    scale = request.scale if isinstance(request, UpscaleRequest) else 1
    fields = {
        "Postprocess upscale by": scale,
        "Postprocess upscaler": recipe.model_name or recipe.model_id or "smooth outlines",
    }
    return a1111.POSTPROCESSING, a1111.settings_line(fields)


def _name_parts(request: UpscaleRequest) -> tuple[str, str]:
    return PurePath(request.input.path).stem, f"-x{request.scale}"


KIND: Kind[UpscaleRequest] = Kind(
    request=UpscaleRequest,
    medium=Medium.PICTURE,
    title="Upscale",
    icon="image-upscale",
    summary="enlarge pictures and photographs",
    action="Send to Upscale",
    accepts_many=True,
    formats=("spandrel",),
    hub_tags=("image-to-image",),
    no_model="There is no upscaler yet. Install the starter models, or add your own.",
    wrong_model="{name} is not an upscaler. Choose a model that enlarges pictures.",
    task_package="studio.engine.tasks.upscale",
    fake="studio.engine.tasks.upscale.fake:FAKE",
    workspace="studio.ui.workspaces.upscale.upscale_tab:UpscaleTab",
    timing=WorkTiming(work=lambda *_: 0.0, measured=_measured, input=lambda request: request.input),
    fallback_name="picture",
    is_seeded=False,
    needs_prompt=False,
    untimed_fields=frozenset({"seed"}),
    needs=_needs,
    memory=_memory,
    least_share=lambda *_: _SMALL_TILE_SHARE,
    details=("input", "scale", "drawing"),
    compared=("scale", "drawing"),
    embedded_text=_embedded_text,
    name_parts=_name_parts,
)
