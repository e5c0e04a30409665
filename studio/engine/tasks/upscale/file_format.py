"""The file format of an enlarged picture: that of the input, or the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.upscale.picture import Picture
from studio.formats.pictures import jpeg, png, xmp
from studio.formats.pictures.exif import PREFIX
from studio.formats.pictures.open_picture import open_picture
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import Sentence, sentence

FileFormat = Literal["png", "jpeg", "webp"]
Warn = Callable[[str, Sentence], object]

QUALITY = 95
_LONGEST_SIDE: dict[str, int] = {"jpeg": 65_535, "webp": 16_383}
_SUFFIX = {"jpeg": ".jpg", "webp": ".webp"}
_OF_PILLOW: dict[str, FileFormat] = {"JPEG": "jpeg", "MPO": "jpeg", "WEBP": "webp"}
_BYTES_PER_PIXEL = 8
"""Of an encoder with its copy of the pixels."""


def file_format(
    request: UpscaleRequest, picture: Picture, make_room: Callable[[int], int], warn: Warn
) -> FileFormat:
    """Return the format to write; PNG with a warning where the wanted one cannot hold the result.

    `make_room` returns the free memory after making room for a number of bytes.
    """
    wanted = _OF_PILLOW.get(picture.format, "png") if request.format == "input" else request.format
    if wanted == "png":
        return "png"
    height, width = (side * request.scale for side in picture.pixels.shape[:2])
    if max(width, height) > _LONGEST_SIDE[wanted]:
        warn(
            "input",
            sentence(
                "The result is a PNG: it has more than the {n} pixels per side that {format} "
                "allows.",
                n=_LONGEST_SIDE[wanted],
                format=wanted.upper(),
            ),
        )
        return "png"
    need = width * height * _BYTES_PER_PIXEL
    if make_room(need) < need:
        warn(
            "memory",
            sentence(
                "The result is a PNG: there is not enough memory to write it as {format}.",
                format=wanted.upper(),
            ),
        )
        return "png"
    return wanted


def convert(
    source: Path, job: Job, wanted: Literal["jpeg", "webp"], picture: Picture, warn: Warn
) -> Path:
    """Write a PNG in another format, with its profile, EXIF and XMP; delete it. Return the file."""
    with open_picture(source) as image, source.open("rb") as file:
        packet = png.read(file).packet
        image.load()
        pixels = _eight_bits(image, picture.bits, warn)
        if wanted == "jpeg":
            pixels = _without_alpha(pixels, warn)
        profile = image.info.get("icc_profile") or b""
        exif = bytes(image.info.get("exif") or b"")
        target = job.temporary(_SUFFIX[wanted])
        try:
            if wanted == "jpeg":
                _save_jpeg(pixels, target, profile, exif, packet)
            else:
                lossy = picture.format in ("JPEG", "MPO", "WEBP")
                # The library puts the recipe into the packet, which must therefore be there.
                packet = packet or xmp.with_value("", xmp.SOURCE, xmp.SOURCE_NAMESPACE, "")
                pixels.save(
                    target,
                    "WEBP",
                    lossless=not lossy,
                    exact=not lossy,
                    quality=QUALITY if lossy else 75,
                    icc_profile=profile,
                    exif=exif,
                    xmp=packet.encode(),
                )
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    source.unlink(missing_ok=True)
    return target


def _save_jpeg(pixels: Image.Image, target: Path, profile: bytes, exif: bytes, packet: str) -> None:
    # Too long blocks would make the encoder fail. The library writes longer XMP in parts.
    exif = exif if jpeg.exif_fits(exif.removeprefix(PREFIX)) else b""
    pixels.save(
        target,
        "JPEG",
        quality=QUALITY,
        subsampling="4:4:4",
        icc_profile=profile,
        exif=exif,
        xmp=packet.encode() if jpeg.fits(packet) else b"",
    )


def _eight_bits(image: Image.Image, bits: int, warn: Warn) -> Image.Image:
    """Return the picture in mode L, LA, RGB or RGBA."""
    if bits == 16:
        warn(
            "input",
            sentence(
                "The picture was reduced from 16 to 8 bits per channel, the most that the format "
                "supports."
            ),
        )
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _without_alpha(image: Image.Image, warn: Warn) -> Image.Image:
    """Return the picture on a white background."""
    if image.mode not in ("LA", "RGBA"):
        return image
    if image.getchannel("A").getextrema() != (255, 255):
        warn(
            "input",
            sentence("Transparent areas became white, since JPEG does not support transparency."),
        )
    background = Image.new("RGBA", image.size, "white")
    background.alpha_composite(image.convert("RGBA"))
    return background.convert("L" if image.mode == "LA" else "RGB")
