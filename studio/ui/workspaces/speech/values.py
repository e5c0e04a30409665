"""The values of the Voice tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.speech import SpeechRequest

_FIELDS = fields_of(SpeechRequest)


class SpeechValues(Struct):
    """The values of the Voice tab."""

    prompt: str = ""
    voice: str = _FIELDS["voice"].default
    speed: float = _FIELDS["speed"].default
    format: str = _FIELDS["format"].default
    pause: float = _FIELDS["pause"].default
    loudness: float = _FIELDS["loudness"].default
    pronunciations: str = _FIELDS["pronunciations"].default
    cast: str = _FIELDS["cast"].default
    model: str = _FIELDS["model"].default
    count: int = _FIELDS["count"].default
    more_open: bool = False
