"""Runs a job that describes a picture: load the model, read the picture, write each row."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
from PIL import Image

from studio.engine.local.devices import Device, libraries
from studio.engine.local.input_digest import input_digest
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.describe.llama_model import LlamaVision, acquire_llama_vision
from studio.engine.tasks.describe.llama_writing import LlamaReading
from studio.engine.tasks.image.pictures.start_picture import read_picture
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.describe import DEFAULT_PROMPT, PROJECTOR_FORMAT, DescribeRequest
from studio.protocol import Parent, Problem, RunJob, seed_of_row, sentence

if TYPE_CHECKING:
    from studio.engine.tasks.describe.model import LoadedVision
    from studio.engine.tasks.describe.writing import TransformersReading

_VARIED = 0.7
"""Temperature of several rows of a model that always picks the likeliest token by itself."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Write the rows of a request about one picture.

    Returns:
        Statistics: tokens, tokens a second, seconds by stage.

    Raises:
        ProblemError: the picture cannot be read, or the model cannot be used.
        JobCancelledError: at any layer of the network, or stage of loading.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, DescribeRequest):
        raise TypeError(f"not a job about a picture: {type(request).__name__}")
    path = job.path_of(request.input)
    picture = read_picture(path)
    parent = Parent(str(path), input_digest(path, job.check))
    started = time.monotonic()
    loaded = _acquire(job, command, memory, device)
    fingerprint = weight_hash(command.model, job.check)
    read = time.monotonic()
    begun = time.monotonic()
    heat = request.temperature
    if heat is None and request.count > 1 and loaded.is_greedy:
        heat = _VARIED
    total = request.max_tokens * len(command.rows)
    tokens, done, cut_rows = 0, 0, 0
    with closing(_read(loaded, picture, request, job)) as reading:
        prompt_tokens = float(reading.tokens)
        for row in command.rows:
            row_begun = time.monotonic()

            def show(new: str, count: int, row: int = row, done: int = done) -> None:
                if new:
                    job.text(row, new)
                job.progress(min(done + count, total), total)

            with PeakMemory(device) as peak:
                seed = seed_of_row(request.seed, row)
                stream, is_cut = reading.write(seed, heat, show)
            done += request.max_tokens
            tokens += stream.tokens
            cut_rows += is_cut
            text = stream.text.strip()
            if not text:
                job.row_failed(
                    row,
                    Problem(
                        "model_broken",
                        sentence("The model wrote nothing about this picture. Try another prompt."),
                    ),
                )
                continue
            seconds = time.monotonic() - row_begun
            recipe = make_recipe(
                command,
                msgspec.structs.replace(
                    request,
                    seed=seed,
                    count=1,
                    temperature=heat,
                    model=command.model.id or request.model,
                ),
                row,
                device=device.description,
                dtype=loaded.precision,
                libraries=libraries(),
                model_sha256=fingerprint,
                timings={
                    "load": round((read - started) / len(command.rows), 3),
                    "generate": round(seconds, 3),
                },
                stats={
                    "tokens": float(stream.tokens),
                    "prompt_tokens": prompt_tokens,
                    "tokens_per_second": stream.tokens / seconds if seconds else 0.0,
                    "reached_limit": float(is_cut),
                    **_memory_stats(peak, loaded),
                },
                parents=[parent],
            )
            target = job.temporary(".txt")
            target.write_text(text, encoding="utf-8", newline="\n")
            job.asset(row, target, recipe)
    job.progress(total, total)
    if cut_rows:
        job.warn(
            "answer_cut",
            sentence(
                "{rows} of {count} texts reached the limit of {tokens} tokens and may be cut off."
                " Raise the limit for longer texts.",
                rows=cut_rows,
                count=len(command.rows),
                tokens=request.max_tokens,
            ),
        )
    seconds = time.monotonic() - begun
    return {
        "tokens": float(tokens),
        "tokens_per_second": tokens / seconds if seconds else 0.0,
        "load_seconds": read - started,
        "prompt_tokens": prompt_tokens,
    }


def _acquire(
    job: Job, command: RunJob, memory: MemoryArbiter, device: Device
) -> LlamaVision | LoadedVision:
    if command.model.format == PROJECTOR_FORMAT:
        return acquire_llama_vision(job, command.model, memory, device)
    # Imported late: llama.cpp needs no torch.
    from studio.engine.tasks.describe.model import acquire_vision

    return acquire_vision(job, command.model, memory, device, saves_memory=command.saves_memory)


def _read(
    loaded: LlamaVision | LoadedVision, picture: Image.Image, request: DescribeRequest, job: Job
) -> LlamaReading | TransformersReading:
    prompt = request.prompt.strip() or DEFAULT_PROMPT
    if isinstance(loaded, LlamaVision):
        return LlamaReading(loaded, picture, prompt, request.max_tokens, job)
    from studio.engine.tasks.describe.writing import TransformersReading

    return TransformersReading(loaded, picture, prompt, request.max_tokens, job)


def _memory_stats(peak: PeakMemory, loaded: LlamaVision | LoadedVision) -> dict[str, float]:
    return {**peak.stats, "model_memory": float(loaded.nbytes)}
