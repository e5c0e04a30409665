"""Fake video: a few frames of one colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.kinds.video import VideoRequest
from studio.protocol import Parent

_WIDTH, _HEIGHT, _FRAMES, _RATE = 160, 96, 8, 8


def _make(job: Job, request: VideoRequest, _seed: int) -> FakeResult:
    import av

    path = job.temporary(".mp4")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=_RATE * request.smooth)
        stream.width, stream.height = _WIDTH * request.scale, _HEIGHT * request.scale
        stream.pix_fmt = "yuv420p"
        for number in range(_FRAMES * request.smooth):
            pixels = np.full((stream.height, stream.width, 3), (200, 120, 40), np.uint8)
            pixels[:, : (number + 1) * 8] = (40, 120, 200)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    stats = {"source_width": _WIDTH, "source_height": _HEIGHT, "frames": _FRAMES}
    parents = (Parent(request.input.path, request.input.sha256),)
    return FakeResult(path, {name: float(value) for name, value in stats.items()}, {}, parents)


FAKE = FakeKind(_make)
