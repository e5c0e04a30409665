"""Runs a text job: load the model, fit the conversation into the context, generate answers."""

from __future__ import annotations

import time

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.tasks.text.answers import Answers
from studio.engine.tasks.text.batches import MAX_ROWS, PEAK_SECONDS, BatchRow, generate_all
from studio.engine.tasks.text.decode.grammar import check_grammar
from studio.engine.tasks.text.model.load import acquire
from studio.engine.tasks.text.next_turn import read_on
from studio.engine.tasks.text.prompt import build_prompt
from studio.formats.chat.context_window import prompt_budget
from studio.kinds.model_defaults import with_model_defaults
from studio.kinds.text import TextRequest
from studio.protocol import RunJob, sentence


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Generate the rows of a text request.

    Returns:
        `tokens`, `tokens_per_second` (all rows together, without the prompt),
        `time_to_first_token` (s, without loading), `prompt_tokens`, `load_seconds`.

    Raises:
        ProblemError: the model is broken or missing, memory ran out, the prompt is too long, or
            the chat template rejects the conversation.
        JobCancelledError: at any token, part of the prompt, or stage of loading.
    """
    request = with_model_defaults(command.request, {})
    assert isinstance(request, TextRequest)
    check_grammar(request, job.check)
    started = time.monotonic()
    loaded = acquire(job, command.model, memory, device, saves_memory=command.saves_memory)
    load_seconds = time.monotonic() - started
    prompt = build_prompt(request, loaded.encode, loaded.template, loaded.special, loaded.context)
    answers = Answers(job, command, request, loaded, device, prompt, load_seconds)
    warn_about_cut_prompt(job, answers)
    warn_about_saved_memory(job, answers)
    at_once = 1 if command.saves_memory else MAX_ROWS
    with PeakMemory(device, PEAK_SECONDS) as answers.peak:
        prepared = loaded.decoder.prepare(prompt.ids, job.check, is_only=True)
        rows = [BatchRow(answers, row, prepared) for row in command.rows]
        generate_all(job, rows, loaded, memory, at_once=at_once)
    if not answers.complete:
        job.check()
    if len(answers.texts) == 1 and not command.saves_memory:
        [text] = answers.texts.values()
        row_bytes = prepared.row_bytes
        job.when_idle = lambda check: read_on(request, text, loaded, memory, row_bytes, check)
    return answers.stats


def warn_about_saved_memory(job: Job, answers: Answers) -> None:
    """Warn of what is done differently because an earlier attempt was killed."""
    if not answers.saves_memory:
        return
    messages = []
    if answers.loaded.is_narrowed:
        messages.append(sentence("Memory is low, so the model runs in 16-bit precision."))
    if answers.rows > 1:
        messages.append(sentence("Memory is low, so the answers are written one at a time."))
    for message in messages:
        answers.add_adjustment(str(message))
        job.warn("memory", message)


def warn_about_cut_prompt(job: Job, answers: Answers) -> None:
    """Warn if the prompt was shortened, or if it leaves less room than requested."""
    prompt, context = answers.prompt, answers.loaded.context
    if context is None:
        return
    if prompt.characters and prompt.continues:
        answers.add_adjustment(
            f"The first {prompt.characters} characters of the text were left out."
        )
        job.warn(
            "context_cut",
            sentence(
                "The text is longer than the model can read: its first {characters} characters"
                " were left out.",
                characters=prompt.characters,
            ),
        )
    elif prompt.left_out:
        answers.add_adjustment(
            f"The oldest {prompt.left_out} messages ({prompt.characters} characters) were left out."
        )
        job.warn(
            "context_cut",
            sentence(
                "The conversation is longer than the model can read. Messages left out, oldest"
                " first: {messages} ({characters} characters).",
                messages=prompt.left_out,
                characters=prompt.characters,
            ),
        )
    if len(prompt.ids) > prompt_budget(context, answers.request.max_tokens):
        answers.add_adjustment(f"The answer had room for {prompt.max_tokens} tokens.")
        job.warn(
            "context_cut",
            sentence(
                "The prompt nearly fills the model's context window. Tokens left for the answer:"
                " {tokens}.",
                tokens=prompt.max_tokens,
            ),
        )
