"""Fake descriptions that depend only on the picture's name, the prompt and the seed."""

from __future__ import annotations

from pathlib import PurePath

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.kinds.describe import DescribeRequest


def _make(job: Job, request: DescribeRequest, seed: int) -> FakeResult:
    path = job.temporary(".txt")
    path.write_text(_text(request, seed), "utf-8")
    return FakeResult(path, {"tokens": 8.0}, {})


def _text(request: DescribeRequest, seed: int) -> str:
    name = PurePath(request.input.path).stem
    asked = " ".join(request.prompt.split())[:60]
    return f"Picture {name}, seed {seed}. {asked}".strip()


def _step(job: Job, request: DescribeRequest, row: int, seed: int, step: int, steps: int) -> None:
    text = _text(request, seed)
    job.text(row, text[len(text) * (step - 1) // steps : len(text) * step // steps])


FAKE = FakeKind(_make, _step)
