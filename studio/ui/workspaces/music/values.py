"""The values of the Music tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.music import MusicRequest

_FIELDS = fields_of(MusicRequest)


class MusicValues(Struct):
    """The values of the Music tab."""

    prompt: str = ""
    lyrics: str = ""
    language: str = ""
    negative_prompt: str = ""
    model: str = _FIELDS["model"].default
    count: int = 1
    seed: int | None = None
    seconds: float | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    format: str = _FIELDS["format"].default
    loudness: float = _FIELDS["loudness"].default
    more_open: bool = False
