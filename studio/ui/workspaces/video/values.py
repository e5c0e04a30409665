"""The values of the Video tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.video import VideoRequest

_FIELDS = fields_of(VideoRequest)


class VideoValues(Struct):
    """The values of the Video tab. A new one enlarges: the fields' own values do nothing."""

    inputs: list[str] = []
    scale: int = 2
    smooth: int = _FIELDS["smooth"].default
    fps: float = _FIELDS["fps"].default
    quality: int = _FIELDS["quality"].default
    encoder: str = _FIELDS["encoder"].default
    format: str = _FIELDS["format"].default
    model: str = _FIELDS["model"].default
    interpolator: str = _FIELDS["interpolator"].default
    more_open: bool = False
