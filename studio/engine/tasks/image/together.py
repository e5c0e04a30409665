"""Runs several image jobs with the same model and settings in shared batches."""

from __future__ import annotations

import threading
import time

import msgspec

from studio.engine.local.devices import Device
from studio.engine.local.group import Group, Part
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.process import final_event
from studio.engine.tasks.image.draw.prompts import CannotBatchError
from studio.engine.tasks.image.fit.memory_fallback import pictures_at_once
from studio.engine.tasks.image.fit.planning import make_plan
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.run import (
    Drawing,
    PictureTask,
    acquire_with_extras,
    statistics,
)
from studio.kinds.image import ImageRequest
from studio.protocol import Done, ProblemError


def run_together(group: Group, memory: MemoryArbiter, device: Device) -> None:
    """Draw the jobs of a group; each ends after its last picture.

    A job that is rejected fails alone. If pictures would be drawn one at a time anyway, or if
    the pipeline does not accept the prompts in one call, nothing is done and the jobs are left
    to be run one by one.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelledError: all jobs were cancelled.
    """
    started = time.monotonic()
    # All jobs have the same settings, including adapters.
    first = group.parts[0]
    loaded, extra_models = acquire_with_extras(
        first.command, _request_of(first), device, memory, group.job
    )
    load_seconds = time.monotonic() - started
    if not _saves_calls(group, loaded, memory):
        return
    wanted: list[PictureTask] = []
    for part in group.active():
        request = _request_of(part)
        try:
            plan = make_plan(request, loaded, part.job)
        except ProblemError as error:
            part.end(final_event(error, part.job))
        else:
            rows = part.command.rows
            wanted += [PictureTask(part.job, part.command, request, plan, row) for row in rows]
    if not wanted:
        return
    drawing = Drawing(group.job, wanted, loaded, extra_models, memory, load_seconds)
    started = time.monotonic()

    def on_finished(job: Job) -> None:
        seconds = time.monotonic() - started
        stats = statistics(drawing.made[job.id], load_seconds, seconds)
        group.part_of(job).end(Done(job.id, stats))

    try:
        drawing.draw_all(on_finished)
    except CannotBatchError:
        return


def _saves_calls(group: Group, loaded: LoadedPipeline, memory: MemoryArbiter) -> bool:
    """Return whether more than one picture of this size can be drawn in one call."""
    silent = Job(group.job.id, group.job.work_dir, lambda _: None, threading.Event())
    request = msgspec.structs.replace(_request_of(group.parts[0]), prompt="a")
    plan = make_plan(request, loaded, silent)
    size = (plan.width, plan.height)
    return pictures_at_once(loaded.device, memory.available(), *size, loaded.dtype) > 1


def _request_of(part: Part) -> ImageRequest:
    request = part.command.request
    assert isinstance(request, ImageRequest)
    return request
