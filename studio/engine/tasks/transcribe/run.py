"""Runs a transcription: from a sound or video to text with the time of each word."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from studio.engine.local.devices import Device
from studio.engine.local.input_digest import input_digest
from studio.engine.local.job import EtaEstimator, Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.transcribe.hearing import RATE, Hearing
from studio.engine.tasks.transcribe.kept_parts import KeptParts
from studio.engine.tasks.transcribe.lines import lines_of
from studio.engine.tasks.transcribe.parts import Part, parts_of
from studio.engine.tasks.transcribe.recogniser import (
    PRECISION,
    Recogniser,
    Word,
    acquire_recogniser,
)
from studio.formats.pictures.embedded import Embedded
from studio.formats.recipes import front_matter
from studio.formats.sounds import lyrics, peaks
from studio.formats.sounds.comments import LYRICS, PEAKS
from studio.formats.sounds.spoken_languages import code_of
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.transcribe import TranscribeRequest
from studio.protocol import Parent, RunJob, Sentence, problem, sentence

_LIBRARIES = ("faster-whisper", "ctranslate2", "av", "onnxruntime")
_MISSING_SECONDS = 2.0
"""Less sound than the header states is nothing to speak of, up to this much."""


class _Heard(Struct, frozen=True):
    """What was said."""

    lines: tuple[lyrics.TimedLine, ...]
    language: str
    again: int
    """Parts that an interrupted job had written down."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Write down what is said in a recording.

    Returns:
        Statistics: seconds by stage, seconds of sound.

    Raises:
        ProblemError: nothing is said in it, or the recording or the model cannot be used.
        JobCancelledError: within a tenth of a second of the cancellation.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, TranscribeRequest):
        raise TypeError(f"not a transcription: {type(request).__name__}")
    started = time.monotonic()
    path = job.path_of(request.input)
    notes: list[Sentence] = []
    digest = input_digest(path, job.check)
    if request.input.sha256 and digest != request.input.sha256.lower():
        notes.append(sentence("{name} was changed after the job was created.", name=path.name))
    hearing = Hearing(path, job.check)
    model = acquire_recogniser(command.model, job, memory)
    fingerprint = weight_hash(command.model, job.check)
    loaded = time.monotonic()
    language = code_of(request.language)
    kept = KeptParts(digest, fingerprint, language, metadata.version("faster-whisper"))
    heard = _write_down(job, hearing, model, language, kept)
    written = time.monotonic()
    if hearing.damage or hearing.stated - hearing.seconds > max(
        _MISSING_SECONDS, 0.02 * hearing.stated
    ):
        notes.append(
            sentence(
                "{name} is damaged or cut off. What could be heard of it is written down, {heard} "
                "of {stated} seconds.",
                name=path.name,
                heard=round(hearing.seconds),
                stated=round(max(hearing.stated, hearing.seconds)),
            )
        )
    if not heard.lines:
        raise problem("bad_input", "Nothing is said in {name}, or it is too quiet.", name=path.name)
    for note in notes:
        job.warn("input", note)
    result = _save(job, heard.lines, hearing)
    words = sum(len(line.words) for line in heard.lines)
    timings = {"load": loaded - started, "transcribe": written - loaded}
    stats = {
        "source_duration": hearing.seconds,
        "words": float(words),
        "parts_kept": float(heard.again),
    }
    recipe = make_recipe(
        command,
        request.with_values(language=heard.language),
        0,
        device=f"cpu ({device.label})" if device.kind == "cpu" else "cpu",
        dtype=PRECISION,
        libraries={name: metadata.version(name) for name in _LIBRARIES},
        model_sha256=fingerprint,
        adjustments=[str(note) for note in notes],
        timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
        stats={name: round(value, 3) for name, value in stats.items()},
        parents=(Parent(str(path), digest),),
    )
    job.asset(0, result, recipe)
    kept.remove()
    return stats | {f"{stage}_seconds": seconds for stage, seconds in timings.items()}


def _write_down(
    job: Job, hearing: Hearing, model: Recogniser, language: str, kept: KeptParts
) -> _Heard:
    lines: list[lyrics.TimedLine] = []
    estimator: EtaEstimator | None = None
    again = 0
    job.progress(0, 1)
    for part in parts_of(hearing.blocks()):
        job.check()
        found: Sequence[Word] | None = kept.words(part)
        if found is None:
            language = language or kept.language or model.language_of(part.samples, job)
            found = model.words_of(part.samples, language, job)
            kept.add(part, language, found)
        else:
            language = language or kept.language
            again += 1
        new = lines_of(found, part.start / RATE + hearing.offset)
        lines += new
        if new:
            job.text(0, _text_of(new))
        estimator = _report(job, hearing, part, estimator)
    return _Heard(tuple(lines), language, again)


def _report(job: Job, hearing: Hearing, part: Part, estimator: EtaEstimator | None) -> EtaEstimator:
    total = max(1, round(max(hearing.stated, hearing.seconds)))
    done = min(total, round(part.end / RATE))
    estimator = estimator or EtaEstimator(total)
    job.progress(done, total, estimator.seconds_left(done))
    return estimator


def _text_of(lines: Sequence[lyrics.TimedLine]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def _save(job: Job, lines: Sequence[lyrics.TimedLine], hearing: Hearing) -> Path:
    """Write the text with the times of its words, and the waveform of the recording."""
    path = job.temporary(".md")
    texts = {LYRICS: lyrics.to_lrc(lines), PEAKS: _waveform(hearing.bars)}
    with path.open("xb") as target:
        text = io.BytesIO(lyrics.to_text(lines).encode())
        front_matter.write(text, target, Embedded(texts=texts))
    return path


def _waveform(bars: Sequence[float]) -> str:
    count = min(peaks.COUNT, len(bars))
    edges = [number * len(bars) // count for number in range(count + 1)] if count else []
    return peaks.to_text(max(bars[start:end]) for start, end in pairwise(edges))
