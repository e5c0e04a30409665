"""Fake film: a short one of one colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.kinds.film import FilmRequest, seconds_of

_WIDTH, _HEIGHT, _RATE = 160, 96, 8
_MOST = 200


def _make(job: Job, request: FilmRequest, _seed: int) -> FakeResult:
    import av

    path = job.temporary(".mp4")
    frames = min(_MOST, max(1, round(seconds_of(request) * _RATE)))
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number in range(frames):
            pixels = np.full((_HEIGHT, _WIDTH, 3), (40, 120, 200), np.uint8)
            pixels[:, : (number + 1) * _WIDTH // frames] = (200, 120, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return FakeResult(path, {"frames": float(frames), "made": float(frames)}, {})


FAKE = FakeKind(_make)
