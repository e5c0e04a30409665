"""Reads start pictures and masks: size limit, orientation, sRGB, fitting to a size."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from studio.formats.pictures.open_picture import PictureError, decoding
from studio.protocol import ProblemError, problem

MAX_PIXELS = 200_000_000
"""Larger pictures are refused before they are decoded."""

_TOLERANCE = 8
"""Mask values this close to black or white are treated as such, because of JPEG artefacts."""


def read_picture(path: Path, under: str = "white") -> Image.Image:
    """Read a picture as 8-bit RGB in sRGB, rotated upright, over the background colour `under`.

    Reads the first frame of an animation and ignores a broken ICC profile. Raises `ProblemError`
    (`bad_input`) if the file is missing, not a picture, truncated or too large.
    """
    try:
        with decoding():
            try:
                image = Image.open(path)
            except Image.DecompressionBombError as error:
                raise _too_large(path) from error
            with image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(path)
                image.load()
                return _to_rgb(ImageOps.exif_transpose(image), under)
    except FileNotFoundError:
        raise problem(
            "bad_input",
            "The picture {file} no longer exists. Choose it again.",
            file=path,
        ) from None
    except (OSError, PictureError) as error:
        raise problem(
            "bad_input",
            "{file} is not a readable picture, or it is incomplete. Choose another one.",
            detail=str(error),
            file=path,
        ) from error


def fit(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale a picture to exactly this size in pixels, cropping if the aspect ratios differ."""
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def read_mask(path: Path, width: int, height: int) -> Image.Image:
    """Read a mask as 8-bit grey in this size in pixels, cropped like a picture by `fit`.

    White (255) is drawn, black is kept; transparency counts as black. Raises the errors of
    `read_picture`, and `ProblemError` (`bad_input`) if the mask is empty.
    """
    mask = read_picture(path, under="black").convert("L")
    if mask.size != (width, height):
        # Sharper filters overshoot and would leave a pale rim around the marked area.
        mask = ImageOps.fit(mask, (width, height), Image.Resampling.BILINEAR)
    mask = mask.point(
        [0 if v < _TOLERANCE else 255 if v > 255 - _TOLERANCE else v for v in range(256)]
    )
    if mask.getbbox() is None:
        raise problem(
            "bad_input",
            "Nothing is marked in the mask {file}: it is black everywhere in the picture. Paint"
            " white what should be redrawn.",
            file=path,
        )
    return mask


def size_like(image: Image.Image, area: int) -> tuple[int, int]:
    """Return a size of about `area` pixels with the picture's aspect ratio (at most 4:1)."""
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
    background = Image.new("RGB", image.size, under)
    background.paste(image, mask=alpha)
    return background


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
