"""A text job: load, fit the conversation into the context, answer in batches."""

from __future__ import annotations

import time

from studio.context import prompt_budget
from studio.engine.devices import Device, is_out_of_memory
from studio.engine.job import Job
from studio.engine.memory import MemoryArbiter, collect, release_frames
from studio.engine.text.answers import Answers
from studio.engine.text.chat import Prompt, prepare
from studio.engine.text.decode import ReadPrompt
from studio.engine.text.load import LoadedText, acquire
from studio.protocol import RunJob, TextRequest, problem, sentence

MOST_ROWS = 32
"""Rows of a batch. More gain little, and the first texts come later."""

_GROWTH = 1.6
"""The attention cache grows by half when it is full, and rows are copied into a smaller one."""

_LOGITS = 24
"""Bytes of work for each entry of the vocabulary in each row."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Answer the wanted rows of a text request.

    Returns:
        `tokens`, `tokens_per_second` (all rows together, without the prompt),
        `time_to_first_token` (s, without loading), `prompt_tokens`, `load_seconds`.

    Raises:
        ProblemError: the model is broken or missing, memory is out, the prompt is too long, or
            the conversation is refused.
        JobCancelled: at any token, part of the prompt, or stage of loading.
    """
    request = command.request
    assert isinstance(request, TextRequest)
    begun = time.monotonic()
    loaded = acquire(job, command.model, memory, device)
    load_seconds = time.monotonic() - begun
    prompt = prepare(request, loaded.encode, loaded.template, loaded.special, loaded.context)
    answers = Answers(job, command, request, loaded, device, prompt, load_seconds)
    _tell_cut(job, answers, request, prompt, loaded.context)
    read = loaded.decoder.read(prompt.ids, job.check)
    size = _batch_size(loaded, read, prompt, len(command.rows), memory, job)
    rows = list(command.rows)
    while rows:
        fewer = _answer(answers, read, rows[:size])
        if fewer:
            answers.adjusted(f"Memory ran out with {size} variations at once: {fewer} were made.")
            job.warn(
                "memory",
                sentence(
                    "Memory ran out with {rows} variations at once. Going on with {fewer}.",
                    rows=min(size, len(rows)),
                    fewer=fewer,
                ),
            )
            size = fewer
            memory.make_room(_row_bytes(read, prompt) * size, job, keep=loaded.key)
        rows = [row for row in rows if row not in answers.done]
    return {
        "tokens": float(answers.tokens),
        "tokens_per_second": answers.tokens / answers.seconds if answers.seconds > 0 else 0.0,
        "time_to_first_token": answers.first_token,
        "prompt_tokens": float(len(prompt.ids)),
        "load_seconds": load_seconds,
    }


def _answer(answers: Answers, read: ReadPrompt, rows: list[int]) -> int:
    """Answer these rows. Returns 0, or how many to try at once since memory ran out.

    Raises:
        ProblemError: `out_of_memory`, where one row alone is too many.
    """
    try:
        answers.make(read, rows)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        release_frames(error)
        if len(rows) == 1:
            raise problem(
                "out_of_memory",
                "Memory ran out while writing. Shorten the prompt or the answer, close other"
                " programs, or choose a smaller model.",
                detail=f"{type(error).__name__}: {error}",
            ) from error
    else:
        return 0
    collect()
    return len(rows) // 2


def _batch_size(
    loaded: LoadedText,
    read: ReadPrompt,
    prompt: Prompt,
    rows: int,
    memory: MemoryArbiter,
    job: Job,
) -> int:
    """Return how many rows to make at once: as many as are wanted, fit, and agree."""
    a_row = _row_bytes(read, prompt)
    free = memory.make_room(a_row * min(rows, MOST_ROWS), job, keep=loaded.key)
    return loaded.decoder.agreement.largest(max(1, min(MOST_ROWS, rows_fitting(free, a_row))))


def rows_fitting(free: int, a_row: int) -> int:
    """Return how many rows of `a_row` bytes fit into 80 % of `free` bytes."""
    return int(free * 0.8) // max(1, a_row)


def _row_bytes(read: ReadPrompt, prompt: Prompt) -> int:
    tokens = len(prompt.ids) + prompt.room
    return int(read.row_bytes * tokens * _GROWTH) + _LOGITS * read.logits.shape[-1]


def _tell_cut(
    job: Job, answers: Answers, request: TextRequest, prompt: Prompt, context: int | None
) -> None:
    """Say what was left out, and how little room is left for the answer."""
    if context is None:
        return
    if prompt.characters and prompt.continues:
        answers.adjusted(f"The first {prompt.characters} characters of the text were left out.")
        job.warn(
            "context_cut",
            sentence(
                "The text is longer than the model can read: its first {characters} characters"
                " were left out.",
                characters=prompt.characters,
            ),
        )
    elif prompt.left_out:
        answers.adjusted(
            f"The oldest {prompt.left_out} messages ({prompt.characters} characters) were left out."
        )
        job.warn(
            "context_cut",
            sentence(
                "The conversation is longer than the model can read: the oldest {messages}"
                " messages ({characters} characters) were left out.",
                messages=prompt.left_out,
                characters=prompt.characters,
            ),
        )
    if len(prompt.ids) > prompt_budget(context, request.max_tokens):
        answers.adjusted(f"The answer had room for {prompt.room} tokens.")
        job.warn(
            "context_cut",
            sentence(
                "The prompt nearly fills what the model can read. The answer has room for"
                " {tokens} tokens.",
                tokens=prompt.room,
            ),
        )
