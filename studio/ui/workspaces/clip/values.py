"""The values of the Clip tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.clip import ClipRequest
from studio.kinds.fields import fields_of

_FIELDS = fields_of(ClipRequest)


class ClipValues(Struct):
    """The values of the Clip tab."""

    prompt: str = ""
    negative_prompt: str = ""
    model: str = _FIELDS["model"].default
    image: str = ""
    last_image: str = ""
    input: str = ""
    count: int = 1
    seed: int | None = None
    frames: int | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    quality: int = _FIELDS["quality"].default
    encoder: str = _FIELDS["encoder"].default
    more_open: bool = False
