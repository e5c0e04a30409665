"""Writes rows in batches: of one job, or of several with the same settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.engine.local.devices import is_out_of_memory
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, collect, release_frames
from studio.engine.tasks.text.answers import Answers
from studio.engine.tasks.text.decode.decode import ReadPrompt, Row
from studio.engine.tasks.text.decode.sampling import Sampling
from studio.engine.tasks.text.model.load import LoadedText
from studio.protocol import problem, seed_of_row, sentence

MOST_ROWS = 32
"""Rows of a batch. More gain little, and the first texts come later."""

_GROWTH = 1.6
"""The attention cache grows by half when it is full, and rows are copied into a smaller one."""

_LOGITS = 24
"""Bytes of work for each entry of the vocabulary in each row."""


@dataclass(frozen=True)
class Line:
    """A row to be written: whose it is, its number in its job, and the prompt it follows."""

    answers: Answers
    row: int
    read: ReadPrompt

    @property
    def nbytes(self) -> int:
        """Bytes that it takes while it is written."""
        tokens = len(self.read.ids) + self.answers.prompt.room
        return int(self.read.row_bytes * tokens * _GROWTH) + _LOGITS * self.read.logits.shape[-1]


def write_all(
    job: Job,
    lines: Sequence[Line],
    loaded: LoadedText,
    memory: MemoryArbiter,
    finished: Callable[[Answers], None] = lambda _: None,
) -> None:
    """Write all rows, as many at once as fit and agree; fewer where memory runs out.

    Rows of a job that is cancelled meanwhile are left out.

    Args:
        job: asked whether to stop, and told what goes wrong.
        lines: of one model and settings; at least one.
        loaded: the model.
        memory: makes room.
        finished: told each job's answers once they are complete.

    Raises:
        ProblemError: `out_of_memory`, where one row alone is too many.
        JobCancelledError: at any token.
    """
    waiting = list(lines)
    a_row = max(line.nbytes for line in lines)
    free = memory.make_room(a_row * min(len(lines), MOST_ROWS), job, keep=loaded.key)
    size = loaded.decoder.agreement.largest(max(1, min(MOST_ROWS, rows_fitting(free, a_row))))
    while waiting:
        batch = waiting[:size]
        if fewer := _fewer_after(batch, job, finished):
            for answers in _jobs_of(batch):
                answers.adjusted(
                    f"Memory ran out with {size} variations at once: {fewer} were made."
                )
            job.warn(
                "memory",
                sentence(
                    "Memory ran out with {rows} variations at once. Continuing with {fewer} at a"
                    " time.",
                    rows=len(batch),
                    fewer=fewer,
                ),
            )
            size = fewer
            memory.make_room(a_row * size, job, keep=loaded.key)
        waiting = [
            line
            for line in waiting
            if line.row not in line.answers.done and not line.answers.job.is_cancelled
        ]


def rows_fitting(free: int, a_row: int) -> int:
    """Return how many rows of `a_row` bytes fit into 80 % of `free` bytes."""
    return int(free * 0.8) // max(1, a_row)


def _fewer_after(batch: Sequence[Line], job: Job, finished: Callable[[Answers], None]) -> int:
    """Write a batch. Returns 0, or how many rows to try at once since memory ran out."""
    try:
        _write(batch, job.check, finished)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        release_frames(error)
        if len(batch) == 1:
            raise problem(
                "out_of_memory",
                "Memory ran out while generating text. Shorten the prompt or the answer, close"
                " other programs, or choose a smaller model.",
                detail=f"{type(error).__name__}: {error}",
            ) from error
    else:
        return 0
    collect()
    return len(batch) // 2


def _write(
    batch: Sequence[Line], check: Callable[[], None], finished: Callable[[Answers], None]
) -> None:
    """Write rows in one batch."""
    request, loaded = batch[0].answers.request, batch[0].answers.loaded
    how = Sampling(request.temperature, request.top_p, request.top_k, request.repetition_penalty)
    rows = [
        Row(line.read, seed_of_row(line.answers.request.seed, line.row), line.answers.prompt.room)
        for line in batch
    ]
    streams = [line.answers.stream() for line in batch]
    shares = [_Share(answers, batch) for answers in _jobs_of(batch)]

    def wanted(place: int) -> bool:
        return not batch[place].answers.job.is_cancelled

    started = time.monotonic()
    steps = loaded.decoder.rows(rows, how, loaded.ends, check, wanted)
    for made, tokens in enumerate(steps, 1):
        seconds = time.monotonic() - started
        for share in shares:
            share.count([place for place, _ in tokens], seconds)
        for place, token in tokens:
            if not wanted(place):
                continue
            answers, row, stream = batch[place].answers, batch[place].row, streams[place]
            ended = token in loaded.ends
            if not ended:
                answers.show(row, stream, stream.push(token))
            if ended or made == answers.prompt.room:
                answers.hand_over(row, stream, seconds, len(batch), cut=not ended)
        for share in shares:
            share.report(made, finished)


class _Share:
    """A job's share of a batch."""

    def __init__(self, answers: Answers, batch: Sequence[Line]) -> None:
        self._answers = answers
        self._places = {place for place, line in enumerate(batch) if line.answers is answers}
        self._before = len(answers.done) * answers.prompt.room
        self._seconds = answers.seconds
        self._told = False

    def count(self, places: Sequence[int], seconds: float) -> None:
        """Note a step that made tokens at these places of the batch."""
        if made := len(self._places.intersection(places)):
            self._answers.count(made, self._seconds + seconds)

    def report(self, made: int, finished: Callable[[Answers], None]) -> None:
        """Say how far the job is after `made` tokens of its rows."""
        if self._told:
            return
        self._answers.progress(self._before + made * len(self._places))
        if self._answers.complete:
            self._told = True
            self._answers.tell_cut_answers()
            finished(self._answers)


def _jobs_of(batch: Sequence[Line]) -> list[Answers]:
    """Return the jobs that rows belong to, in order, each once."""
    return list({id(line.answers): line.answers for line in batch}.values())
