"""Runs a music job: each row is one call of the pipeline, and one file."""

from __future__ import annotations

import time
from importlib import metadata

import msgspec
import numpy as np
import torch

from studio.engine.local.devices import Device, is_out_of_memory, libraries
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter, release_frames
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.image.model.load import LoadedPipeline, acquire, keep_fingerprint
from studio.engine.tasks.music.memory_fallback import MemoryFallback
from studio.engine.tasks.music.model.pipelines import MUSIC, sampling_rate
from studio.engine.tasks.music.planning import Plan, make_plan
from studio.engine.tasks.music.sampling import Progress, Samples, make_samples
from studio.engine.tasks.speech.sound.finished import write_sound
from studio.kinds.music import KIND, MusicRequest
from studio.protocol import Problem, ProblemError, RunJob, seed_of_row, sentence


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Generate the rows of a music request; send a sound file and a recipe for each.

    Row *i* has seed `seed + i` and does not depend on the other rows.

    Returns:
        Statistics: pieces, seconds by stage.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelledError: the job was cancelled.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, MusicRequest):
        raise TypeError(f"not a music job: {type(request).__name__}")
    started = time.monotonic()
    loaded = acquire(command.model, device, memory, job, form=MUSIC)
    # Encoders are released by the code for pictures; here they stay.
    loaded.releases_encoders = False
    plan = make_plan(request, loaded, job)
    keep_fingerprint(loaded, command.model, job)
    load_seconds = time.monotonic() - started
    making = _Making(job, command, request, plan, loaded, memory, load_seconds)
    started = time.monotonic()
    for row in command.rows:
        making.row(row)
    seconds = time.monotonic() - started
    return {
        "pieces": float(len(command.rows)),
        "load_seconds": load_seconds,
        "draw_seconds": seconds,
        "seconds_per_piece": seconds / max(1, len(command.rows)),
    }


class _Making:
    """Makes the pieces of one job."""

    def __init__(
        self,
        job: Job,
        command: RunJob,
        request: MusicRequest,
        plan: Plan,
        loaded: LoadedPipeline,
        memory: MemoryArbiter,
        load_seconds: float,
    ) -> None:
        self._job = job
        self._command = command
        self._request = request
        self._plan = plan
        self._loaded = loaded
        self._load_seconds = load_seconds
        self._progress = Progress(job, len(command.rows))
        self._fallback = MemoryFallback(loaded, job)
        bytes_each = torch.empty((), dtype=loaded.dtype).element_size()
        need = KIND.memory(command.model, 0, bytes_each, 1000 * plan.seconds)
        available = memory.make_room(need, job, keep=loaded.key)
        self._fallback.prepare(is_short=available < need, saves_memory=command.saves_memory)

    def row(self, row: int) -> None:
        """Make one piece. Raises as `run` does."""
        job, plan = self._job, self._plan
        begun = time.monotonic()
        with PeakMemory(self._loaded.device) as peak:
            samples = self._samples(seed_of_row(self._request.seed, row))
        drawn = time.monotonic()
        self._progress.finish()
        if not len(samples) or not np.isfinite(samples).all():
            job.row_failed(
                row,
                Problem(
                    "model_broken",
                    sentence(
                        "The model produced invalid numbers for this piece. Try another length; if"
                        " that does not help, download the model again."
                    ),
                ),
            )
            return
        rate = sampling_rate(self._loaded.pipeline)
        request = self._request
        path = write_sound(job, samples, rate, request.format, request.loudness)
        timings = {
            "load": self._load_seconds / len(self._command.rows),
            "draw": drawn - begun,
            "write": time.monotonic() - drawn,
        }
        stats = {"duration": round(len(samples) / rate, 3), "rate": float(rate)}
        if self._loaded.placement == "whole":
            weights = float(self._loaded.size)
            call = 1000 * plan.seconds
            stats |= {**peak.stats, "call_size": call, "model_memory": weights}
        recipe = make_recipe(
            self._command,
            self._resolved(row),
            row,
            device=self._loaded.device.description,
            dtype=self._loaded.dtype,
            libraries={**libraries(), "av": metadata.version("av")},
            model_sha256=self._loaded.sha256,
            adjustments=tuple(self._loaded.changes),
            timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
            stats=stats,
        )
        job.asset(row, path, recipe)

    def _samples(self, seed: int) -> Samples:
        """Return the samples, after each fallback again while memory runs out."""
        while True:
            try:
                return make_samples(
                    self._loaded, self._plan, seed, self._job, self._progress.on_step
                )
            except (JobCancelledError, ProblemError):
                raise
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                release_frames(error)
                failure = error
            self._fallback.step_down(failure)

    def _resolved(self, row: int) -> MusicRequest:
        """Return the request that reproduces one piece, with the values actually used."""
        request, plan = self._request, self._plan
        return msgspec.structs.replace(
            request,
            negative_prompt=plan.negative_prompt,
            lyrics=plan.lyrics,
            language=plan.language,
            seed=seed_of_row(request.seed, row),
            count=1,
            seconds=plan.seconds,
            steps=plan.steps,
            guidance_scale=plan.guidance_scale,
        )
