"""Fake clips: a square that moves, in a colour of the seed."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.kinds.clip import ClipRequest

_WIDTH, _HEIGHT, _FRAMES, _RATE = 160, 96, 9, 8


def _make(job: Job, request: ClipRequest, seed: int) -> FakeResult:
    import av

    path = job.temporary(".mp4")
    colour = [round(255 * part) for part in colorsys.hsv_to_rgb(seed % 12 / 12, 0.6, 0.9)]
    frames = min(request.frames or _FRAMES, 48)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=round(request.fps or _RATE))
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number in range(frames):
            pixels = np.full((_HEIGHT, _WIDTH, 3), 30, np.uint8)
            pixels[32:64, 4 * number : 4 * number + 32] = colour
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    resolved = {"width": _WIDTH, "height": _HEIGHT, "frames": frames, "fps": request.fps or _RATE}
    return FakeResult(path, {"frames": float(frames)}, resolved)


FAKE = FakeKind(_make)
