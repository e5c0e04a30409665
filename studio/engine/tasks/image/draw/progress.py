"""Reports progress and previews for the steps of a job's pipeline calls."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

from studio.engine.local.job import EtaEstimator, Job, JobCancelledError
from studio.engine.tasks.image.draw.latents import encode
from studio.engine.tasks.image.model import preview
from studio.engine.tasks.image.model.img2img_support import works_on_pixels
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.model.schedulers import Step

_MIN_INTERVAL = 0.4
"""Minimum number of seconds between two previews."""

_COST_FACTOR = 100
"""Minimum interval as a multiple of a preview's own cost, which limits previews to 1 %."""


class Progress:
    """Reports the steps of a job. The unit is one step of one picture.

    Args:
        job: receives the reports; checked for cancellation at each step.
        loaded: the pipeline that draws.
        pictures: total number of pictures of the job.
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
        # Delays the first preview, so that a short job has none.
        self._shown = time.monotonic()
        self._cost = 0.0

    def begin(self, rows: Sequence[tuple[Job, int]]) -> None:
        """Set the rows, with their jobs, of the next call."""
        self._rows = rows

    def finish(self) -> None:
        """Count the rows of the current call as done."""
        self._done += len(self._rows)

    def on_step(self, step: Step) -> None:
        """Report a step. Raises `JobCancelledError`."""
        self._job.check()
        total = self._pictures * step.total
        units = self._done * step.total + len(self._rows) * step.number
        if self._pace is None:
            self._pace = EtaEstimator(total)
        self._job.progress(units, total, self._pace.seconds_left(units))
        now = time.monotonic()
        if step.number < step.total and now - self._shown >= max(
            _MIN_INTERVAL, _COST_FACTOR * self._cost
        ):
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


def prepare_preview(
    loaded: LoadedPipeline, scale_of: Callable[[Any], int] = preview.scale_of
) -> None:
    """Fit the colour map of a pipeline's previews, once. If it fails, there are no previews.

    `scale_of` returns the pixels on a side of one latent of a pipeline.
    """
    if loaded.colours_fitted:
        return
    loaded.colours_fitted = True
    pipeline = loaded.pipeline
    if getattr(pipeline, "vae", None) is None:
        return
    try:
        loaded.colours = preview.fit_colour_map(
            functools.partial(encode, pipeline), scale_of(pipeline)
        )
    except JobCancelledError:
        raise
    except Exception:
        # A VAE with a different interface. A preview must not fail the job.
        loaded.colours = None
    pipeline.maybe_free_model_hooks()
