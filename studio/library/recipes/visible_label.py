"""The visible label of GB 45438-2025 on a picture: "AI生成" in its lower right corner.

The standard asks for letters of at least 5 % of the shorter side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.settings import RESOURCES

if TYPE_CHECKING:
    from PIL import Image

_MASK = RESOURCES / "label" / "ai-generated.png"
_SHARE = 0.06
_LEAST = 8
"""Pixels; smaller letters cannot be read."""


def with_visible_label(image: Image.Image) -> Image.Image:
    """Return a copy of a picture in L, LA, RGB or RGBA with the label on it."""
    from PIL import Image, ImageFilter

    wide = (
        image
        if image.mode in ("RGB", "RGBA")
        else image.convert("RGBA" if "A" in image.mode else "RGB")
    )
    labelled = wide.copy()
    with Image.open(_MASK) as opened:
        mask = opened.convert("L")
    height = max(_LEAST, round(_SHARE * min(image.size)))
    width = max(1, round(mask.width * height / mask.height))
    if width > image.width:
        width, height = image.width, max(1, round(mask.height * image.width / mask.width))
    mask = mask.resize((width, height), Image.Resampling.LANCZOS)
    margin = min(height // 2, max(0, image.width - width), max(0, image.height - height))
    place = (max(0, image.width - width - margin), max(0, image.height - height - margin))
    # White letters with a dark halo can be read on any picture.
    halo = Image.new("L", image.size, 0)
    halo.paste(mask, place)
    halo = halo.filter(ImageFilter.GaussianBlur(height / 6)).point(
        lambda value: min(255, value * 3)
    )
    dark, white = (0, 0, 0, 255), (255, 255, 255, 255)
    labelled.paste(dark[: len(labelled.mode)], (0, 0), halo)
    labelled.paste(white[: len(labelled.mode)], place, mask)
    return labelled
