"""The values of the Film tab in the settings file; the storyboard is in the library."""

from __future__ import annotations

from msgspec import Struct


class FilmValues(Struct):
    """The values of the Film tab. `board` is the id of the storyboard that is shown."""

    board: str = ""
