"""Colour profiles: validation, colour space, conversion to sRGB."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image, ImageCms

Space = Literal["RGB", "GRAY", "CMYK", "LAB", ""]

_MODES: dict[str, str] = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "LAB": "LAB"}


def space_of(profile: bytes) -> Space:
    """Return the colour space of a profile, empty if the profile is not usable.

    A valid header is not enough: the profile must allow a conversion to sRGB.
    """
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(opened.profile.xcolor_space).strip().upper()
        mode = _MODES.get(space)
        if mode is None:
            return ""
        ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return ""
    spaces: dict[str, Space] = {"RGB": "RGB", "GRAY": "GRAY", "CMYK": "CMYK", "LAB": "LAB"}
    return spaces[space]


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture to sRGB with its own profile.

    Args:
        image: mode `CMYK` or `LAB`.
        profile: a profile of that space; empty for `LAB`, which needs none.
    """
    source = ImageCms.ImageCmsProfile(
        io.BytesIO(profile) if profile else ImageCms.createProfile("LAB")
    )
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if converted is None:
        raise ValueError("the colour conversion returned no picture")
    return converted
