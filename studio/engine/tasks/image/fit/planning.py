"""Turns a request into a plan that a loaded pipeline can carry out.

Controls that the model does not have are ignored with a warning, unsupported sizes are rounded,
and unset values get the model's defaults.
"""

from __future__ import annotations

from typing import Any

from studio.engine.local.job import Job
from studio.engine.tasks.image.draw.sampling import Plan
from studio.engine.tasks.image.model.img2img_support import Route, call_parameters, find_route
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.pictures.start_picture import fit, read_mask, read_picture, size_like
from studio.kinds.image import ImageRequest
from studio.protocol import Capabilities, problem, sentence


def make_plan(request: ImageRequest, loaded: LoadedPipeline, job: Job) -> Plan:
    """Return the plan for a request. Warns about all differences from the request.

    Raises `ProblemError` (`bad_input`) for an unreadable picture or mask, a mask without a
    picture, and an empty mask.
    """
    if request.mask is not None and request.image is None:
        raise problem("bad_input", "A mask needs a start picture.")
    capabilities = loaded.capabilities
    if not request.prompt.strip():
        job.warn(
            "no_prompt",
            sentence("There is no prompt, so the model decides what to draw."),
        )
    if loaded.layout.facts.alike and request.count > 1 and request.image is None:
        job.warn(
            "alike",
            sentence(
                "With this model, all variations of a prompt look nearly the same. For different"
                " pictures, change the words or the style in the prompt."
            ),
        )
    _warn_ignored(request, capabilities, job)
    _warn_truncated(request.prompt, loaded.pipeline, job)
    route = _route(request, loaded, capabilities)
    start = read_picture(job.path_of(request.image)) if request.image and route else None
    job.check()
    wanted = (capabilities.width, capabilities.height)
    free = "width" in capabilities.controls and "height" in capabilities.controls
    if start is not None and free and request.width is None and request.height is None:
        wanted = size_like(start, capabilities.width * capabilities.height)
    requested = (
        request.width if "width" in capabilities.controls else None,
        request.height if "height" in capabilities.controls else None,
    )
    size = (
        _nearest_valid_side(requested[0] or wanted[0], capabilities),
        _nearest_valid_side(requested[1] or wanted[1], capabilities),
    )
    if (requested[0] or size[0], requested[1] or size[1]) != size:
        job.warn(
            "size_rounded",
            sentence(
                "This model supports sides from {least} to {most} pixels in steps of {multiple}."
                " The size was changed to {width} × {height}.",
                least=capabilities.min_side,
                most=capabilities.max_side,
                multiple=capabilities.multiple,
                width=size[0],
                height=size[1],
            ),
        )
    guidance = capabilities.guidance_scale
    if "guidance_scale" in capabilities.controls and request.guidance_scale is not None:
        guidance = request.guidance_scale
    negative = request.negative_prompt if "negative_prompt" in capabilities.controls else ""
    if negative and guidance is not None and guidance <= 1.0:
        job.warn(
            "ignored_control",
            sentence("A negative prompt only has an effect with a guidance scale above 1."),
        )
    mask = None
    if start is not None and request.mask is not None and "mask" in capabilities.controls:
        mask = read_mask(job.path_of(request.mask), *size)
    steps = (
        request.steps if request.steps and "steps" in capabilities.controls else capabilities.steps
    )
    scheduler = (
        request.scheduler
        if request.scheduler in capabilities.schedulers
        else capabilities.scheduler
    )
    return Plan(
        prompt=request.prompt,
        negative_prompt=negative,
        width=size[0],
        height=size[1],
        steps=steps,
        guidance_scale=guidance,
        scheduler=scheduler,
        start=fit(start, *size) if start is not None else None,
        strength=request.strength,
        route=route,
        mask=mask,
    )


def _route(
    request: ImageRequest, loaded: LoadedPipeline, capabilities: Capabilities
) -> Route | None:
    if request.image is None or "image" not in capabilities.controls:
        return None
    return find_route(loaded.pipeline)


def _nearest_valid_side(side: int, capabilities: Capabilities) -> int:
    rounded = (side + capabilities.multiple // 2) // capabilities.multiple * capabilities.multiple
    return min(capabilities.max_side, max(capabilities.min_side, rounded))


def _warn_ignored(request: ImageRequest, capabilities: Capabilities, job: Job) -> None:
    warnings = {
        "negative_prompt": (
            bool(request.negative_prompt),
            sentence("This model does not support negative prompts. Yours was ignored."),
        ),
        "width": (
            request.width not in (None, capabilities.width),
            sentence(
                "This model always makes pictures {side} pixels wide.", side=capabilities.width
            ),
        ),
        "height": (
            request.height not in (None, capabilities.height),
            sentence(
                "This model always makes pictures {side} pixels high.", side=capabilities.height
            ),
        ),
        "steps": (
            request.steps is not None,
            sentence("This model always uses its own number of steps."),
        ),
        "guidance_scale": (
            request.guidance_scale not in (None, capabilities.guidance_scale),
            sentence("This model has no guidance scale. The value was ignored."),
        ),
        "image": (
            request.image is not None,
            sentence("This model cannot start from a picture. Yours was ignored."),
        ),
        "mask": (
            request.mask is not None,
            sentence("This model does not support inpainting. The mask was ignored."),
        ),
        "transparent": (
            request.transparent,
            sentence(
                "This model does not draw on plain white, so the background cannot be removed."
            ),
        ),
    }
    for control, (is_set, message) in warnings.items():
        if is_set and control not in capabilities.controls:
            job.warn("ignored_control", message)
    if request.scheduler and request.scheduler not in capabilities.schedulers:
        job.warn(
            "ignored_control",
            sentence(
                "The scheduler {name} does not work with this model. {own} is used instead.",
                name=request.scheduler,
                own=capabilities.scheduler,
            ),
        )


def _warn_truncated(prompt: str, pipeline: Any, job: Job) -> None:
    """Warn if a prompt is truncated, with the number of tokens that are lost.

    With several text encoders, the one with the highest limit counts. Special tokens that the
    tokenizer adds to every prompt are not counted.
    """
    longest = call_parameters(type(pipeline)).get("max_sequence_length")
    limits = [pipeline.config.get("prompt_max_tokens"), longest.default if longest else None]
    cuts: list[tuple[int, int]] = []
    for name, tokenizer in pipeline.components.items():
        if not name.startswith("tokenizer") or tokenizer is None:
            continue
        limits = [value for value in (*limits, tokenizer.model_max_length) if value]
        limit = int(min(limits))
        count = len(tokenizer(prompt, truncation=False, verbose=False)["input_ids"])
        around = tokenizer.num_special_tokens_to_add()
        cuts.append((max(0, count - limit), limit - around))
    if cuts and min(cuts)[0] > 0:
        lost, limit = min(cuts)
        job.warn(
            "context_cut",
            sentence(
                "The prompt is too long for this model, which reads {limit} tokens. Tokens ignored"
                " at the end: {lost}.",
                limit=limit,
                lost=lost,
            ),
        )
