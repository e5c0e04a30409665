"""Image: pictures from a prompt, and from a picture to start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from studio.formats import a1111
from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, ModelNeed, WorkTiming
from studio.protocol import (
    Adapter,
    Capabilities,
    Count,
    Fraction,
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

_DECODE = 1_700
"""Elements held at once for each pixel while a VAE decodes, measured on Stable Diffusion's."""

_LARGE_PIPELINES = (
    "XL",
    "3",
    "Flux",
    "PixArt",
    "Sana",
    "Qwen",
    "ZImage",
    "Lumina",
    "Aura",
    "Kolors",
)

Side = Annotated[int, Meta(ge=64, le=8192)]


class ImageRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="image"):
    """Ask a diffusion pipeline for `count` pictures, image *i* from seed `seed + i`.

    None means "what suits the loaded model"; the recipe records the value that was used.
    Sizes are pixels. `strength` (0 to 1) counts only with `image` (image-to-image). `mask` goes
    with `image` too (inpainting): a picture that is fitted as `image` is; what is white there is
    drawn, what is black stays as it is. `adapters` are models on top of the base model (LoRA).
    """

    prompt: Annotated[Prompt, label("Prompt", "What you want to get", option="-p --prompt")]
    negative_prompt: Annotated[
        Prompt,
        label("Negative prompt", "What should not be in the picture", option="--negative"),
    ] = ""
    model: Annotated[Name, label("Model", "A model's id or its path", option="--model")] = ""
    adapters: Annotated[tuple[Adapter, ...], label("Adapters")] = ()
    seed: Annotated[Seed | None, label("Seed", option="--seed")] = None
    count: Annotated[Count, label("Variations", option="-n --count")] = 1
    width: Annotated[Side | None, label("Width", unit=" px", step=64)] = None
    height: Annotated[Side | None, label("Height", unit=" px", step=64)] = None
    steps: Annotated[
        Annotated[int, Meta(ge=1, le=500)] | None,
        label("Steps", "More steps take longer and add detail, up to a point", option="--steps"),
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=0.0, le=50.0)] | None,
        label(
            "Guidance scale",
            "How closely the picture follows the prompt",
            option="--guidance",
            step=0.5,
            decimals=1,
        ),
    ] = None
    scheduler: Annotated[Name, label("Scheduler", "A class of diffusers", option="--scheduler")] = (
        ""
    )
    image: Annotated[
        InputFile | None, label("Start picture", "A picture to start from", option="--image")
    ] = None
    strength: Annotated[
        Fraction,
        label(
            "Strength",
            "0 keeps the picture, 1 draws it anew",
            option="--strength",
            step=0.05,
            decimals=2,
            goes_with="image",
        ),
    ] = 0.6
    mask: Annotated[
        InputFile | None,
        label(
            "Mask",
            "With a start picture: white is drawn anew, black stays",
            option="--mask",
            goes_with="image",
        ),
    ] = None
    transparent: Annotated[
        bool,
        label("Transparent background", "Where the model allows it", option="--transparent"),
    ] = False


def drawn_size(request: ImageRequest, can: Capabilities | None) -> tuple[int, int]:
    """Return the width and height that the engine will draw, 0 where they cannot be told."""
    if can is None:
        return request.width or 0, request.height or 0
    width = request.width if "width" in can.controls else None
    height = request.height if "height" in can.controls else None
    return width or can.width, height or can.height


def _check(request: ImageRequest) -> Iterator[tuple[str, Sentence]]:
    if request.mask is not None and request.image is None:
        yield "mask", sentence("A mask needs a start picture.")


def _needs(request: ImageRequest) -> tuple[ModelNeed, ...]:
    task = request.task
    adapters = (ModelNeed(task, adapter.model, "lora") for adapter in request.adapters)
    return (ModelNeed(task, request.model), *adapters)


def _complete(request: ImageRequest, can: Capabilities) -> ImageRequest:
    width, height = drawn_size(request, can)
    steps = request.steps if "steps" in can.controls else None
    return request.with_values(width=width, height=height, steps=steps or can.steps)


def _work(request: ImageRequest, like: ImageRequest) -> float:
    """Return the pixel steps of one picture."""
    width = request.width or like.width or 512
    height = request.height or like.height or 512
    steps = float(request.steps or like.steps or 20)
    if request.image is not None:
        steps = max(1.0, steps * request.strength)
    return width * height * steps


def _memory(
    model: ModelRef, weights: int, weight: int, width: int | None, height: int | None
) -> int:
    side = 1024 if any(mark in model.family for mark in _LARGE_PIPELINES) else 512
    pixels = (width or side) * (height or side)
    # Pixel-space pipelines have no VAE to decode with.
    elements = 300 if "Pixel" in model.family else _DECODE
    return weights + pixels * elements * weight


def _embedded_text(recipe: Recipe, width: int, height: int) -> tuple[str, str] | None:
    request = recipe.request
    if not isinstance(request, ImageRequest):
        return None
    fields: dict[str, object] = {}
    if request.steps is not None:
        fields["Steps"] = request.steps
    if request.scheduler:
        fields["Sampler"] = a1111.SAMPLERS.get(request.scheduler, request.scheduler)
    if request.guidance_scale is not None:
        fields["CFG scale"] = float(request.guidance_scale)
    fields["Seed"] = recipe.seed
    fields["Size"] = f"{width}x{height}"
    if recipe.model_sha256:
        fields["Model hash"] = recipe.model_sha256[:10]
    if recipe.model_name or recipe.model_id:
        fields["Model"] = recipe.model_name or recipe.model_id
    if request.image is not None:
        fields["Denoising strength"] = float(request.strength)
    if recipe.app:
        fields["Version"] = recipe.app
    text = a1111.parameters_text(request.prompt, request.negative_prompt, fields)
    return a1111.PARAMETERS, text


KIND: Kind[ImageRequest] = Kind(
    request=ImageRequest,
    medium=Medium.PICTURE,
    title="Image",
    icon="image",
    summary="draw pictures from a prompt",
    action="Send to Image",
    formats=("diffusers", "single_file"),
    no_model="There is no image model yet. Add a diffusers folder or a .safetensors checkpoint.",
    wrong_model="{name} is no image model. Choose one that makes pictures.",
    task_package="studio.engine.tasks.image",
    fake="studio.engine.tasks.image.fake:FAKE",
    workspace="studio.ui.workspaces.image.image_tab:ImageTab",
    describer="studio.engine.tasks.image.model.describe:describe",
    timing=WorkTiming(work=_work, measured=lambda _, request: _work(request, request)),
    fallback_name="image",
    needs_prompt=False,
    rows_together=16,
    shares_calls=lambda request: request.image is None,
    untimed_fields=frozenset({"prompt", "negative_prompt", "seed", "count", "mask"}),
    check=_check,
    needs=_needs,
    complete=_complete,
    size=drawn_size,
    memory=_memory,
    details=("seed", "negative_prompt", "adapters", "steps", "guidance_scale"),
    compared=(
        "steps",
        "guidance_scale",
        "scheduler",
        "adapters",
        "image",
        "strength",
        "mask",
        "negative_prompt",
    ),
    axes=("steps", "guidance_scale", "seed", "size", "scheduler", "model"),
    embedded_text=_embedded_text,
)
