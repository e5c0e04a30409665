"""Draws the pictures of one job: as many at once as memory allows, each from its own seed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from studio.engine.devices import Device, is_out_of_memory
from studio.engine.image.ladder import Ladder, pictures_at_once, split
from studio.engine.image.latents import seed_of
from studio.engine.image.load import LoadedPipeline, acquire
from studio.engine.image.out_of_domain import listening
from studio.engine.image.planning import check_prompt, make_plan
from studio.engine.image.progress import Progress, prepare_preview
from studio.engine.image.recipes import recipe_of, resolved_request
from studio.engine.image.sampling import Drawn, Plan, draw
from studio.engine.image.transparency import key_out_white
from studio.engine.job import Job, JobCancelled
from studio.engine.memory import MemoryArbiter, release_frames
from studio.engine.peak import PeakMemory
from studio.engine.weights import weight_hash
from studio.protocol import ImageRequest, Problem, ProblemError, RunJob, sentence

_LARGE = 1_000_000_000
"""Bytes: the fingerprint of a larger model takes long enough to be mentioned."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Draw the rows of an image request; hand over a PNG and a recipe for each.

    Row *i* has seed `seed + i` and does not depend on the rows it is drawn with.

    Returns:
        `images`, and `load_seconds`, `draw_seconds` and `seconds_per_image` in seconds.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelled: the job was cancelled.
    """
    request = command.request
    assert isinstance(request, ImageRequest)
    check_prompt(request)
    started = time.monotonic()
    loaded = acquire(command.model, device, memory, job)
    load_seconds = time.monotonic() - started
    drawing = _Drawing(job, command, request, loaded, memory)
    started = time.monotonic()
    drawing.draw_all()
    seconds = time.monotonic() - started
    return {
        "images": float(drawing.made),
        "load_seconds": load_seconds,
        "draw_seconds": seconds,
        "seconds_per_image": seconds / max(1, drawing.made),
    }


class _Drawing:
    """The pictures of one job on their way to files."""

    def __init__(
        self,
        job: Job,
        command: RunJob,
        request: ImageRequest,
        loaded: LoadedPipeline,
        memory: MemoryArbiter,
    ) -> None:
        self.made = 0
        self._peak: dict[str, float] = {}
        self._job = job
        self._command = command
        self._request = request
        self._loaded = loaded
        self._plan: Plan = make_plan(request, loaded, job)
        self._unheard = {self._plan.prompt: [job]}
        size = (self._plan.width, self._plan.height)
        prepare_preview(loaded)
        available = memory.available()
        at_once = pictures_at_once(loaded.device, available, *size, loaded.dtype)
        self._ladder = Ladder(loaded, job, at_once)
        self._ladder.prepare(available, *size)
        self._progress = Progress(job, loaded, len(command.rows), size)
        if not loaded.sha256:
            if loaded.size > _LARGE:
                job.loading(sentence("Taking the fingerprint of the model's files"))
            loaded.sha256 = weight_hash(command.model, job.check)

    def draw_all(self) -> None:
        rows = list(self._command.rows)
        while rows:
            count = split(len(rows), self._ladder.at_once)[0]
            self._draw_rows(rows[:count])
            rows = rows[count:]

    def _draw_rows(self, rows: Sequence[int]) -> None:
        """Draw these rows, in smaller portions if memory runs out on the way."""
        started = time.monotonic()
        left = list(rows)
        while left:
            now = left[: self._ladder.at_once]
            drawn = self._try(now)
            if drawn is None:
                continue
            left = left[len(now) :]
            seconds = time.monotonic() - started
            self._progress.finish()
            for place, row in enumerate(now):
                self._hand_over(row, drawn, place, seconds, len(now))
            started = time.monotonic()

    def _try(self, rows: Sequence[int]) -> Drawn | None:
        """Draw these rows in one call; None when another, thriftier way must be tried."""
        self._progress.begin(rows)
        seeds = [seed_of(self._request.seed or 0, row) for row in rows]
        try:
            with PeakMemory(self._loaded.device) as peak, listening(self._loaded, self._unheard):
                drawn = draw(
                    self._loaded,
                    self._plan,
                    seeds,
                    self._job,
                    self._progress.on_step,
                    self._say_overflow,
                )
        except (JobCancelled, ProblemError):
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
        self._ladder.step_down(failure, len(rows))
        return None

    def _hand_over(self, row: int, drawn: Drawn, place: int, seconds: float, count: int) -> None:
        picture = drawn.pictures[place]
        if not np.isfinite(picture).all():
            self._job.row_failed(
                row,
                Problem(
                    "model_broken",
                    sentence(
                        "The model made no valid numbers for this picture. Try another size or"
                        " scheduler; if that does not help, download the model again."
                    ),
                ),
            )
            return
        if drawn.blocked[place]:
            self._job.warn(
                "safety", sentence("The model's own safety filter blacked a picture out.")
            )
        image = Image.fromarray((picture * 255.0).round().clip(0, 255).astype(np.uint8))
        if self._request.transparent and "transparent" in self._loaded.capabilities.controls:
            image = key_out_white(image)
        path = self._job.temporary(".png")
        _save(image, path)
        own = self._loaded.pipeline.scheduler
        request = resolved_request(
            self._request, self._plan, self._plan.scheduler or type(own).__name__, row
        )
        recipe = recipe_of(
            request,
            row,
            job=self._command.job,
            model=self._command.model,
            model_sha256=self._loaded.sha256,
            loaded=self._loaded,
            changes=(*self._loaded.changes, *self._ladder.changes),
            timings={"draw": seconds / count},
            stats={"images_at_once": float(count), **self._peak},
        )
        self._job.asset(row, path, recipe)
        self.made += 1

    def _is_empty(self, drawn: Drawn) -> bool:
        """Tell whether a picture holds invalid numbers, or is black without having been blocked."""
        return any(
            not np.isfinite(picture).all() or (not blocked and float(picture.max()) <= 0.0)
            for picture, blocked in zip(drawn.pictures, drawn.blocked, strict=True)
        )

    def _use_full_precision(self) -> None:
        loaded = self._loaded
        message = sentence(
            "The model's numbers overflowed in half precision. It now computes in full precision,"
            " which is slower."
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
