"""Fake transcripts: the words of the file's name, four times, with made-up times."""

from __future__ import annotations

import io
from pathlib import Path

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.formats.pictures.embedded import Embedded
from studio.formats.recipes import front_matter
from studio.formats.sounds import peaks
from studio.formats.sounds.comments import LYRICS, PEAKS
from studio.formats.sounds.lyrics import TimedLine, TimedWord, to_lrc, to_text
from studio.kinds.transcribe import TranscribeRequest
from studio.protocol import Parent

_LINES = 4
_WORD_SECONDS = 0.25


def _lines(request: TranscribeRequest) -> list[TimedLine]:
    words = [*Path(request.input.path).stem.replace("-", " ").split(), "was", "heard."]
    lines = []
    for number in range(_LINES):
        first = number * len(words)
        timed = (
            TimedWord(word, (first + at) * _WORD_SECONDS, (first + at + 1) * _WORD_SECONDS)
            for at, word in enumerate(words)
        )
        lines.append(TimedLine(tuple(timed)))
    return lines


def _make(job: Job, request: TranscribeRequest, _seed: int) -> FakeResult:
    path = job.temporary(".md")
    lines = _lines(request)
    waveform = peaks.to_text((at % 40) / 40 for at in range(peaks.COUNT))
    with path.open("xb") as file:
        texts = {LYRICS: to_lrc(lines), PEAKS: waveform}
        front_matter.write(io.BytesIO(to_text(lines).encode()), file, Embedded(texts=texts))
    parent = Parent(request.input.path, request.input.sha256)
    resolved = {"language": request.language or "en"}
    return FakeResult(path, {"source_duration": lines[-1].end}, resolved, (parent,))


def _step(
    job: Job, request: TranscribeRequest, row: int, _seed: int, step: int, _steps: int
) -> None:
    lines = _lines(request)
    if step <= len(lines):
        job.text(row, f"{lines[step - 1].text}\n")


FAKE = FakeKind(_make, _step)
