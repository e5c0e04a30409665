"""The recipe of a finished picture: everything that is needed to draw it again."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping

import msgspec

import studio
from studio.engine.local.devices import libraries
from studio.engine.tasks.image.draw.latents import seed_of
from studio.engine.tasks.image.draw.sampling import Plan
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.kinds.image import ImageRequest
from studio.protocol import ModelRef, Parent, Recipe

# Read from the packages' files: once is enough.
_libraries = functools.cache(libraries)


def resolved_request(request: ImageRequest, plan: Plan, scheduler: str, row: int) -> ImageRequest:
    """Return the request for one picture alone, with the values that were really used."""
    return msgspec.structs.replace(
        request,
        negative_prompt=plan.negative_prompt,
        seed=seed_of(request.seed or 0, row),
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
    request: ImageRequest,
    row: int,
    *,
    job: str,
    model: ModelRef,
    model_sha256: str,
    loaded: LoadedPipeline,
    changes: tuple[str, ...],
    timings: Mapping[str, float],
    stats: Mapping[str, float],
) -> Recipe:
    """Return the recipe of row `row`; `request` is what `resolved_request` returned.

    `changes` are English sentences; `timings` are seconds.
    """
    read = [file for file in (request.image, request.mask) if file is not None]
    return Recipe(
        app=f"Prompt Studio {studio.__version__}",
        request=request,
        row=row,
        seed=request.seed or 0,
        job=job,
        created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        model_id=model.id,
        model_name=model.name,
        model_sha256=model_sha256,
        device=f"{loaded.device.name} ({loaded.device.label})",
        dtype=str(loaded.dtype).removeprefix("torch."),
        libraries=_libraries(),
        adjustments=changes,
        timings=dict(timings),
        stats=dict(stats),
        parents=tuple(Parent(file.path, file.sha256) for file in read),
    )
