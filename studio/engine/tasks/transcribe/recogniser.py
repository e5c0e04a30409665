"""Loads a Whisper model for CTranslate2 and has it write down a part of a recording."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from faster_whisper import WhisperModel
from msgspec import Struct

from studio.engine.local.environment import physical_cores
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.transcribe.hearing import RATE, Samples
from studio.protocol import ModelRef, problem, sentence

PRECISION = "int8_float32"
_CHECK_SECONDS = 0.05
_REPEATS_ITSELF = 2.4
"""Ratio of compression above which a text is the same words over and over."""

T = TypeVar("T")


class Word(Struct, frozen=True, array_like=True):
    """A word as the model writes it, with the space before it. Times are seconds.

    `ends` says that the model's own segment ends with it.
    """

    text: str
    start: float
    end: float
    ends: bool = False


class Recogniser:
    """A loaded model."""

    def __init__(self, folder: Path, nbytes: int) -> None:
        self._model: Any = WhisperModel(
            str(folder),
            device="cpu",
            compute_type=PRECISION,
            cpu_threads=physical_cores(),
            local_files_only=True,
        )
        self._nbytes = nbytes

    @property
    def nbytes(self) -> int:
        """Bytes of the weights, as they are held."""
        return self._nbytes

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows other languages than English."""
        return bool(self._model.model.is_multilingual)

    def unload(self) -> None:
        """Release the model."""
        self._model = None

    def language_of(self, samples: Samples, job: Job) -> str:
        """Return the code of the language that is most likely spoken."""
        if not self.is_multilingual:
            return "en"
        found = _interruptible(lambda: self._model.detect_language(samples), job)
        return str(found[0])

    def words_of(self, samples: Samples, language: str, job: Job) -> list[Word]:
        """Return the words of a part. Raises `JobCancelledError` at once when it is cancelled."""
        model = self._model
        return _interruptible(lambda: _words(model, samples, language), job)


def _words(model: Any, samples: Samples, language: str) -> list[Word]:
    segments = _segments(model, samples, language)
    if any(segment.compression_ratio > _REPEATS_ITSELF for segment in segments):
        segments = _segments(
            model, samples, language, no_repeat_ngram_size=3, repetition_penalty=1.1
        )
    length = len(samples) / RATE
    words: list[Word] = []
    for segment in segments:
        found = [word for word in segment.words or () if word.word.strip()]
        for number, word in enumerate(found, 1):
            start = min(max(0.0, float(word.start)), length)
            end = min(max(start, float(word.end)), length)
            words.append(Word(word.word, start, end, number == len(found)))
    return words


def _segments(model: Any, samples: Samples, language: str, **options: Any) -> list[Any]:
    # Without chance: a resumed job writes what an undisturbed one does.
    found, _ = model.transcribe(
        samples,
        language=language,
        temperature=0.0,
        condition_on_previous_text=False,
        word_timestamps=True,
        **options,
    )
    return list(found)


def acquire_recogniser(ref: ModelRef, job: Job, memory: MemoryArbiter) -> Recogniser:
    """Return the loaded model. Raises `ProblemError` or `JobCancelledError`."""
    folder = Path(ref.path)
    weights = folder / "model.bin"
    try:
        size = weights.stat().st_size
    except OSError as error:
        raise problem(
            "model_broken",
            "Files of the model {name} are missing. Install the model again.",
            str(error),
            name=ref.name,
        ) from error
    job.loading(sentence("Loading {model}", model=ref.name))

    def load() -> Recogniser:
        try:
            # Not in a thread of its own: a model that is made in one computes ten times slower.
            return Recogniser(folder, size)
        except (MemoryError, OSError):
            raise
        except (RuntimeError, ValueError) as error:
            raise problem(
                "model_broken",
                "The model {name} cannot be loaded: its file {file} is damaged or of another kind."
                " Install the model again.",
                str(error),
                name=ref.name,
                file=weights.name,
            ) from error

    return memory.acquire(model_key(folder, "transcribe"), 2 * size, load, job)


def _interruptible(work: Callable[[], T], job: Job) -> T:
    """Return the result of a call that cannot be interrupted, or leave it when cancelled.

    CTranslate2 cannot be stopped within a part. The thread that is left behind ends with it.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="transcribe-part", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_CHECK_SECONDS)
        job.check()
    with contextlib.suppress(IndexError):
        raise errors[0]
    return results[0]
