"""One call of an audio pipeline: arguments, progress, clean-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from studio.engine.local.job import EtaEstimator, Job
from studio.engine.tasks.image.draw.latents import generators
from studio.engine.tasks.image.draw.sampling import reset_after_abort
from studio.engine.tasks.image.model import schedulers
from studio.engine.tasks.image.model.img2img_support import call_parameters
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.model.schedulers import Step
from studio.engine.tasks.music.model.pipelines import guidance_name, length_name, sampling_rate
from studio.engine.tasks.music.planning import Plan
from studio.engine.tasks.upscale.load import interruptible

Samples = npt.NDArray[np.float32]
"""Shape (samples, channels); NaN where the model's numbers overflowed."""


def make_samples(
    loaded: LoadedPipeline, plan: Plan, seed: int, job: Job, on_step: Callable[[Step], None]
) -> Samples:
    """Return the samples of one piece.

    Each piece has a call of its own: so it does not depend on the others.

    Raises:
        JobCancelledError: the job was cancelled, between two layers.
        Exception: any error of the pipeline, e.g. when memory runs out.
    """
    pipeline = loaded.pipeline
    own = pipeline.scheduler
    scheduler = schedulers.make(own)
    random_generators = generators([seed])
    arguments = call_arguments(pipeline, plan)
    arguments["generator"] = random_generators[0]
    try:
        with interruptible(job), torch.no_grad():
            schedulers.watch(scheduler, on_step, generators=random_generators)
            pipeline.scheduler = scheduler
            result = pipeline(**arguments)
    except BaseException:
        reset_after_abort(pipeline)
        raise
    finally:
        pipeline.scheduler = own
    made = np.asarray(torch.as_tensor(result.audios[0]).float().cpu(), dtype=np.float32)
    samples = made[None] if made.ndim == 1 else made
    length = round(plan.seconds * sampling_rate(pipeline))
    # More than two channels fit no format of music.
    return np.ascontiguousarray(samples[:2, :length].T)


def call_arguments(pipeline: Any, plan: Plan) -> dict[str, Any]:
    """Return the arguments for a pipeline's call, limited to those that it accepts."""
    call = call_parameters(type(pipeline))
    wanted: dict[str, Any] = {
        "prompt": plan.prompt,
        length_name(type(pipeline)): plan.seconds,
        "num_inference_steps": plan.steps,
    }
    # Omitted if empty: some pipelines treat a missing one specially.
    optional = {
        "negative_prompt": plan.negative_prompt,
        "lyrics": plan.lyrics,
        "vocal_language": plan.language,
    }
    wanted |= {name: value for name, value in optional.items() if value}
    guidance = guidance_name(pipeline)
    if guidance and plan.guidance_scale is not None:
        wanted[guidance] = plan.guidance_scale
    found = {name: value for name, value in wanted.items() if name in call}
    needed = call.get("negative_prompt")
    if needed is not None and needed.default is needed.empty:
        found.setdefault("negative_prompt", None)
    return found


class Progress:
    """Reports the steps of a job."""

    def __init__(self, job: Job, rows: int) -> None:
        self._job = job
        self._rows = rows
        self._done = 0
        self._pace: EtaEstimator | None = None

    def finish(self) -> None:
        """Count a row as done."""
        self._done += 1

    def on_step(self, step: Step) -> None:
        """Report a step. Raises `JobCancelledError`."""
        self._job.check()
        total = self._rows * step.total
        units = self._done * step.total + step.number
        if self._pace is None:
            self._pace = EtaEstimator(total)
        self._job.progress(units, total, self._pace.seconds_left(units))
