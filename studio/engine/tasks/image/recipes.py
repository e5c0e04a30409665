"""The recipe of a finished picture: everything needed to reproduce it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from studio.engine.local.devices import libraries
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.image.draw.sampling import Plan
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.kinds.image import ImageRequest
from studio.protocol import Parent, Recipe, RunJob, UsedModel, seed_of_row


def resolved_request(request: ImageRequest, plan: Plan, scheduler: str, row: int) -> ImageRequest:
    """Return the request that reproduces one picture, with the values actually used."""
    return msgspec.structs.replace(
        request,
        negative_prompt=plan.negative_prompt,
        seed=seed_of_row(request.seed, row),
        count=1,
        width=plan.width,
        height=plan.height,
        steps=plan.steps,
        guidance_scale=plan.guidance_scale,
        scheduler=scheduler,
        image=request.image if plan.start is not None else None,
        mask=request.mask if plan.mask is not None else None,
    )


def recipe_of(
    command: RunJob,
    request: ImageRequest,
    row: int,
    loaded: LoadedPipeline,
    extra_models: Sequence[UsedModel],
    *,
    adjustments: Sequence[str],
    timings: Mapping[str, float],
    stats: Mapping[str, float],
) -> Recipe:
    """Return the recipe of row `row`; `request` comes from `resolved_request`.

    `adjustments` are English sentences; `timings` are seconds.
    """
    read = [file for file in (request.image, request.mask) if file is not None]
    return make_recipe(
        command,
        request,
        row,
        device=loaded.device.description,
        dtype=loaded.dtype,
        libraries=libraries(),
        model_sha256=loaded.sha256,
        extra_models=extra_models,
        adjustments=adjustments,
        timings=timings,
        stats=stats,
        parents=[Parent(file.path, file.sha256) for file in read],
    )
