"""What the fake engine produces for a tone: a short WAV file."""

from __future__ import annotations

import math
import struct
import wave

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from tests.toy_kind.kind import ToneRequest

RATE = 8000
SECONDS = 0.05


def _make(job: Job, request: ToneRequest, seed: int) -> FakeResult:
    path = job.temporary(".wav")
    loudness = 1000 + seed % 20_000
    samples = [
        round(loudness * math.sin(2 * math.pi * request.pitch * n / RATE))
        for n in range(round(RATE * SECONDS))
    ]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return FakeResult(path, {}, {})


FAKE = FakeKind(_make)
