"""Fake answers that depend only on the prompt and the seed."""

from __future__ import annotations

import msgspec

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.formats.chat.answer_form import columns_of
from studio.kinds.text import TextRequest


def answer(request: TextRequest, seed: int) -> str:
    """Return the fake answer for a seed, up to the first stop sequence.

    It continues the start of the answer, if there is one.
    """
    text = _whole_answer(request, seed)
    stops = [place for stop in request.stop if (place := text.find(stop)) >= 0]
    return text[: min(stops, default=len(text))]


def _whole_answer(request: TextRequest, seed: int) -> str:
    if columns := columns_of(request.schema):
        return msgspec.json.encode({name: f"{name} {seed}" for name in columns}).decode()
    if request.answer_start:
        return f"{request.answer_start} and so on to {seed}."
    topic = " ".join(request.prompt.split())[:60]
    return f"Answer {seed} to **{topic}**: one two three four five six seven eight."


def _make(job: Job, request: TextRequest, seed: int) -> FakeResult:
    path = job.temporary(".txt")
    text = answer(request, seed)
    path.write_text(text, "utf-8")
    return FakeResult(path, {"tokens": float(len(text.split())), "tokens_per_second": 100.0}, {})


def _step(job: Job, request: TextRequest, row: int, seed: int, step: int, steps: int) -> None:
    words = answer(request, seed)[len(request.answer_start) :].split(" ")
    first, last = len(words) * (step - 1) // steps, len(words) * step // steps
    part = " ".join(words[first:last])
    job.text(row, f" {part}" if first and part else part)


FAKE = FakeKind(_make, _step)
