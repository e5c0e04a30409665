"""Draws the pictures of one job: as many at once as memory allows, each from its own seed."""

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
from studio.engine.tasks.image.draw.inpaint import composed
from studio.engine.tasks.image.draw.out_of_domain import listening
from studio.engine.tasks.image.draw.progress import Progress, prepare_preview
from studio.engine.tasks.image.draw.prompts import CannotShareError
from studio.engine.tasks.image.draw.sampling import Drawn, Plan, draw, pipeline_for
from studio.engine.tasks.image.fit.memory_fallback import Ladder, pictures_at_once, split
from studio.engine.tasks.image.fit.planning import make_plan
from studio.engine.tasks.image.model.load import LoadedPipeline, acquire
from studio.engine.tasks.image.pictures.transparency import key_out_white
from studio.engine.tasks.image.recipes import recipe_of, resolved_request
from studio.formats.weights_fingerprint import weight_hash
from studio.kinds.image import ImageRequest
from studio.protocol import Problem, ProblemError, RunJob, problem, seed_of_row, sentence

_LARGE = 1_000_000_000
"""Bytes: the fingerprint of a larger model takes long enough to be mentioned."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Draw the rows of an image request; hand over a PNG and a recipe for each.

    Row *i* has seed `seed + i` and does not depend on the rows it is drawn with.

    Returns:
        `images`, and `load_seconds`, `draw_seconds` and `seconds_per_image` in seconds.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelledError: the job was cancelled.
    """
    request = command.request
    assert isinstance(request, ImageRequest)
    refuse_adapters(request)
    started = time.monotonic()
    loaded = acquire(command.model, device, memory, job)
    load_seconds = time.monotonic() - started
    plan = make_plan(request, loaded, job)
    wanted = [Wanted(job, command, request, plan, row) for row in command.rows]
    drawing = Drawing(job, wanted, loaded, memory)
    started = time.monotonic()
    drawing.draw_all()
    if drawing.made[job.id] < len(command.rows):
        job.check()
    return statistics(drawing.made[job.id], load_seconds, time.monotonic() - started)


def refuse_adapters(request: ImageRequest) -> None:
    """Raise `ProblemError` where a request wants models on top of the base model."""
    if request.adapters:
        raise problem(
            "bad_input",
            "LoRA and other adapters are not supported for pictures yet. Remove them from the"
            " request and try again.",
        )


def statistics(made: int, load_seconds: float, draw_seconds: float) -> dict[str, float]:
    """Return what `Done` tells of a job that made so many pictures."""
    return {
        "images": float(made),
        "load_seconds": load_seconds,
        "draw_seconds": draw_seconds,
        "seconds_per_image": draw_seconds / max(1, made),
    }


@dataclass(frozen=True)
class Wanted:
    """A picture to be drawn: whose it is, how, and its row in its job."""

    job: Job
    command: RunJob
    request: ImageRequest
    plan: Plan
    row: int


class Drawing:
    """Pictures on their way to files: of one job, or of several with the same plan but prompts.

    Args:
        job: asked whether to stop, and told how far it is.
        wanted: the pictures, at least one.
        loaded: the pipeline.
        memory: tells what is free.
    """

    def __init__(
        self, job: Job, wanted: Sequence[Wanted], loaded: LoadedPipeline, memory: MemoryArbiter
    ) -> None:
        self.made: Counter[str] = Counter()
        """Pictures handed over, by the id of their job."""
        self._peak: dict[str, float] = {}
        self._job = job
        self._wanted = wanted
        self._loaded = loaded
        self._plan = wanted[0].plan
        self._unheard: dict[str, list[Job]] = {}
        for each in {each.job.id: each for each in wanted}.values():
            if each.plan.prompt.strip():
                self._unheard.setdefault(each.plan.prompt, []).append(each.job)
        size = (self._plan.width, self._plan.height)
        prepare_preview(loaded)
        available = memory.available()
        at_once = pictures_at_once(loaded.device, available, *size, loaded.dtype)
        self._ladder = Ladder(loaded, job, at_once)
        self._ladder.prepare(available, *size)
        self._progress = Progress(job, loaded, len(wanted), size)
        if not loaded.sha256:
            if loaded.size > _LARGE:
                job.loading(sentence("Computing the checksum of the model's files"))
            loaded.sha256 = weight_hash(wanted[0].command.model, job.check)

    def draw_all(self, finished: Callable[[Job], None] = lambda _: None) -> None:
        """Draw all pictures; `finished` is told each job after its last one.

        Those of a job that is cancelled meanwhile are left out.
        """
        left = list(self._wanted)
        while left:
            count = split(len(left), self._ladder.at_once)[0]
            self._draw(left[:count])
            drawn, left = left[:count], left[count:]
            for job in {each.job.id: each.job for each in drawn}.values():
                if not any(each.job is job for each in left):
                    finished(job)
            left = [each for each in left if not each.job.is_cancelled]

    def _draw(self, wanted: Sequence[Wanted]) -> None:
        """Draw these pictures, in smaller portions if memory runs out on the way."""
        started = time.monotonic()
        left = list(wanted)
        while left:
            now = left[: self._ladder.at_once]
            drawn = self._try(now)
            if drawn is None:
                continue
            left = left[len(now) :]
            seconds = time.monotonic() - started
            self._progress.finish()
            for place, each in enumerate(now):
                # Its folder may be gone.
                if not each.job.is_cancelled:
                    self._hand_over(each, drawn, place, seconds, len(now))
            started = time.monotonic()

    def _try(self, wanted: Sequence[Wanted]) -> Drawn | None:
        """Draw these in one call; None when another, thriftier way must be tried."""
        self._progress.begin([(each.job, each.row) for each in wanted])
        seeds = [seed_of_row(each.request.seed, each.row) for each in wanted]
        try:
            pipeline = pipeline_for(self._loaded, self._plan.route)
            with (
                PeakMemory(self._loaded.device) as peak,
                self._loaded.encoded.at_hand(pipeline, self._loaded.state),
                listening(self._loaded, pipeline, self._unheard),
            ):
                drawn = draw(
                    self._loaded,
                    self._plan,
                    seeds,
                    [each.plan.prompt for each in wanted],
                    self._job,
                    self._progress.on_step,
                    self._say_overflow,
                )
        except (JobCancelledError, ProblemError, CannotShareError):
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
            # Of a model that is partly elsewhere it says more about its weights.
            self._peak = peak.stats if self._loaded.placement == "whole" else {}
            return drawn
        self._ladder.step_down(failure, len(wanted))
        return None

    def _hand_over(
        self, wanted: Wanted, drawn: Drawn, place: int, seconds: float, count: int
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
            image = composed(image, plan.start, plan.mask)
        if wanted.request.transparent and "transparent" in self._loaded.capabilities.controls:
            image = key_out_white(image)
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
            adjustments=(*self._loaded.changes, *self._ladder.changes),
            timings={"draw": seconds / count},
            stats={"images_at_once": float(count), **self._peak},
        )
        job.asset(row, path, recipe)
        self.made[job.id] += 1

    def _is_empty(self, drawn: Drawn) -> bool:
        """Tell whether a picture holds invalid numbers, or is black without having been blocked."""
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

    def _say_overflow(self) -> None:
        message = sentence(
            "The last stage (VAE) overflowed in half precision. It was repeated in full precision."
        )
        self._loaded.changes.append(str(message))
        self._job.warn("precision", message)


def _save(image: Image.Image, path: Path) -> None:
    # The app adds the recipe later without packing the pixels again.
    image.save(path, "PNG", compress_level=4)
