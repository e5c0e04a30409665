"""The values of the Film tab in the settings file; the storyboard is in the library."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.film import FilmRequest

_FIELDS = fields_of(FilmRequest)


class FilmValues(Struct):
    """The values of the Film tab."""

    board: str = ""
    width: int = _FIELDS["width"].default
    height: int = _FIELDS["height"].default
    format: str = _FIELDS["format"].default
