"""Builds recipes: the fields that are the same for every kind of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from studio import __version__
from studio.protocol import Parent, Recipe, Request, RunJob, UsedModel


def make_recipe(
    command: RunJob,
    request: Request,
    row: int,
    *,
    device: str,
    dtype: object,
    libraries: Mapping[str, str],
    model_sha256: str = "",
    extra_models: Sequence[UsedModel] = (),
    timings: Mapping[str, float],
    stats: Mapping[str, float],
    adjustments: Sequence[str] = (),
    parents: Sequence[Parent] = (),
) -> Recipe:
    """Return the recipe of one finished row of a job.

    Args:
        command: the job, with its model.
        request: the request that reproduces this row alone, with its own seed.
        row: its index in the job.
        device: readable name of the device that computed it.
        dtype: the precision, as torch names it.
        libraries: name → version.
        model_sha256: hash of the model's weights.
        extra_models: models beside it, such as LoRA.
        timings: seconds by stage.
        stats: statistics of the kind of work.
        adjustments: deviations from the request, in English.
        parents: the input files of the result.
    """
    return Recipe(
        app=f"Prompt Studio {__version__}",
        request=request,
        row=row,
        seed=request.seed or 0,
        job=command.job,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        model_id=command.model.id,
        model_name=command.model.name,
        model_sha256=model_sha256,
        extra_models=tuple(extra_models),
        device=device,
        dtype=str(dtype).removeprefix("torch."),
        libraries=dict(libraries),
        adjustments=tuple(adjustments),
        timings=dict(timings),
        stats=dict(stats),
        parents=tuple(parents),
    )
