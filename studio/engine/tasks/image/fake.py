"""Fake pictures: gradients whose colours depend on the seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.kinds.image import ImageRequest

if TYPE_CHECKING:
    from PIL import Image

SIDE = 256
STEPS = 5


def _make(job: Job, request: ImageRequest, seed: int) -> FakeResult:
    path = job.temporary(".png")
    width, height = request.width or SIDE, request.height or SIDE
    _picture(seed, width, height).save(path)
    resolved = {"width": width, "height": height, "steps": request.steps or STEPS}
    return FakeResult(path, {}, resolved)


def _step(job: Job, _request: ImageRequest, row: int, _seed: int, step: int, steps: int) -> None:
    job.preview(row, _preview(row, step, steps))


def _picture(seed: int, width: int, height: int) -> Image.Image:
    from PIL import Image

    shade = Image.linear_gradient("L").resize((width, height))
    flat = [Image.new("L", (width, height), (seed * factor) % 256) for factor in (53, 97)]
    return Image.merge("RGB", (shade, *flat))


def _preview(row: int, step: int, steps: int) -> Callable[[Path], None]:
    return lambda path: _picture(row + 1, 64, 64 * step // steps + 1).save(path)


FAKE = FakeKind(_make, _step)
