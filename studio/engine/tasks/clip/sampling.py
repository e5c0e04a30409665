"""One call of a video pipeline: arguments, progress, previews, clean-up."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from studio.engine.local.job import EtaEstimator, Job
from studio.engine.tasks.clip.model.pipelines import (
    guidance_name,
    patch_side,
    rate_name,
    spatial_scale,
    temporal_scale,
)
from studio.engine.tasks.clip.planning import Plan
from studio.engine.tasks.image.draw.latents import generators
from studio.engine.tasks.image.draw.sampling import pipeline_for, reset_after_abort
from studio.engine.tasks.image.model import preview, schedulers
from studio.engine.tasks.image.model.img2img_support import Route, call_parameters
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.model.schedulers import Step
from studio.engine.tasks.image.pictures.decode import safe_decoding
from studio.engine.tasks.upscale.load import interruptible

Frames = NDArray[np.float32]
"""Shape (frames, height, width, 3), 0 to 1; NaN where the model's numbers overflowed."""

_FRAMES_DECODED = 8
"""Frames that a pipeline decodes in one call of its VAE, where it can be told."""
_MIN_INTERVAL = 0.5
"""Seconds between two previews."""


def clip_pipeline(loaded: LoadedPipeline, plan: Plan) -> Any:
    """Return the pipeline that is called: the loaded one, or a class with the same parts."""
    entrance = plan.entrance
    if entrance.pipeline is type(loaded.pipeline):
        return loaded.pipeline
    return pipeline_for(loaded, Route("variant", entrance.pipeline, has_strength=False))


def make_frames(
    loaded: LoadedPipeline,
    plan: Plan,
    seed: int,
    job: Job,
    on_step: Callable[[Step], None],
    on_overflow: Callable[[], None],
    *,
    saves_memory: bool,
) -> Frames:
    """Return the frames of one clip.

    Each clip has a call of its own: so it does not depend on the others, and several at once would
    not be faster.

    Raises:
        JobCancelledError: the job was cancelled, between two layers.
        Exception: any error of the pipeline, e.g. when memory runs out.
    """
    pipeline = clip_pipeline(loaded, plan)
    own = loaded.pipeline.scheduler
    scheduler = schedulers.make(own)
    random_generators = generators([seed])
    arguments = call_arguments(pipeline, plan, saves_memory=saves_memory)
    arguments["generator"] = random_generators[0]
    try:
        with (
            interruptible(job),
            safe_decoding(pipeline, on_overflow),
            loaded.prompt_cache.cached_encoding(pipeline, loaded.state),
            torch.no_grad(),
        ):
            schedulers.watch(scheduler, on_step, generators=random_generators)
            pipeline.scheduler = scheduler
            result = pipeline(**arguments)
    except BaseException:
        reset_after_abort(pipeline)
        raise
    finally:
        pipeline.scheduler = own
    frames = np.asarray(result.frames[0], dtype=np.float32)
    return frames[: plan.frames]


def call_arguments(pipeline: Any, plan: Plan, *, saves_memory: bool) -> dict[str, Any]:
    """Return the arguments for a pipeline's call, limited to those that it accepts."""
    call = call_parameters(type(pipeline))
    wanted: dict[str, Any] = {
        "prompt": plan.prompt,
        "height": plan.height,
        "width": plan.width,
        "num_frames": plan.frames,
        "num_inference_steps": plan.steps,
        "decode_chunk_size": 1 if saves_memory else _FRAMES_DECODED,
        "output_type": "np",
    }
    # Omitted if empty: some pipelines treat a missing one specially.
    if plan.negative_prompt:
        wanted["negative_prompt"] = plan.negative_prompt
    guidance = guidance_name(pipeline)
    if guidance and plan.guidance_scale is not None:
        wanted[guidance] = plan.guidance_scale
    rate = rate_name(type(pipeline))
    if rate:
        usual = call[rate].default
        wanted[rate] = round(plan.fps) if isinstance(usual, int) else plan.fps
    if plan.first is not None:
        wanted["image"] = plan.first
        wanted["last_image"] = plan.last
        if plan.entrance.places and plan.last is not None:
            wanted["image"] = [plan.first, plan.last]
            wanted["frame_index"] = [0, plan.frames - 1]
    return {name: value for name, value in wanted.items() if name in call and value is not None}


class Progress:
    """Reports the steps of a job, and previews of a frame in the middle of the clip."""

    def __init__(self, job: Job, loaded: LoadedPipeline, plan: Plan, rows: int) -> None:
        self._job = job
        self._loaded = loaded
        self._plan = plan
        self._rows = rows
        self._done = 0
        self._row = 0
        self._pace: EtaEstimator | None = None
        self._shown = time.monotonic()
        self._cost = 0.0

    def begin(self, row: int) -> None:
        """Set the row of the next call."""
        self._row = row

    def finish(self) -> None:
        """Count the row as done."""
        self._done += 1

    def on_step(self, step: Step) -> None:
        """Report a step. Raises `JobCancelledError`."""
        self._job.check()
        total = self._rows * step.total
        units = self._done * step.total + step.number
        if self._pace is None:
            self._pace = EtaEstimator(total)
        self._job.progress(units, total, self._pace.seconds_left(units))
        now = time.monotonic()
        if step.number < step.total and now - self._shown >= max(_MIN_INTERVAL, 100 * self._cost):
            self._show(step)
            self._shown = time.monotonic()
            self._cost = self._shown - now

    def _show(self, step: Step) -> None:
        colours = self._loaded.colours
        if colours is None:
            return
        channels = colours.weights.shape[0]
        latents = middle_frame(
            self._loaded.pipeline, preview.clean_estimate(step), self._plan, channels
        )
        image = preview.to_image(latents, colours) if latents is not None else None
        if image is not None:
            self._job.preview(self._row, functools.partial(preview.save, image))


def middle_frame(
    pipeline: Any, latents: torch.Tensor, plan: Plan, channels: int
) -> torch.Tensor | None:
    """Return the latents of the frame in the middle, (channels, h, w); None for unknown shapes."""
    if latents.ndim == 3 and hasattr(pipeline, "_unpack_latents"):
        scale, time_scale = spatial_scale(pipeline), temporal_scale(pipeline)
        frames = (plan.frames - 1) // time_scale + 1
        patch = patch_side(pipeline)
        sides = (plan.height // scale, plan.width // scale)
        latents = pipeline._unpack_latents(latents, frames, *sides, patch, 1)
    if latents.ndim != 5:
        return None
    first = latents[0]
    if first.shape[0] == channels:
        return first[:, first.shape[1] // 2]
    return first[first.shape[0] // 2] if first.shape[1] == channels else None


@contextmanager
def decoded_in_parts(pipeline: Any, *, saves_memory: bool) -> Iterator[None]:
    """While open, let the VAE work on a part of the frames at a time, and in tiles, if it can."""
    vae: Any = getattr(pipeline, "vae", None)
    before = getattr(vae, "use_framewise_decoding", None)
    if saves_memory and before is not None:
        vae.use_framewise_decoding = True
    try:
        yield
    finally:
        if before is not None:
            vae.use_framewise_decoding = before
