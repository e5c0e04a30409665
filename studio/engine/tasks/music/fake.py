"""Fake music: a chord in the pitch of the seed."""

from __future__ import annotations

import wave

import numpy as np

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.formats.pictures.embedded import Embedded
from studio.formats.sounds import peaks, wav
from studio.formats.sounds.comments import PEAKS
from studio.kinds.music import MusicRequest

_RATE = 8000
_SECONDS, _MOST_SECONDS = 1.0, 5.0


def _make(job: Job, request: MusicRequest, seed: int) -> FakeResult:
    seconds = min(request.seconds or _SECONDS, _MOST_SECONDS)
    times = np.arange(round(_RATE * seconds)) / _RATE
    root = 220.0 * 2 ** (seed % 12 / 12)
    chord = sum(np.sin(2 * np.pi * root * ratio * times) for ratio in (1.0, 1.25, 1.5)) / 4
    samples = np.stack([chord, chord], 1)
    plain = job.temporary(".wav")
    with wave.open(str(plain), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    path = job.temporary(".wav")
    waveform = peaks.to_text(np.abs(part).max() for part in np.array_split(chord, peaks.COUNT))
    with plain.open("rb") as source, path.open("xb") as target:
        wav.write(source, target, Embedded(texts={PEAKS: waveform}))
    plain.unlink()
    return FakeResult(path, {"duration": seconds}, {"seconds": seconds})


FAKE = FakeKind(_make)
