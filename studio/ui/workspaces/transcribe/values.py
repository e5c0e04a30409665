"""The values of the Transcribe tab in the settings file."""

from __future__ import annotations

from msgspec import Struct, field

from studio.kinds.fields import fields_of
from studio.kinds.transcribe import TranscribeRequest

_FIELDS = fields_of(TranscribeRequest)


class TranscribeValues(Struct):
    """The values of the Transcribe tab."""

    inputs: list[str] = field(default_factory=list)
    language: str = _FIELDS["language"].default
    model: str = _FIELDS["model"].default
