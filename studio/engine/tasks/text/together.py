"""Runs several text jobs with the same model and settings in shared batches."""

from __future__ import annotations

import time
from collections.abc import Callable

from studio.engine.local.devices import Device, is_out_of_memory
from studio.engine.local.group import Group, Part
from studio.engine.local.memory import MemoryArbiter, collect, release_frames
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.local.process import final_event
from studio.engine.tasks.text.answers import Answers, Fingerprint
from studio.engine.tasks.text.batches import PEAK_SECONDS, BatchRow, generate_all
from studio.engine.tasks.text.decode.text_decoder import PrefilledPrompt, TextDecoder
from studio.engine.tasks.text.model.load import acquire
from studio.engine.tasks.text.prompt import build_prompt
from studio.engine.tasks.text.run import warn_about_cut_prompt
from studio.kinds.model_defaults import with_model_defaults
from studio.kinds.text import TextRequest
from studio.protocol import Done, ProblemError


def run_together(group: Group, memory: MemoryArbiter, device: Device) -> None:
    """Answer the jobs of a group; each ends with its last row.

    A job whose prompt is rejected fails alone. If the results would differ from those of jobs
    run alone, nothing is done. If memory is too small for all prompts, only some jobs are run.
    Jobs that are not done here are left to be run one by one.

    Raises:
        ProblemError: the model is broken or missing, or memory ran out.
        JobCancelledError: all jobs were cancelled.
    """
    started = time.monotonic()
    model = group.parts[0].command.model
    loaded = acquire(group.job, model, memory, device)
    load_seconds = time.monotonic() - started
    if not loaded.decoder.can_mix_prompts(group.job.check):
        return
    fingerprint = Fingerprint(group.job, model)
    prompts = _PromptCache(loaded.decoder, group.job.check)
    rows: list[BatchRow] = []

    def add(part: Part) -> None:
        request = with_model_defaults(part.command.request, {})
        assert isinstance(request, TextRequest)
        prompt = build_prompt(
            request, loaded.encode, loaded.template, loaded.special, loaded.context
        )
        answers = Answers(
            part.job, part.command, request, loaded, device, prompt, load_seconds, fingerprint
        )
        warn_about_cut_prompt(part.job, answers)
        prepared = prompts.prepare(prompt.ids)
        rows.extend(BatchRow(answers, row, prepared) for row in part.command.rows)

    def on_finished(answers: Answers) -> None:
        group.part_of(answers.job).end(Done(answers.job.id, answers.stats))

    try:
        for part in group.active():
            if 2 * prompts.nbytes > memory.available():
                break
            try:
                add(part)
            except ProblemError as error:
                part.end(final_event(error, part.job))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        release_frames(error)
        rows.clear()
    if not rows:
        prompts.clear()
        collect()
        return
    prompts.clear()
    with PeakMemory(device, PEAK_SECONDS) as peak:
        for row in rows:
            row.answers.peak = peak
        generate_all(group.job, rows, loaded, memory, on_finished)


class _PromptCache:
    """Prompts of several jobs; equal prompts are read once."""

    def __init__(self, decoder: TextDecoder, check: Callable[[], None]) -> None:
        self._decoder = decoder
        self._check = check
        self._kept: dict[tuple[int, ...], PrefilledPrompt] = {}

    @property
    def nbytes(self) -> int:
        """Total size of the KV caches in bytes."""
        return int(sum(prompt.row_bytes * len(prompt.ids) for prompt in self._kept.values()))

    def prepare(self, ids: list[int]) -> PrefilledPrompt:
        """Return the prompt for a batch with others."""
        prepared = self._kept.get(tuple(ids))
        if prepared is None:
            prepared = self._kept[tuple(ids)] = self._decoder.prepare(ids, self._check)
        return prepared

    def clear(self) -> None:
        """Drop all prompts; those that rows refer to stay in memory."""
        self._kept.clear()
