"""The picture that is started from, and the mask over it: read safely, upright, fitted."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from studio.protocol import ProblemError, problem

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded."""

_NEARLY = 8
"""A mask's values this near to black or white count as that: JPEG leaves such specks."""


def read_picture(path: Path, under: str = "white") -> Image.Image:
    """Return a picture as 8-bit RGB in sRGB, turned upright; transparency lies on `under`.

    Of an animation the first frame is taken. A broken ICC profile is passed over. Raises
    `ProblemError` (`bad_input`) when the file is missing, no picture, cut short or too large.
    """
    try:
        with warnings.catch_warnings():
            # Pillow's own warning about size; the limit here is checked below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(path)
                image.load()
                return _to_rgb(ImageOps.exif_transpose(image), under)
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except FileNotFoundError:
        raise problem(
            "bad_input",
            "The picture {file} no longer exists. Choose it again.",
            file=path,
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise problem(
            "bad_input",
            "{file} is not a readable picture, or it is incomplete. Choose another one.",
            detail=str(error),
            file=path,
        ) from error


def fit(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the picture at exactly this size in pixels, cut at the edges where shapes differ."""
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def read_mask(path: Path, width: int, height: int) -> Image.Image:
    """Return a mask of this size in pixels, 8-bit grey, cut as `fit` cuts a picture.

    White (255) is to be drawn, black stays; transparency counts as black. Raises what
    `read_picture` raises, and `ProblemError` (`bad_input`) where nothing is to be drawn.
    """
    mask = read_picture(path, under="black").convert("L")
    if mask.size != (width, height):
        # Smoother filters overshoot: a pale rim would stand in the black around what is marked.
        mask = ImageOps.fit(mask, (width, height), Image.Resampling.BILINEAR)
    mask = mask.point([0 if v < _NEARLY else 255 if v > 255 - _NEARLY else v for v in range(256)])
    if mask.getbbox() is None:
        raise problem(
            "bad_input",
            "Nothing is marked in the mask {file}: it is black everywhere in the picture. Paint"
            " white what should be redrawn.",
            file=path,
        )
    return mask


def size_like(image: Image.Image, area: int) -> tuple[int, int]:
    """Return a width and height of about `area` pixels with the picture's shape (at most 4:1)."""
    shape = min(4.0, max(0.25, image.width / image.height))
    return round(math.sqrt(area * shape)), round(math.sqrt(area / shape))


def _too_large(path: Path) -> ProblemError:
    return problem(
        "bad_input",
        "{file} is larger than {limit} megapixels. Make it smaller first.",
        file=path,
        limit=MAX_PIXELS // 1_000_000,
    )


def _to_rgb(image: Image.Image, under: str) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        image = _to_srgb(image.convert("RGB") if image.mode == "RGBA" else image, profile)
    image = image.convert("RGB")
    if alpha is None:
        return image
    ground = Image.new("RGB", image.size, under)
    ground.paste(image, mask=alpha)
    return ground


def _to_8_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F":
        top = float(values.max(initial=0.0))
        values = values * (255.0 if top <= 1.0 else 255.0 / max(top, 1.0))
    else:
        values = values / 257.0
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted if converted is not None else image
