"""Removes the white background of models that draw an object on plain white.

White pixels connected to the border become transparent; white inside the object stays. Along
the edge, the share of white is removed from the colour of each pixel, so that the object has no
pale rim on another background.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_NEARLY_WHITE = 244
"""Pixels whose darkest channel is at least this value count as background."""

_EDGE = 2
"""Width of the antialiased edge in pixels."""

_Mask = npt.NDArray[np.bool_]


def remove_white_background(image: Image.Image) -> Image.Image:
    """Return an RGBA picture of the same size with the white around the object transparent."""
    rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
    darkest = rgb.min(axis=2)
    background = connected_to_border(darkest >= _NEARLY_WHITE)
    alpha = np.where(background, 0.0, 1.0).astype(np.float32)
    near = background
    for _ in range(_EDGE):
        near = _dilate(near)
    edge = near & ~background
    # Darkness of the object just inside its edge: a pixel half as dark is half covered.
    solid = np.where(background, 255.0, darkest)
    for _ in range(_EDGE):
        solid = _erode(solid)
    share = (255.0 - darkest) / np.maximum(255.0 - solid, 1.0)
    alpha[edge] = share.clip(0.0, 1.0)[edge]
    safe = np.maximum(alpha, 1e-3)[..., None]
    colour = np.where(edge[..., None], (rgb - 255.0 * (1.0 - safe)) / safe, rgb)
    colour[background] = 255.0
    out = np.dstack([colour.clip(0, 255), alpha * 255.0])
    return Image.fromarray(out.round().astype(np.uint8))


def connected_to_border(mask: _Mask) -> _Mask:
    """Return the part of a mask (H, W) that is connected to the picture's border.

    A flood fill by whole rows and columns, back and forth until nothing changes.
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


def _dilate(mask: _Mask) -> _Mask:
    padded = np.pad(mask, 1)
    return mask | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]


def _erode(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    padded = np.pad(values, 1, mode="edge")
    height, width = values.shape
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    lowest: npt.NDArray[np.float32] = np.minimum.reduce(shifted)
    return lowest
