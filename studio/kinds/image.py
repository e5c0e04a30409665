"""Image: pictures from a prompt, optionally with a start picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from studio.formats.pictures import a1111
from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, ModelNeed, WorkTiming
from studio.protocol import (
    COMPANION_ROLES,
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
"""Peak elements per pixel while a VAE decodes, measured with Stable Diffusion's VAE."""

_DENOISE_IN_PIXELS = 300
"""The same for pipelines that denoise pixels."""

_TILED_SHARE = 0.15
"""Rough share of the memory per pixel that remains when the VAE works in tiles."""

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
    """Generate `count` pictures with a diffusion pipeline, image *i* from seed `seed + i`.

    None means "what suits the loaded model"; the recipe records the value that was used.
    Sizes are pixels. `strength` (0 to 1) needs `image` (image-to-image). `mask` needs `image`
    too (inpainting) and is fitted to the same size: white is redrawn, black is kept.
    `adapters` are applied to the base model (LoRA).
    """

    prompt: Annotated[Prompt, label("Prompt", "What you want to get", flags="-p --prompt")]
    negative_prompt: Annotated[
        Prompt,
        label("Negative prompt", "What should not be in the picture", flags="--negative"),
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    adapters: Annotated[
        tuple[Adapter, ...],
        label("LoRA", "A LoRA or embedding, with its weight after a colon", flags="--lora"),
    ] = ()
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1
    width: Annotated[Side | None, label("Width", unit=" px", step=64)] = None
    height: Annotated[Side | None, label("Height", unit=" px", step=64)] = None
    steps: Annotated[
        Annotated[int, Meta(ge=1, le=500)] | None,
        label("Steps", "More steps take longer and add detail, up to a point", flags="--steps"),
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=0.0, le=50.0)] | None,
        label(
            "Guidance scale",
            "How closely the picture follows the prompt",
            flags="--guidance",
            step=0.5,
            decimals=1,
        ),
    ] = None
    scheduler: Annotated[
        Name, label("Scheduler", "The name of a diffusers scheduler class", flags="--scheduler")
    ] = ""
    image: Annotated[
        InputFile | None, label("Start picture", "The picture to start from", flags="--image")
    ] = None
    strength: Annotated[
        Fraction,
        label(
            "Strength",
            "0 keeps the picture, 1 redraws it completely",
            flags="--strength",
            step=0.05,
            decimals=2,
            requires="image",
        ),
    ] = 0.6
    mask: Annotated[
        InputFile | None,
        label(
            "Mask",
            "With a start picture: white is redrawn, black is kept",
            flags="--mask",
            requires="image",
        ),
    ] = None
    transparent: Annotated[
        bool,
        label(
            "Transparent background",
            "Remove the white background, if the model supports it",
            flags="--transparent",
        ),
    ] = False


def output_size(request: ImageRequest, capabilities: Capabilities | None) -> tuple[int, int]:
    """Return the width and height that the engine will generate, 0 if unknown."""
    if capabilities is None:
        return request.width or 0, request.height or 0
    width = request.width if "width" in capabilities.controls else None
    height = request.height if "height" in capabilities.controls else None
    return width or capabilities.width, height or capabilities.height


def _check(request: ImageRequest) -> Iterator[tuple[str, Sentence]]:
    if request.mask is not None and request.image is None:
        yield "mask", sentence("A mask needs a start picture.")


def _needs(request: ImageRequest) -> tuple[ModelNeed, ...]:
    task = request.task
    adapters = (
        ModelNeed(task, adapter.model, ("lora", "embedding")) for adapter in request.adapters
    )
    base = ModelNeed(task, request.model, ("base", "denoiser"), rank=_rank)
    return (base, *adapters)


def _rank(model: ModelRef) -> int | None:
    # A denoiser needs other models, which may not be there.
    return int(model.role == "denoiser")


def _complete(request: ImageRequest, capabilities: Capabilities) -> ImageRequest:
    width, height = output_size(request, capabilities)
    steps = request.steps if "steps" in capabilities.controls else None
    return request.with_values(width=width, height=height, steps=steps or capabilities.steps)


def _work(request: ImageRequest, defaults: ImageRequest) -> float:
    """Return pixels × steps of one picture."""
    width = request.width or defaults.width or 512
    height = request.height or defaults.height or 512
    steps = float(request.steps or defaults.steps or 20)
    if request.image is not None:
        steps = max(1.0, steps * request.strength)
    return width * height * steps


def _call_size(request: ImageRequest, capabilities: Capabilities | None) -> float:
    """Return the pixels of one picture, 0 if unknown."""
    width, height = output_size(request, capabilities)
    return float(width * (height or width))


def _memory(model: ModelRef, weights: int, weight_bytes: int, pixels: float | None) -> int:
    if pixels is None:
        side = 1024 if any(name in model.family for name in _LARGE_PIPELINES) else 512
        pixels = side**2
    elements = _DENOISE_IN_PIXELS if _works_in_pixels(model) else _DECODE
    return weights + int(pixels * elements * weight_bytes)


def _least_share(model: ModelRef, _request: ImageRequest) -> float:
    return 1.0 if _works_in_pixels(model) else _TILED_SHARE


def _works_in_pixels(model: ModelRef) -> bool:
    """Return whether a pipeline has no VAE, which could work in tiles."""
    return "Pixel" in model.family


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
    summary="generate pictures from a prompt",
    action="Send to Image",
    formats=("diffusers", "single_file"),
    companion_formats=tuple(sorted(COMPANION_ROLES - {"vocoder", "embedder"})),
    hub_tags=("text-to-image",),
    no_model="There is no image model yet. Add a diffusers folder or a .safetensors checkpoint.",
    wrong_model="{name} is not an image model. Choose one that makes pictures.",
    task_package="studio.engine.tasks.image",
    fake="studio.engine.tasks.image.fake:FAKE",
    workspace="studio.ui.workspaces.image.image_tab:ImageTab",
    describer="studio.engine.tasks.image.model.describe:describe",
    timing=WorkTiming(work=_work, measured=lambda _, request: _work(request, request)),
    fallback_name="image",
    needs_prompt=False,
    max_shared_rows=16,
    shares_calls=lambda request: request.image is None,
    untimed_fields=frozenset({"prompt", "negative_prompt", "seed", "count", "mask"}),
    check=_check,
    needs=_needs,
    follows_input=frozenset({"width", "height"}),
    complete=_complete,
    size=output_size,
    call_size=_call_size,
    memory=_memory,
    least_share=_least_share,
    halves_precision=True,
    offloads=True,
    details=(
        "seed",
        "negative_prompt",
        "adapters",
        "steps",
        "guidance_scale",
        "scheduler",
        "image",
        "strength",
        "mask",
        "transparent",
    ),
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
