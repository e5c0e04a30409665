"""Fake icons: a circle and a square, whose sizes depend on the seed."""

from __future__ import annotations

from PIL import Image, ImageDraw

from studio.engine.fake_kind import FakeKind, FakeResult
from studio.engine.local.job import Job
from studio.formats.icons.drawing import Look, drawing_of
from studio.formats.icons.geometry import Circle, Path, line
from studio.formats.pictures import png
from studio.formats.pictures.embedded import SVG, Embedded
from studio.kinds.icon import IconRequest, stroke_width


def _make(job: Job, request: IconRequest, seed: int) -> FakeResult:
    radius = 8 + seed % 7 * 4
    square = Path((16, 16), (line(80, 16), line(80, 80), line(16, 80)), True)
    look = Look(stroke_width(request), request.corners == "rounded", request.colour)
    svg = drawing_of((Circle((48, 48), radius), square), look).document(request.side)
    plain, path = job.temporary(".png"), job.temporary(".png")
    picture = Image.new("RGBA", (request.side, request.side))
    unit = request.side / 96
    box = [(48 - radius) * unit, (48 - radius) * unit, (48 + radius) * unit, (48 + radius) * unit]
    ImageDraw.Draw(picture).ellipse(box, outline="black", width=max(1, round(8 * unit)))
    picture.save(plain)
    with plain.open("rb") as source, path.open("xb") as target:
        png.write(source, target, Embedded(texts={SVG: svg}))
    plain.unlink()
    return FakeResult(path, {"tokens": 12.0}, {})


FAKE = FakeKind(_make)
