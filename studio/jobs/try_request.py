"""Run a request once, beside the queue and the library: for a preview that nobody keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from studio.engine.api import Engine
from studio.kinds.model_defaults import with_model_defaults
from studio.models.registry import Registry
from studio.protocol import (
    AssetReady,
    Event,
    Failed,
    ProblemError,
    Request,
    RowFailed,
    RunJob,
)


def try_request(
    job: str,
    request: Request,
    folder: Path,
    engine: Engine,
    registry: Registry,
    on_event: Callable[[Event], None],
) -> Path | None:
    """Return the file of the first row, below `folder`; None if it was cancelled.

    Raises `ProblemError` if it failed, and `OSError`.
    """
    made: list[AssetReady] = []
    failures: list[RowFailed] = []

    def note(event: Event) -> None:
        if isinstance(event, AssetReady):
            made.append(event)
        elif isinstance(event, RowFailed):
            failures.append(event)
        on_event(event)

    model, *extra = registry.resolve_all(request)
    work_dir = folder / job
    command = RunJob(
        job=job,
        request=with_model_defaults(request, registry.defaults(model)),
        rows=(0,),
        model=model,
        extra_models=tuple(extra),
        work_dir=str(work_dir),
    )
    final = engine.run(command, note)
    problem = final.problem if isinstance(final, Failed) else None
    if problem is None and not made and failures:
        problem = failures[0].problem
    if problem is not None:
        raise ProblemError(problem)
    return engine.path_of(made[0].file, work_dir) if made else None
