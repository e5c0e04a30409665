"""Follows the steps of one call: progress over the whole job, and now and then a preview."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from studio.engine.local.job import EtaEstimator, Job, JobCancelledError
from studio.engine.tasks.image.draw.latents import encode
from studio.engine.tasks.image.model import preview
from studio.engine.tasks.image.model.img2img_support import works_on_pixels
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.model.schedulers import Step

_EVERY = 0.4
"""Seconds between two previews at least."""

_SHARE = 100
"""A preview waits until this many times its own cost has passed: it takes 1 % of the time."""


class Progress:
    """Reports a job's steps. One step of one picture is the unit.

    Args:
        job: is reported to, and asked at each step whether it was cancelled.
        loaded: the pipeline that draws.
        pictures: how many the job draws in all.
        size: width and height in pixels.
    """

    def __init__(
        self, job: Job, loaded: LoadedPipeline, pictures: int, size: tuple[int, int]
    ) -> None:
        self._job = job
        self._loaded = loaded
        self._pictures = pictures
        self._width, self._height = size
        self._done = 0
        self._rows: Sequence[tuple[Job, int]] = ()
        self._pace: EtaEstimator | None = None
        # As if just shown: a job that is over by then needs no preview.
        self._shown = time.monotonic()
        self._cost = 0.0

    def begin(self, rows: Sequence[tuple[Job, int]]) -> None:
        """Note which rows of which jobs the next call draws."""
        self._rows = rows

    def finish(self) -> None:
        """Note that the rows of the call are done."""
        self._done += len(self._rows)

    def on_step(self, step: Step) -> None:
        """Take note of a step. Raises `JobCancelledError`."""
        self._job.check()
        total = self._pictures * step.total
        units = self._done * step.total + len(self._rows) * step.number
        if self._pace is None:
            self._pace = EtaEstimator(total)
        self._job.progress(units, total, self._pace.seconds_left(units))
        now = time.monotonic()
        if step.number < step.total and now - self._shown >= max(_EVERY, _SHARE * self._cost):
            self._show(step)
            self._shown = time.monotonic()
            self._cost = self._shown - now

    def _show(self, step: Step) -> None:
        scale = preview.scale_of(self._loaded.pipeline)
        clean = preview.unpack(preview.clean_estimate(step), self._height, self._width, scale)
        if clean is None or (self._loaded.colours is None and not self._draws_pixels()):
            return
        for (job, row), latents in zip(self._rows, clean, strict=False):
            image = preview.to_image(latents, self._loaded.colours)
            if image is not None and not job.is_cancelled:
                job.preview(row, functools.partial(preview.save, image))

    def _draws_pixels(self) -> bool:
        return works_on_pixels(self._loaded.pipeline)


def prepare_preview(loaded: LoadedPipeline) -> None:
    """Fit the colours of a pipeline's previews, once. Without them there is no preview."""
    if loaded.fitted:
        return
    loaded.fitted = True
    pipeline = loaded.pipeline
    if getattr(pipeline, "vae", None) is None:
        return
    try:
        loaded.colours = preview.fit_colour_map(
            functools.partial(encode, pipeline), preview.scale_of(pipeline)
        )
    except JobCancelledError:
        raise
    except Exception:
        # VAEs that encode in a way of their own. A preview must not cost the job.
        loaded.colours = None
    pipeline.maybe_free_model_hooks()
