"""Icons that look alike: found by comparing small pictures of all with all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from studio.formats.icons.drawing import Look, document, path_data
from studio.formats.icons.geometry import STEP, UNITS, Icon, bounds

SIZE = 24
# Chosen by looking at pairs. Above the first, drawings of one name differ in details of less than
# half a unit; above the second, nobody sees a difference.
ALIKE = 0.975
EQUAL = 0.999
DIRECTIONS = 48
_DRAWN = Look(2.0, True)

Pictures = NDArray[np.float32]


def render(svg: str, size: int) -> NDArray[np.float32]:
    """How dark each pixel of an SVG is, 0 to 1."""
    data = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(data))) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return alpha.astype(np.float32) / np.float32(255)


def overlap(one: str, other: str, size: int = 96) -> float:
    """What two SVGs have in common, as a share of what either has."""
    a, b = render(one, size), render(other, size)
    return float(np.minimum(a, b).sum() / max(np.maximum(a, b).sum(), 1e-6))


def _softened(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(picture, 1)
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    soft: NDArray[np.float32] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return soft


def _as_drawn(icon: Icon) -> str:
    return document(icon, _DRAWN)


def _filling(icon: Icon) -> str:
    """The icon scaled so that it fills the picture, with strokes as wide as else."""
    x0, y0, x1, y1 = (number / STEP for number in bounds(icon))
    side = max(x1 - x0, y1 - y0, 2.0) * 1.15
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    width = 2.0 * side / UNITS
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {side:g} {side:g}">'
        f'<path d="{path_data(icon)}" fill="none" stroke="#000" stroke-width="{width:g}" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )


def _picture(icon: Icon) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    drawn, filling = (_softened(render(make(icon), SIZE)) for make in (_as_drawn, _filling))
    return drawn, filling


def _unit(pictures: list[NDArray[np.float32]]) -> Pictures:
    flat = np.stack(pictures).reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    norms: Pictures = np.linalg.norm(flat, axis=1, keepdims=True)
    out: Pictures = flat / np.maximum(norms, 1e-6)
    return out


def pictures(icons: list[Icon], workers: int = 2) -> tuple[Pictures, Pictures]:
    """Unit vectors of all icons as they are drawn, and scaled to fill the picture."""
    with ProcessPoolExecutor(workers) as pool:
        both = list(pool.map(_picture, icons, chunksize=256))
    return _unit([drawn for drawn, _ in both]), _unit([filling for _, filling in both])


def flipped(vectors: Pictures) -> Pictures:
    """The vectors of the mirrored pictures."""
    square = vectors.reshape(len(vectors), SIZE, SIZE)
    return np.ascontiguousarray(square[:, :, ::-1]).reshape(len(vectors), -1)


def _principal(vectors: Pictures) -> Pictures:
    """The directions in which the vectors differ most, as columns."""
    sample = vectors[:: max(1, len(vectors) // 4000)]
    _, directions = np.linalg.eigh(sample.T @ sample)
    out: Pictures = np.ascontiguousarray(directions[:, ::-1][:, :DIRECTIONS])
    return out


def alike(left: Pictures, right: Pictures, limit: float = ALIKE) -> Iterator[tuple[int, int]]:
    """All pairs i < j of the left at i and the right at j that look alike.

    Projected on a few directions, two vectors are at most as far apart as they are, so what is
    too far apart there need not be compared further.
    """
    directions = _principal(left)
    near, far = left @ directions, right @ directions
    lengths = (far**2).sum(axis=1)
    block = 1024
    for begin in range(0, len(left), block):
        rows = near[begin : begin + block]
        squares = (rows**2).sum(axis=1)[:, None] + lengths[begin:] - 2 * (rows @ far[begin:].T)
        i, j = np.nonzero(squares <= 2 * (1 - limit) + 1e-4)
        i, j = i[i < j] + begin, j[i < j] + begin
        for some in range(0, len(i), 1 << 18):
            a, b = i[some : some + (1 << 18)], j[some : some + (1 << 18)]
            same = np.einsum("nd,nd->n", left[a], right[b]) >= limit
            yield from zip(a[same].tolist(), b[same].tolist(), strict=True)
