"""A text job: load, fit the conversation into the context, answer in batches."""

from __future__ import annotations

import time

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.text.answers import Answers
from studio.engine.tasks.text.batches import Line, write_all
from studio.engine.tasks.text.chat import prepare
from studio.engine.tasks.text.model.load import acquire
from studio.formats.context_window import prompt_budget
from studio.kinds.text import TextRequest
from studio.protocol import RunJob, sentence


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Answer the wanted rows of a text request.

    Returns:
        `tokens`, `tokens_per_second` (all rows together, without the prompt),
        `time_to_first_token` (s, without loading), `prompt_tokens`, `load_seconds`.

    Raises:
        ProblemError: the model is broken or missing, memory is out, the prompt is too long, or
            the conversation is refused.
        JobCancelledError: at any token, part of the prompt, or stage of loading.
    """
    request = command.request
    assert isinstance(request, TextRequest)
    begun = time.monotonic()
    loaded = acquire(job, command.model, memory, device)
    load_seconds = time.monotonic() - begun
    prompt = prepare(request, loaded.encode, loaded.template, loaded.special, loaded.context)
    answers = Answers(job, command, request, loaded, device, prompt, load_seconds)
    tell_cut(job, answers)
    read = loaded.decoder.read(prompt.ids, job.check)
    write_all(job, [Line(answers, row, read) for row in command.rows], loaded, memory)
    if not answers.complete:
        job.check()
    return answers.stats


def tell_cut(job: Job, answers: Answers) -> None:
    """Say what was left out, and how little room is left for the answer."""
    prompt, context = answers.prompt, answers.loaded.context
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
    if len(prompt.ids) > prompt_budget(context, answers.request.max_tokens):
        answers.adjusted(f"The answer had room for {prompt.room} tokens.")
        job.warn(
            "context_cut",
            sentence(
                "The prompt nearly fills the model's context window. Tokens left for the answer:"
                " {tokens}.",
                tokens=prompt.room,
            ),
        )
