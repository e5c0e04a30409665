"""Generates rows in batches: of one job, or of several jobs with the same settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.engine.local.devices import is_out_of_memory
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, collect, release_frames
from studio.engine.tasks.text.answers import Answers
from studio.engine.tasks.text.decode.sampling import Sampling
from studio.engine.tasks.text.decode.text_decoder import PrefilledPrompt, Row
from studio.engine.tasks.text.model.loaded import LoadedText
from studio.kinds.text import sampling_values
from studio.protocol import problem, seed_of_row, sentence

MAX_ROWS = 32
"""Largest batch. More rows gain little and delay the first texts."""

_CACHE_OVERHEAD = 1.6
"""The KV cache grows by half when it is full, and is copied when rows leave the batch."""

PEAK_SECONDS = 0.1
"""How often memory is measured. It grows slowly, and a measurement costs a hundredth of a token."""

_LOGITS_BYTES = 24
"""Working memory for each vocabulary entry of each row, in bytes."""


@dataclass(frozen=True)
class BatchRow:
    """A row to generate: the job's answers, its index in the job, and its prompt."""

    answers: Answers
    row: int
    prompt: PrefilledPrompt

    @property
    def cells(self) -> int:
        """Tokens of its prompt and its longest answer."""
        return len(self.prompt.ids) + self.answers.prompt.max_tokens

    @property
    def nbytes(self) -> int:
        """Memory needed to generate it, in bytes."""
        return (
            int(self.prompt.row_bytes * self.cells * _CACHE_OVERHEAD)
            + _LOGITS_BYTES * self.prompt.vocabulary
        )


def generate_all(
    job: Job,
    rows: Sequence[BatchRow],
    loaded: LoadedText,
    memory: MemoryArbiter,
    on_finished: Callable[[Answers], None] = lambda _: None,
    at_once: int = MAX_ROWS,
) -> None:
    """Generate all rows in batches as large as memory and batch invariance allow.

    The batch size is halved when memory runs out. Rows of cancelled jobs are skipped.

    Args:
        job: checked for cancellation; receives warnings.
        rows: rows with the same model and settings; at least one.
        loaded: the model.
        memory: unloads other models to make room.
        on_finished: called with the answers of each job once they are complete.
        at_once: the largest batch.

    Raises:
        ProblemError: `out_of_memory`, if memory is too small even for a single row.
        JobCancelledError: at any token.
    """
    alike: dict[int, list[BatchRow]] = {}
    for row in rows:
        alike.setdefault(loaded.decoder.batch_class(row.cells), []).append(row)
    for each in alike.values():
        _generate_alike(job, each, loaded, memory, on_finished, at_once)


def _generate_alike(
    job: Job,
    rows: Sequence[BatchRow],
    loaded: LoadedText,
    memory: MemoryArbiter,
    on_finished: Callable[[Answers], None],
    at_once: int,
) -> None:
    """Generate rows that may share a batch."""
    waiting = [row for row in rows if not row.answers.job.is_cancelled]
    if not waiting:
        return
    row_bytes = max(row.nbytes for row in rows)
    at_once = min(len(rows), at_once)
    free = memory.make_room(row_bytes * at_once, job, keep=loaded.key)
    fitting = max(1, min(at_once, rows_that_fit(free, row_bytes)))
    size = loaded.decoder.largest_batch(fitting, max(row.cells for row in rows), job.check)
    if size < fitting and rows[0].answers.request.fast_variations:
        size = fitting
        for answers in _answers_of(rows):
            answers.add_adjustment(
                f"Written with others in batches of up to {size}; alone, the text may differ."
            )
    while waiting:
        batch = waiting[:size]
        if fewer := _run_batch(batch, job, on_finished):
            for answers in _answers_of(batch):
                answers.add_adjustment(
                    f"Memory ran out with {size} variations at once; continued with {fewer}."
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
            memory.make_room(row_bytes * size, job, keep=loaded.key)
        waiting = [
            row
            for row in waiting
            if row.row not in row.answers.done and not row.answers.job.is_cancelled
        ]


def rows_that_fit(free: int, row_bytes: int) -> int:
    """Return how many rows of `row_bytes` bytes fit into 80 % of `free` bytes."""
    return int(free * 0.8) // max(1, row_bytes)


def _run_batch(batch: Sequence[BatchRow], job: Job, on_finished: Callable[[Answers], None]) -> int:
    """Generate a batch. Returns 0, or a smaller batch size to retry with if memory ran out."""
    try:
        _generate_batch(batch, job.check, on_finished)
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


def _generate_batch(
    batch: Sequence[BatchRow], check: Callable[[], None], on_finished: Callable[[Answers], None]
) -> None:
    """Generate rows in one batch."""
    request, loaded = batch[0].answers.request, batch[0].answers.loaded
    sampling = Sampling(*sampling_values(request))
    rows = [
        Row(
            row.prompt,
            seed_of_row(row.answers.request.seed, row.row),
            row.answers.prompt.max_tokens,
            row.answers.row_grammar(),
        )
        for row in batch
    ]
    failed: set[int] = set()
    streams = [row.answers.stream() for row in batch]
    progress = [_JobProgress(answers, batch) for answers in _answers_of(batch)]

    def is_wanted(place: int) -> bool:
        grammar = rows[place].grammar
        is_over = grammar is not None and (grammar.is_complete or place in failed)
        is_over |= streams[place].is_stopped
        return not is_over and not batch[place].answers.job.is_cancelled

    started = time.monotonic()

    def start_clock() -> None:
        nonlocal started
        started = time.monotonic()

    steps = loaded.decoder.generate(
        rows, sampling, loaded.stop_tokens, check, is_wanted, start_clock
    )
    for made, tokens in enumerate(steps, 1):
        seconds = time.monotonic() - started
        for job_progress in progress:
            job_progress.count([place for place, _ in tokens], seconds)
        for place, token in tokens:
            if not is_wanted(place):
                continue
            answers, row, stream = batch[place].answers, batch[place].row, streams[place]
            ended, grammar = token in loaded.stop_tokens, rows[place].grammar
            text = "" if ended else stream.push(token)
            if grammar is not None:
                if not ended:
                    grammar.push(token, text)
                if grammar.problem is not None:
                    failed.add(place)
                    answers.fail_row(row, grammar.problem)
                    continue
                ended |= grammar.is_complete
            answers.emit_text(row, stream, text)
            ended |= stream.is_stopped
            if ended or made == answers.prompt.max_tokens:
                answers.finish_row(row, stream, seconds, len(batch), cut=not ended)
        for job_progress in progress:
            job_progress.report(made, on_finished)


class _JobProgress:
    """Tracks the progress of one job in a batch that may contain several."""

    def __init__(self, answers: Answers, batch: Sequence[BatchRow]) -> None:
        self._answers = answers
        self._places = {place for place, row in enumerate(batch) if row.answers is answers}
        self._before = len(answers.done) * answers.prompt.max_tokens
        self._seconds = answers.seconds
        self._reported = False

    def count(self, places: Sequence[int], seconds: float) -> None:
        """Count the tokens of a step, given by their places in the batch."""
        if made := len(self._places.intersection(places)):
            self._answers.count_tokens(made, self._seconds + seconds)

    def report(self, made: int, on_finished: Callable[[Answers], None]) -> None:
        """Report progress after `made` tokens per row, and completion once."""
        if self._reported:
            return
        self._answers.progress(self._before + made * len(self._places))
        if self._answers.complete:
            self._reported = True
            self._answers.warn_about_cut_answers()
            on_finished(self._answers)


def _answers_of(batch: Sequence[BatchRow]) -> list[Answers]:
    """Return the distinct jobs of a batch, in order."""
    return list({id(row.answers): row.answers for row in batch}.values())
