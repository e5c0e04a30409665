"""Colour profiles: which are whole, what they describe, and the way to sRGB."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image, ImageCms

Space = Literal["RGB", "GRAY", "CMYK", "LAB", ""]

_MODES: dict[str, str] = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "LAB": "LAB"}


def space_of(profile: bytes) -> Space:
    """Return the colour space that a profile describes, empty when it cannot be used.

    A header alone proves little: the profile counts as whole when it takes colours to sRGB.
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
    """Return an RGB picture in sRGB, converted through the picture's own profile.

    Args:
        image: mode `CMYK` or `LAB`.
        profile: a profile of that space; empty for `LAB`, which defines itself.
    """
    source = ImageCms.ImageCmsProfile(
        io.BytesIO(profile) if profile else ImageCms.createProfile("LAB")
    )
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if converted is None:
        raise ValueError("the colour conversion gave no picture")
    return converted
