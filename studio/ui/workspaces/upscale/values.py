"""The values of the Upscale tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.upscale import UpscaleRequest

_FIELDS = fields_of(UpscaleRequest)


class UpscaleValues(Struct):
    """The values of the Upscale tab. An empty `output` is the library."""

    model: str = _FIELDS["model"].default
    drawing: bool = _FIELDS["drawing"].default
    format: str = _FIELDS["format"].default
    scale: int = _FIELDS["scale"].default
    inputs: list[str] = []
    output: str = ""
    more_open: bool = False
