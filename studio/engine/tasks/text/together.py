"""Text jobs of one model and the same settings, written in common batches."""

from __future__ import annotations

import time
from collections.abc import Callable

from studio.engine.local.devices import Device, is_out_of_memory
from studio.engine.local.group import Group, Part
from studio.engine.local.memory import MemoryArbiter, collect, release_frames
from studio.engine.local.process import final_event
from studio.engine.tasks.text.answers import Answers, Fingerprint
from studio.engine.tasks.text.batches import Line, write_all
from studio.engine.tasks.text.chat import prepare
from studio.engine.tasks.text.decode.decode import Decoder, ReadPrompt
from studio.engine.tasks.text.decode.kv_cache import nbytes
from studio.engine.tasks.text.model.load import acquire
from studio.engine.tasks.text.run import tell_cut
from studio.kinds.text import TextRequest
from studio.protocol import Done, ProblemError


def run_together(group: Group, memory: MemoryArbiter, device: Device) -> None:
    """Answer the jobs of a group; each ends when its last row does.

    A job whose prompt is refused fails alone. Where the model's rows do not come out as when
    they are alone, nothing is done, and where memory has no room for so many prompts, not for
    all: the rest is left to be run one by one.

    Raises:
        ProblemError: the model is broken or missing, or memory is out.
        JobCancelledError: when no job is left.
    """
    begun = time.monotonic()
    model = group.parts[0].command.model
    loaded = acquire(group.job, model, memory, device)
    load_seconds = time.monotonic() - begun
    if not loaded.decoder.mixes(group.job.check):
        return
    fingerprint = Fingerprint(group.job, model)
    prompts = _Prompts(loaded.decoder, group.job.check)
    lines: list[Line] = []

    def add(part: Part) -> None:
        request = part.command.request
        assert isinstance(request, TextRequest)
        prompt = prepare(request, loaded.encode, loaded.template, loaded.special, loaded.context)
        answers = Answers(
            part.job, part.command, request, loaded, device, prompt, load_seconds, fingerprint
        )
        tell_cut(part.job, answers)
        read = prompts.read(prompt.ids)
        lines.extend(Line(answers, row, read) for row in part.command.rows)

    def finished(answers: Answers) -> None:
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
        lines.clear()
    if not lines:
        prompts.forget()
        collect()
        return
    prompts.forget()
    write_all(group.job, lines, loaded, memory, finished)


class _Prompts:
    """What the model remembers of several prompts; the same prompt is remembered once."""

    def __init__(self, decoder: Decoder, check: Callable[[], None]) -> None:
        self._decoder = decoder
        self._check = check
        self._kept: dict[tuple[int, ...], ReadPrompt] = {}

    @property
    def nbytes(self) -> int:
        """Bytes that all of them take."""
        return sum(nbytes(read.cache) for read in self._kept.values())

    def read(self, ids: list[int]) -> ReadPrompt:
        """Have the model read a prompt."""
        known = self._kept.get(tuple(ids))
        if known is None:
            known = self._decoder.kept(self._decoder.read(ids, self._check))
            self._kept[tuple(ids)] = known
        return known

    def forget(self) -> None:
        """Let go of what no row holds."""
        self._kept.clear()
