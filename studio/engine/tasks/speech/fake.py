"""Fake speech: a hum, as long as the text, with the words and their times in the file."""

from __future__ import annotations

import math
import struct
import wave

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.formats.pictures.embedded import Embedded
from studio.formats.sounds import peaks, wav
from studio.formats.sounds.comments import LYRICS, PEAKS
from studio.formats.sounds.lyrics import TimedLine, TimedWord, to_lrc
from studio.kinds.speech import SpeechRequest, voices_of

_RATE = 8000
_WORD_SECONDS = 0.2
_MOST_WORDS = 100
_VOICES = ("af_heart", "am_michael", "bf_emma")


def _make(job: Job, request: SpeechRequest, seed: int) -> FakeResult:
    words = request.prompt.split()[:_MOST_WORDS]
    length = round(_RATE * _WORD_SECONDS / request.speed) * max(1, len(words))
    samples = (round(9000 * math.sin(n * 0.2) * abs(math.sin(n * 0.004))) for n in range(length))
    plain = job.temporary(".wav")
    with wave.open(str(plain), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(struct.pack(f"<{length}h", *samples))
    seconds = length / _RATE
    part = seconds / max(1, len(words))
    line = TimedLine(
        tuple(TimedWord(word, at * part, (at + 1) * part) for at, word in enumerate(words))
    )
    waveform = peaks.to_text(abs(math.sin(n * 0.1)) * 0.8 for n in range(peaks.COUNT))
    path = job.temporary(".wav")
    with plain.open("rb") as source, path.open("xb") as target:
        wav.write(source, target, Embedded(texts={LYRICS: to_lrc([line]), PEAKS: waveform}))
    plain.unlink()
    named = (*voices_of(request), *_VOICES)
    voice = named[seed % len(named)]
    return FakeResult(path, {"duration": seconds}, {"voice": voice})


FAKE = FakeKind(_make)
