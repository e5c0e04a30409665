"""Runs an image job: draws its pictures in batches as large as memory allows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from studio.engine.local.devices import Device, is_out_of_memory
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter, release_frames
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.tasks.image.draw.inpaint import composite
from studio.engine.tasks.image.draw.out_of_domain import prompt_warnings
from studio.engine.tasks.image.draw.progress import Progress, prepare_preview
from studio.engine.tasks.image.draw.prompts import CannotBatchError
from studio.engine.tasks.image.draw.sampling import Drawn, Plan, draw, pipeline_for
from studio.engine.tasks.image.fit.memory_fallback import (
    MemoryFallback,
    pictures_at_once,
    split_evenly,
)
from studio.engine.tasks.image.fit.planning import make_plan
from studio.engine.tasks.image.fit.stage_memory import stage_memory
from studio.engine.tasks.image.model.adapters import (
    apply_adapters,
    is_adapter,
    wanted_adapters,
)
from studio.engine.tasks.image.model.encoder_release import encoders_on_demand, restore_encoders
from studio.engine.tasks.image.model.load import LoadedPipeline, acquire, keep_fingerprint
from studio.engine.tasks.image.pictures.transparency import remove_white_background
from studio.engine.tasks.image.recipes import recipe_of, resolved_request
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.image import ImageRequest
from studio.protocol import Problem, ProblemError, RunJob, UsedModel, seed_of_row, sentence


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Draw the rows of an image request; send a PNG and a recipe for each.

    Row *i* has seed `seed + i` and does not depend on the other rows of its batch.

    Returns:
        `images`, and `load_seconds`, `draw_seconds` and `seconds_per_image` in seconds.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelledError: the job was cancelled.
    """
    request = command.request
    assert isinstance(request, ImageRequest)
    started = time.monotonic()
    loaded, extra_models = acquire_with_extras(command, request, device, memory, job)
    load_seconds = time.monotonic() - started
    plan = make_plan(request, loaded, job)
    wanted = [PictureTask(job, command, request, plan, row) for row in command.rows]
    drawing = Drawing(job, wanted, loaded, extra_models, memory, load_seconds)
    started = time.monotonic()
    drawing.draw_all()
    if drawing.made[job.id] < len(command.rows):
        job.check()
    return statistics(drawing.made[job.id], load_seconds, time.monotonic() - started)


def acquire_with_extras(
    command: RunJob, request: ImageRequest, device: Device, memory: MemoryArbiter, job: Job
) -> tuple[LoadedPipeline, tuple[UsedModel, ...]]:
    """Load a job's pipeline with its companions and adapters; return what was used, for recipes.

    Raises as `run` does.
    """
    companions = [each for each in command.extra_models if not is_adapter(each)]
    loaded = acquire(command.model, device, memory, job, companions)
    adapters = wanted_adapters(request.adapters, command.extra_models)
    if adapters:
        restore_encoders(loaded, job)
    used = apply_adapters(loaded, command.model, adapters, job)
    parts = (
        # Of a whole pipeline most is not used, and reading it would take minutes.
        UsedModel(
            each.id,
            each.name,
            each.role,
            weight_hash(each, job.check) if each.format != "diffusers" else "",
        )
        for each in companions
    )
    return loaded, (*used, *parts)


def statistics(made: int, load_seconds: float, draw_seconds: float) -> dict[str, float]:
    """Return the statistics for the `Done` event of a job that drew `made` pictures."""
    return {
        "images": float(made),
        "load_seconds": load_seconds,
        "draw_seconds": draw_seconds,
        "seconds_per_image": draw_seconds / max(1, made),
    }


@dataclass(frozen=True)
class PictureTask:
    """A picture to draw: its job, how to draw it, and its row in the job."""

    job: Job
    command: RunJob
    request: ImageRequest
    plan: Plan
    row: int


class Drawing:
    """Draws pictures of one job, or of several jobs whose plans differ only in the prompt.

    Args:
        job: checked for cancellation; receives progress and warnings.
        wanted: the pictures, at least one.
        loaded: the pipeline.
        extra_models: those on the pipeline, for recipes.
        memory: used to find out how much memory is free.
        load_seconds: time spent on loading, for the recipes.
    """

    def __init__(
        self,
        job: Job,
        wanted: Sequence[PictureTask],
        loaded: LoadedPipeline,
        extra_models: Sequence[UsedModel],
        memory: MemoryArbiter,
        load_seconds: float,
    ) -> None:
        self._load_seconds = load_seconds
        self.made: Counter[str] = Counter()
        """Number of finished pictures by job id."""
        self._peak: dict[str, float] = {}
        self._job = job
        self._wanted = wanted
        self._loaded = loaded
        self._extra_models = extra_models
        self._plan = wanted[0].plan
        self._unchecked_prompts: dict[str, list[Job]] = {}
        for each in {each.job.id: each for each in wanted}.values():
            if each.plan.prompt.strip():
                self._unchecked_prompts.setdefault(each.plan.prompt, []).append(each.job)
        size = (self._plan.width, self._plan.height)
        prepare_preview(loaded)
        need = stage_memory(loaded, *size)
        available = memory.make_room(max(need.denoise, need.decode), job, keep=loaded.key)
        at_once = pictures_at_once(loaded.device, available, *size, loaded.dtype)
        self._fallback = MemoryFallback(loaded, job, at_once)
        saves_memory = any(each.command.saves_memory for each in wanted)
        self._fallback.prepare(available, *size, saves_memory=saves_memory)
        self._progress = Progress(job, loaded, len(wanted), size)
        keep_fingerprint(loaded, wanted[0].command.model, job)

    def draw_all(self, on_finished: Callable[[Job], None] = lambda _: None) -> None:
        """Draw all pictures; call `on_finished` for each job after its last one.

        Pictures of cancelled jobs are skipped.
        """
        left = list(self._wanted)
        while left:
            count = split_evenly(len(left), self._fallback.at_once)[0]
            self._draw(left[:count])
            drawn, left = left[:count], left[count:]
            for job in {each.job.id: each.job for each in drawn}.values():
                if not any(each.job is job for each in left):
                    on_finished(job)
            left = [each for each in left if not each.job.is_cancelled]

    def _draw(self, wanted: Sequence[PictureTask]) -> None:
        """Draw these pictures, in smaller batches if memory runs out."""
        started = time.monotonic()
        left = list(wanted)
        while left:
            now = left[: self._fallback.at_once]
            drawn = self._try_draw(now)
            if drawn is None:
                continue
            left = left[len(now) :]
            seconds = time.monotonic() - started
            self._progress.finish()
            for place, each in enumerate(now):
                # The work folder of a cancelled job may have been deleted.
                if not each.job.is_cancelled:
                    self._finish(each, drawn, place, seconds, len(now))
            started = time.monotonic()

    def _try_draw(self, wanted: Sequence[PictureTask]) -> Drawn | None:
        """Draw these in one call; None if it must be retried with the fallback's new settings."""
        self._progress.begin([(each.job, each.row) for each in wanted])
        seeds = [seed_of_row(each.request.seed, each.row) for each in wanted]
        try:
            pipeline = pipeline_for(self._loaded, self._plan.route)
            with (
                PeakMemory(self._loaded.device) as peak,
                encoders_on_demand(self._loaded, pipeline, self._job),
                self._loaded.prompt_cache.cached_encoding(pipeline, self._loaded.state),
                prompt_warnings(self._loaded, pipeline, self._unchecked_prompts),
            ):
                drawn = draw(
                    self._loaded,
                    self._plan,
                    seeds,
                    [each.plan.prompt for each in wanted],
                    self._job,
                    self._progress.on_step,
                    self._report_overflow,
                )
        except (JobCancelledError, ProblemError, CannotBatchError):
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            release_frames(error)
            failure = error
        else:
            if self._is_empty(drawn) and self._loaded.dtype != torch.float32:
                self._use_full_precision()
                return None
            # With offloading, the peak would mostly reflect the model's weights.
            self._peak = {}
            if self._loaded.placement == "whole":
                pixels = float(self._plan.width * self._plan.height * len(wanted))
                weights = float(self._loaded.size)
                self._peak = {**peak.stats, "call_size": pixels, "model_memory": weights}
            return drawn
        self._fallback.step_down(failure, len(wanted))
        return None

    def _finish(
        self, wanted: PictureTask, drawn: Drawn, place: int, seconds: float, count: int
    ) -> None:
        job, row = wanted.job, wanted.row
        picture = drawn.pictures[place]
        if not np.isfinite(picture).all():
            job.row_failed(
                row,
                Problem(
                    "model_broken",
                    sentence(
                        "The model produced invalid numbers for this picture. Try another size or"
                        " scheduler; if that does not help, download the model again."
                    ),
                ),
            )
            return
        if drawn.blocked[place]:
            job.warn("safety", sentence("The model's safety filter blacked out a picture."))
        image = Image.fromarray((picture * 255.0).round().clip(0, 255).astype(np.uint8))
        plan = wanted.plan
        if plan.start is not None and plan.mask is not None:
            image = composite(image, plan.start, plan.mask)
        if wanted.request.transparent and "transparent" in self._loaded.capabilities.controls:
            image = remove_white_background(image)
        path = job.temporary(".png")
        _save(image, path)
        own = self._loaded.pipeline.scheduler
        request = resolved_request(
            wanted.request, self._plan, self._plan.scheduler or type(own).__name__, row
        )
        recipe = recipe_of(
            wanted.command,
            request,
            row,
            self._loaded,
            self._extra_models,
            adjustments=(*self._loaded.changes, *self._fallback.changes),
            timings={"load": self._load_seconds, "draw": seconds / count},
            stats={"images_at_once": float(count), **self._peak},
        )
        job.asset(row, path, recipe)
        self.made[job.id] += 1

    def _is_empty(self, drawn: Drawn) -> bool:
        """Return whether a picture has invalid numbers, or is black but was not blocked."""
        return any(
            not np.isfinite(picture).all() or (not blocked and float(picture.max()) <= 0.0)
            for picture, blocked in zip(drawn.pictures, drawn.blocked, strict=True)
        )

    def _use_full_precision(self) -> None:
        loaded = self._loaded
        message = sentence(
            "The model overflowed in half precision. It now runs in full precision, which is"
            " slower."
        )
        for network in loaded.networks().values():
            network.to(torch.float32)
        loaded.dtype = torch.float32
        loaded.changes.append(str(message))
        self._job.warn("precision", message)

    def _report_overflow(self) -> None:
        message = sentence(
            "The last stage (VAE) overflowed in half precision. It was repeated in full precision."
        )
        self._loaded.changes.append(str(message))
        self._job.warn("precision", message)


def _save(image: Image.Image, path: Path) -> None:
    # The app adds the recipe later without compressing the pixels again.
    image.save(path, "PNG", compress_level=4)
