"""A tone in the real engine: no model and no torch."""

from __future__ import annotations

from typing import Any

from studio.engine.local.job import Job
from studio.protocol import Recipe, RunJob
from tests.toy_kind.fake import FAKE
from tests.toy_kind.kind import ToneRequest


def run(job: Job, command: RunJob, _memory: Any, device: Any) -> dict[str, float]:
    """Make every row."""
    request = command.request
    assert isinstance(request, ToneRequest)
    for place, row in enumerate(command.rows):
        job.check()
        seed = (request.seed or 0) + row
        made = FAKE.make(job, request, seed)
        recipe = Recipe(
            request=request.with_values(seed=seed, count=1),
            row=row,
            seed=seed,
            job=command.job,
            device=device.name,
        )
        job.asset(row, made.path, recipe)
        job.progress(place + 1, len(command.rows))
    return {"rows": float(len(command.rows))}
