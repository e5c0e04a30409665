"""Reads 16 bits per channel with Pillow, which keeps only 8.

Pillow decodes 16-bit colour in PNG and TIFF by unpacking one byte of every two. It can unpack
either byte, so decoding twice gives both, at the speed of its own decoders.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Reopen = Callable[[], Image.Image]

_COLOURS = ("RGB", "RGBX", "RGBA", "RGBa")


def has_sixteen_bits(image: Image.Image) -> bool:
    """Return whether the file of an opened, not yet loaded picture has 16 bits per channel."""
    if image.mode.startswith("I;16"):
        return True
    if image.format == "PNG":
        return "16" in _raw_mode(image)
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(258, ())
        return bool(bits[:1] == (16,))
    return False


def read_sixteen(image: Image.Image, reopen: Reopen) -> NDArray[np.uint16] | None:
    """Return the pixels, shape (height, width, channels), or None if only 8 bits can be read.

    Args:
        image: the opened picture; gets loaded.
        reopen: opens the same file again.

    Raises:
        OSError, ValueError, SyntaxError: the file is damaged.
    """
    if image.mode.startswith("I;16"):
        grey = np.asarray(image)
        return grey.astype(np.uint16)[..., None]
    raw = _raw_mode(image)
    name, _, order = raw.partition(";16")
    if image.format == "PNG" and raw == "LA;16B":
        return _decode(image, "RGBA").view(">u2").astype(np.uint16)
    if name not in _COLOURS or order not in ("B", "L", "N"):
        return None
    if getattr(image, "tag_v2", {}).get(284, 1) != 1:
        # Planar (not interleaved) channels are unpacked differently.
        return None
    # Read without un-premultiplying, which Pillow would do in 8 bits, losing the lower byte.
    name = "RGBA" if name == "RGBa" else name
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    pixels = _decode(image, f"{name};16{order}").astype(np.uint16)
    pixels *= np.uint16(256)
    with reopen() as again:
        pixels += _decode(again, f"{name};16{'B' if little else 'L'}")
    if raw.startswith("RGBa"):
        alpha = np.maximum(pixels[..., 3:], 1).astype(np.float32)
        colours = pixels[..., :3] * (65535 / alpha)
        pixels[..., :3] = np.minimum(colours + 0.5, 65535).astype(np.uint16)
    return pixels


def _raw_mode(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    arguments = tiles[0].args
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _decode(image: Image.Image, raw: str) -> NDArray[np.uint8]:
    def with_raw_mode(arguments: object) -> object:
        return (raw, *arguments[1:]) if isinstance(arguments, tuple) else raw

    tiles = image.tile  # type: ignore[attr-defined]  # only pictures from files have tiles
    image.tile = [  # type: ignore[attr-defined]  # the same
        tile._replace(args=with_raw_mode(tile.args)) for tile in tiles
    ]
    image.load()
    return np.ascontiguousarray(np.asarray(image))
