"""Runs a speech job: from the text to passages, samples and a sound file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import numpy as np
from msgspec import Struct

from studio.engine.local.devices import Device
from studio.engine.local.job import EtaEstimator, Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.speech.script import Passage, passages_of
from studio.engine.tasks.speech.sound.finished import write_sound
from studio.engine.tasks.speech.sound.joining import JoinedSound, sounding
from studio.engine.tasks.speech.text.phonemes import Reader
from studio.engine.tasks.speech.text.scripts import is_mostly_chinese, unreadable_script
from studio.engine.tasks.speech.times import passage_tokens, sounding_part, timed_lines
from studio.engine.tasks.speech.voice.choice import voice_of_row
from studio.engine.tasks.speech.voice.load import (
    MOST_TOKENS,
    RATE,
    VoiceModel,
    acquire_voice,
)
from studio.formats.sounds.comments import LYRICS
from studio.formats.sounds.lyrics import TimedLine, to_lrc
from studio.formats.voices import voice_names
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.speech import SpeechRequest, pairs_of, voices_of
from studio.protocol import RunJob, problem, sentence

_LIBRARIES = ("onnxruntime", "misaki", "jieba", "pypinyin", "pyloudnorm", "av")


class _Row(Struct, frozen=True):
    """One result: its voice and what is read in it."""

    row: int
    voice: str
    passages: tuple[Passage, ...]

    @property
    def phonemes(self) -> int:
        return sum(passage.phonemes for passage in self.passages)


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Read a text aloud, once for each row.

    Returns:
        Statistics: seconds by stage, seconds of sound.

    Raises:
        ProblemError: there is nothing to read, or the model cannot be used.
        JobCancelledError: within a tenth of a second of the cancellation.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, SpeechRequest):
        raise TypeError(f"not a speech job: {type(request).__name__}")
    started = time.monotonic()
    notes = _check_scripts(job, request.prompt)
    model = acquire_voice(command.model, job, memory, device)
    loaded = time.monotonic()
    job.loading(sentence("Reading the text"))
    rows = _rows(job, command, request)
    read = time.monotonic()
    pace = _Pace(job, sum(row.phonemes for row in rows))
    sound_seconds = 0.0
    for row in rows:
        begun = time.monotonic()
        made = _speak(job, request, model, row, pace)
        spoken = time.monotonic()
        path = _finish(job, request, made)
        sound_seconds += made.seconds
        ended = time.monotonic()
        timings = {
            "load": (loaded - started) / len(rows),
            "read": (read - loaded) / len(rows),
            "speak": spoken - begun,
            "write": ended - spoken,
        }
        stats = {"duration": made.seconds, "words": float(made.words)}
        recipe = make_recipe(
            command,
            request.with_values(voice=row.voice, count=1),
            row.row,
            device=f"cpu ({device.label})" if device.kind == "cpu" else "cpu",
            dtype="int8",
            libraries=_libraries(),
            model_sha256=weight_hash(command.model, job.check),
            adjustments=notes,
            timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
            stats={name: round(value, 3) for name, value in stats.items()},
        )
        job.asset(row.row, path, recipe)
    return {
        "load_seconds": loaded - started,
        "read_seconds": read - loaded,
        "speak_seconds": time.monotonic() - read,
        "sound_seconds": sound_seconds,
    }


class _Pace:
    """The progress of a job in phonemes."""

    def __init__(self, job: Job, total: int) -> None:
        self._job = job
        self._total = total
        self._estimator = EtaEstimator(total)
        self._done = 0
        job.progress(0, total)

    def add(self, phonemes: int) -> None:
        """Report that so many more are spoken."""
        self._done += phonemes
        left = self._estimator.seconds_left(self._done)
        self._job.progress(self._done, self._total, left)


class _Made(Struct, frozen=True):
    """The samples of a row in a file, and what is said in them."""

    path: Path
    lines: tuple[TimedLine, ...]
    seconds: float
    words: int


def _check_scripts(job: Job, text: str) -> tuple[str, ...]:
    """Refuse a text in a language that cannot be read; return what is left out of others."""
    script, is_much = unreadable_script(text)
    if not script:
        return ()
    if is_much:
        raise problem(
            "bad_input",
            "The voices read Chinese and English, and this text has {script} letters. Translate "
            "it first, for instance in the Text tab.",
            script=script,
        )
    note = sentence("The {script} letters in the text are left out.", script=script)
    job.warn("left_out", note)
    return (str(note),)


def _rows(job: Job, command: RunJob, request: SpeechRequest) -> tuple[_Row, ...]:
    voices = command.model.voices or tuple(voice_names(Path(command.model.path)))
    language = "zh" if is_mostly_chinese(request.prompt) else "en"
    named, cast = voices_of(request), pairs_of(request.cast)
    for voice in cast.values():
        voice_of_row((voice,), 0, voices, language, command.model.name)
    readings = pairs_of(request.pronunciations)
    read: dict[bool, tuple[Passage, ...]] = {}
    rows: list[_Row] = []
    for row in command.rows:
        voice = voice_of_row(named, row, voices, language, command.model.name)
        is_british = voice.startswith("b")
        if is_british not in read:
            read[is_british] = _passages(job, request, cast, readings, voice)
        rows.append(_Row(row, voice, read[is_british]))
    return tuple(rows)


def _passages(
    job: Job,
    request: SpeechRequest,
    cast: Mapping[str, str],
    readings: Mapping[str, str],
    voice: str,
) -> tuple[Passage, ...]:
    def reader_of(speaker: str) -> Reader:
        return Reader(cast.get(speaker, voice).startswith("b"), readings)

    found = tuple(passages_of(request.prompt, cast, request.pause, reader_of, job.check))
    if not found:
        raise problem(
            "bad_input",
            "There is nothing to read: the text has no words. Write what the voice should say.",
        )
    return found


def _speak(
    job: Job,
    request: SpeechRequest,
    model: VoiceModel,
    row: _Row,
    pace: _Pace,
) -> _Made:
    path = job.temporary(".f32")
    cast = pairs_of(request.cast)
    lines: list[TimedLine] = []
    with JoinedSound(path) as sound:
        for passage in row.passages:
            job.check()
            tokens = passage_tokens(passage, model.tokens)
            if tokens.places:
                voice = cast.get(passage.speaker, row.voice)
                spoken = model.speak(tokens.tokens[:MOST_TOKENS], voice, request.speed, job)
                part = sounding_part(spoken, tokens) or sounding(spoken.samples)
                shift = sound.add(spoken.samples, passage.pause, *part)
                lines += timed_lines(spoken, tokens, shift, part)
            pace.add(passage.phonemes)
        seconds = sound.seconds
    if not lines:
        raise problem(
            "bad_input",
            "There is nothing to read: the text has no words. Write what the voice should say.",
        )
    return _Made(path, tuple(lines), seconds, sum(len(line.words) for line in lines))


def _finish(job: Job, request: SpeechRequest, made: _Made) -> Path:
    """Write the sound in the format wanted, at the loudness wanted, with the words in it."""
    samples = np.memmap(made.path, np.float32, "r")
    try:
        words = {LYRICS: to_lrc(made.lines)}
        return write_sound(job, samples, RATE, request.format, request.loudness, words)
    finally:
        del samples
        made.path.unlink(missing_ok=True)


def _libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in _LIBRARIES}
