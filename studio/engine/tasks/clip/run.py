"""Runs a clip job: each row is one call of the pipeline, and one file."""

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
from studio.engine.tasks.clip.encode import choose, write_clip
from studio.engine.tasks.clip.model.pipelines import CLIPS, spatial_scale
from studio.engine.tasks.clip.planning import Plan, make_plan
from studio.engine.tasks.clip.sampling import (
    Frames,
    Progress,
    decoded_in_parts,
    make_frames,
)
from studio.engine.tasks.image.draw.progress import prepare_preview
from studio.engine.tasks.image.fit.memory_fallback import MemoryFallback
from studio.engine.tasks.image.model.load import LoadedPipeline, acquire, keep_fingerprint
from studio.engine.tasks.video.files.encoders import Encoding
from studio.kinds.clip import KIND, ClipRequest
from studio.protocol import (
    Parent,
    Problem,
    ProblemError,
    RunJob,
    problem,
    seed_of_row,
    sentence,
)


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Generate the rows of a clip request; send a video and a recipe for each.

    Row *i* has seed `seed + i` and does not depend on the other rows.

    Returns:
        Statistics: clips, seconds by stage.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelledError: the job was cancelled.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, ClipRequest):
        raise TypeError(f"not a clip job: {type(request).__name__}")
    started = time.monotonic()
    loaded = acquire(command.model, device, memory, job, form=CLIPS)
    plan = make_plan(request, loaded, job)
    size = (plan.width, plan.height)
    encoding = choose(request.encoder, request.quality, size, plan.fps)
    prepare_preview(loaded, spatial_scale)
    keep_fingerprint(loaded, command.model, job)
    load_seconds = time.monotonic() - started
    making = _Making(job, command, request, plan, loaded, memory, encoding, load_seconds)
    started = time.monotonic()
    for row in command.rows:
        making.row(row)
    seconds = time.monotonic() - started
    return {
        "clips": float(len(command.rows)),
        "load_seconds": load_seconds,
        "draw_seconds": seconds,
        "seconds_per_clip": seconds / max(1, len(command.rows)),
    }


class _Making:
    """Makes the clips of one job."""

    def __init__(
        self,
        job: Job,
        command: RunJob,
        request: ClipRequest,
        plan: Plan,
        loaded: LoadedPipeline,
        memory: MemoryArbiter,
        encoding: Encoding,
        load_seconds: float,
    ) -> None:
        self._job = job
        self._command = command
        self._request = request
        self._plan = plan
        self._loaded = loaded
        self._encoding = encoding
        self._load_seconds = load_seconds
        self._progress = Progress(job, loaded, plan, len(command.rows))
        self._fallback = MemoryFallback(loaded, job, 1)
        pixels = plan.width * plan.height * plan.frames
        bytes_each = torch.empty((), dtype=loaded.dtype).element_size()
        need = KIND.memory(command.model, 0, bytes_each, float(pixels))
        available = memory.make_room(need, job, keep=loaded.key)
        self._saves_memory = command.saves_memory or available < need
        # The stages of a picture as high as all frames together need as much.
        self._fallback.prepare(
            available,
            plan.width,
            plan.height * max(1, plan.frames // 4),
            saves_memory=command.saves_memory,
        )
        # The encoders of a video pipeline are not released: each takes a different route to them.
        loaded.releases_encoders = False

    def row(self, row: int) -> None:
        """Make one clip. Raises as `run` does."""
        job, plan = self._job, self._plan
        self._progress.begin(row)
        begun = time.monotonic()
        with PeakMemory(self._loaded.device) as peak:
            frames = self._frames(seed_of_row(self._request.seed, row))
        drawn = time.monotonic()
        self._progress.finish()
        if not np.isfinite(frames).all():
            job.row_failed(
                row,
                Problem(
                    "model_broken",
                    sentence(
                        "The model produced invalid numbers for this clip. Try another size; if"
                        " that does not help, download the model again."
                    ),
                ),
            )
            return
        if plan.continues and len(frames) > 1:
            frames = frames[1:]
        path = job.temporary(".mp4")
        try:
            pixels = (frames * 255.0).round().clip(0, 255).astype(np.uint8)
            write_clip(pixels, self._encoding, path, job.check)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        timings = {
            "load": self._load_seconds / len(self._command.rows),
            "draw": drawn - begun,
            "write": time.monotonic() - drawn,
        }
        stats = {
            "width": float(plan.width),
            "height": float(plan.height),
            "frames": float(len(frames)),
            "duration": len(frames) / plan.fps,
        }
        if self._loaded.placement == "whole":
            call = float(plan.width * plan.height * plan.frames)
            weights = float(self._loaded.size)
            stats |= {**peak.stats, "call_size": call, "model_memory": weights}
        request = self._request
        read = (request.image, request.last_image, request.input)
        recipe = make_recipe(
            self._command,
            self._resolved(row),
            row,
            device=self._loaded.device.description,
            dtype=self._loaded.dtype,
            libraries={
                **libraries(),
                "av": metadata.version("av"),
                "encoder": self._encoding.codec,
            },
            model_sha256=self._loaded.sha256,
            adjustments=(*self._loaded.changes, *self._fallback.changes),
            timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
            stats=stats,
            parents=[Parent(file.path, file.sha256) for file in read if file is not None],
        )
        job.asset(row, path, recipe)

    def _frames(self, seed: int) -> Frames:
        """Return the frames, after each fallback again while memory runs out."""
        while True:
            try:
                with decoded_in_parts(self._loaded.pipeline, saves_memory=self._saves_memory):
                    return make_frames(
                        self._loaded,
                        self._plan,
                        seed,
                        self._job,
                        self._progress.on_step,
                        self._report_overflow,
                        saves_memory=self._saves_memory,
                    )
            except (JobCancelledError, ProblemError):
                raise
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                release_frames(error)
                failure = error
            self._saves_memory = True
            try:
                self._fallback.step_down(failure, 1)
            except ProblemError as error:
                raise problem(
                    "out_of_memory",
                    "There is not enough memory for a clip of this size, even in the slowest mode."
                    " Choose fewer frames, a smaller size or a smaller model, or close other"
                    " programs.",
                    detail=error.problem.detail,
                ) from error

    def _resolved(self, row: int) -> ClipRequest:
        """Return the request that reproduces one clip, with the values actually used."""
        request, plan = self._request, self._plan
        return msgspec.structs.replace(
            request,
            prompt=plan.prompt,
            negative_prompt=plan.negative_prompt,
            seed=seed_of_row(request.seed, row),
            count=1,
            width=plan.width,
            height=plan.height,
            frames=plan.frames,
            fps=plan.fps,
            steps=plan.steps,
            guidance_scale=plan.guidance_scale,
            image=request.image if plan.first is not None and not plan.continues else None,
            last_image=request.last_image if plan.last is not None else None,
            input=request.input if plan.continues else None,
        )

    def _report_overflow(self) -> None:
        message = sentence(
            "The last stage (VAE) overflowed in half precision. It was repeated in full precision."
        )
        self._loaded.changes.append(str(message))
        self._job.warn("precision", message)
