"""White background out, for models that draw one thing on plain white.

What is white and joined to the border becomes transparent; white inside the thing stays. Along
the edge the share of white in each pixel is worked out of its colour again, so that the thing
has no pale rim on another background.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_NEARLY_WHITE = 244
"""A pixel whose darkest channel is at least this counts as background."""

_EDGE = 2
"""Pixels next to the background that may be half background themselves."""

_Mask = npt.NDArray[np.bool_]


def key_out_white(image: Image.Image) -> Image.Image:
    """Return an RGBA picture of the same size with the white around the thing transparent."""
    rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
    darkest = rgb.min(axis=2)
    background = joined_to_border(darkest >= _NEARLY_WHITE)
    alpha = np.where(background, 0.0, 1.0).astype(np.float32)
    near = background
    for _ in range(_EDGE):
        near = _grown(near)
    edge = near & ~background
    # How dark the thing itself is just behind its edge: a pixel half as dark is half thing.
    solid = np.where(background, 255.0, darkest)
    for _ in range(_EDGE):
        solid = _lowest_around(solid)
    share = (255.0 - darkest) / np.maximum(255.0 - solid, 1.0)
    alpha[edge] = share.clip(0.0, 1.0)[edge]
    safe = np.maximum(alpha, 1e-3)[..., None]
    colour = np.where(edge[..., None], (rgb - 255.0 * (1.0 - safe)) / safe, rgb)
    colour[background] = 255.0
    out = np.dstack([colour.clip(0, 255), alpha * 255.0])
    return Image.fromarray(out.round().astype(np.uint8))


def joined_to_border(mask: _Mask) -> _Mask:
    """Return the part of a mask (H, W) that hangs together with the picture's border.

    The flood runs in whole rows and columns, back and forth until nothing changes.
    """
    reached = np.zeros_like(mask)
    reached[0], reached[-1] = mask[0], mask[-1]
    reached[:, 0], reached[:, -1] = mask[:, 0], mask[:, -1]
    while True:
        before = int(reached.sum())
        for rows, allowed in ((reached, mask), (reached.T, mask.T)):
            for order in (range(1, len(rows)), range(len(rows) - 2, -1, -1)):
                step = 1 if order.step > 0 else -1
                for row in order:
                    rows[row] |= rows[row - step] & allowed[row]
        if int(reached.sum()) == before:
            return reached


def _grown(mask: _Mask) -> _Mask:
    padded = np.pad(mask, 1)
    return mask | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]


def _lowest_around(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    padded = np.pad(values, 1, mode="edge")
    height, width = values.shape
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    lowest: npt.NDArray[np.float32] = np.minimum.reduce(shifted)
    return lowest
