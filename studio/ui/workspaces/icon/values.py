"""The values of the Icons tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.icon import IconRequest

_FIELDS = fields_of(IconRequest)


class IconValues(Struct):
    """The values of the Icons tab. `ends`, `padding` and `size` are those of files and copies."""

    prompt: str = ""
    corners: str = _FIELDS["corners"].default
    weight: str = _FIELDS["weight"].default
    family: str = _FIELDS["family"].default
    temperature: float = _FIELDS["temperature"].default
    guidance_scale: float = _FIELDS["guidance_scale"].default
    seed: int | None = None
    begin: str = ""
    model: str = _FIELDS["model"].default
    stroke_width: float | None = None
    colour: str = _FIELDS["colour"].default
    ends: str = ""
    padding: float = 0.0
    size: int = 24
    count: int = 8
    look_open: bool = True
    more_open: bool = False
