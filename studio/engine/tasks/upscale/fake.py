"""Fake upscaling: resizes the picture."""

from __future__ import annotations

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import Parent, problem


def _make(job: Job, request: UpscaleRequest, _seed: int) -> FakeResult:
    from PIL import Image

    path = job.temporary(".png")
    try:
        with Image.open(job.path_of(request.input)) as picture:
            size = (picture.width * request.scale, picture.height * request.scale)
            picture.convert("RGB").resize(size).save(path)
    except OSError as error:
        raise problem(
            "bad_input",
            "The file {path} is not a readable picture.",
            str(error),
            path=request.input.path,
        ) from error
    parent = Parent(request.input.path, request.input.sha256)
    return FakeResult(path, {}, {}, (parent,))


FAKE = FakeKind(_make)
