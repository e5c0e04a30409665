"""From a request to a plan that a loaded pipeline can carry out, saying what was changed.

A control that the model does not have is left out with a warning; a size that it cannot make is
rounded; what the person left open gets the model's own default.
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
    """Return what is to be drawn. Warns about everything that differs from the request.

    Raises `ProblemError` (`bad_input`) for a picture or a mask that cannot be read, a mask
    without a picture, and a mask in which nothing is marked.
    """
    if request.mask is not None and request.image is None:
        raise problem("bad_input", "A mask needs a start picture.")
    can = loaded.capabilities
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
    _warn_ignored(request, can, job)
    _warn_cut(request.prompt, loaded.pipeline, job)
    route = _route(request, loaded, can)
    start = read_picture(job.path_of(request.image)) if request.image and route else None
    job.check()
    wanted = (can.width, can.height)
    free = "width" in can.controls and "height" in can.controls
    if start is not None and free and request.width is None and request.height is None:
        wanted = size_like(start, can.width * can.height)
    asked = (
        request.width if "width" in can.controls else None,
        request.height if "height" in can.controls else None,
    )
    size = _possible(asked[0] or wanted[0], can), _possible(asked[1] or wanted[1], can)
    if (asked[0] or size[0], asked[1] or size[1]) != size:
        job.warn(
            "size_rounded",
            sentence(
                "This model supports sides from {least} to {most} pixels in steps of {multiple}."
                " The size was changed to {width} × {height}.",
                least=can.min_side,
                most=can.max_side,
                multiple=can.multiple,
                width=size[0],
                height=size[1],
            ),
        )
    guidance = can.guidance_scale
    if "guidance_scale" in can.controls and request.guidance_scale is not None:
        guidance = request.guidance_scale
    negative = request.negative_prompt if "negative_prompt" in can.controls else ""
    if negative and guidance is not None and guidance <= 1.0:
        job.warn(
            "ignored_control",
            sentence("A negative prompt only has an effect with a guidance scale above 1."),
        )
    mask = None
    if start is not None and request.mask is not None and "mask" in can.controls:
        mask = read_mask(job.path_of(request.mask), *size)
    steps = request.steps if request.steps and "steps" in can.controls else can.steps
    scheduler = request.scheduler if request.scheduler in can.schedulers else can.scheduler
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


def _route(request: ImageRequest, loaded: LoadedPipeline, can: Capabilities) -> Route | None:
    if request.image is None or "image" not in can.controls:
        return None
    return find_route(loaded.pipeline)


def _possible(side: int, can: Capabilities) -> int:
    rounded = (side + can.multiple // 2) // can.multiple * can.multiple
    return min(can.max_side, max(can.min_side, rounded))


def _warn_ignored(request: ImageRequest, can: Capabilities, job: Job) -> None:
    warnings = {
        "negative_prompt": (
            bool(request.negative_prompt),
            sentence("This model does not support negative prompts. Yours was ignored."),
        ),
        "width": (
            request.width not in (None, can.width),
            sentence("This model always makes pictures {side} pixels wide.", side=can.width),
        ),
        "height": (
            request.height not in (None, can.height),
            sentence("This model always makes pictures {side} pixels high.", side=can.height),
        ),
        "steps": (
            request.steps is not None,
            sentence("This model always uses its own number of steps."),
        ),
        "guidance_scale": (
            request.guidance_scale not in (None, can.guidance_scale),
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
        if is_set and control not in can.controls:
            job.warn("ignored_control", message)
    if request.scheduler and request.scheduler not in can.schedulers:
        job.warn(
            "ignored_control",
            sentence(
                "The scheduler {name} does not work with this model. {own} is used instead.",
                name=request.scheduler,
                own=can.scheduler,
            ),
        )


def _warn_cut(prompt: str, pipeline: Any, job: Job) -> None:
    """Say how many tokens of a prompt the model does not see, if any.

    Of several text encoders the one that reads most counts. Tokens that the tokenizer puts
    around every prompt are not counted.
    """
    longest = call_parameters(type(pipeline)).get("max_sequence_length")
    most = [pipeline.config.get("prompt_max_tokens"), longest.default if longest else None]
    cuts: list[tuple[int, int]] = []
    for name, tokenizer in pipeline.components.items():
        if not name.startswith("tokenizer") or tokenizer is None:
            continue
        limits = [value for value in (*most, tokenizer.model_max_length) if value]
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
