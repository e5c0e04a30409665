"""What a file carries besides its content, and what a format does to read and to write it.

A format is a module (`png`, `jpeg`, …) with the functions of `RecipeFormat`. A recipe is JSON
text here; what it means is not known on this floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, Protocol

from msgspec import Struct

HEAD = 12
"""Bytes from which a format recognises its files."""
RECIPE = "prompt_studio"
"""The keyword of our recipe, where a format has keywords."""
AIGC = "AIGC"
"""The keyword of the label of generated content (`aigc`)."""


class Embedded(Struct, frozen=True):
    """What a file says about how it was made; what it does not say is empty.

    `recipe` is JSON. `texts` are read by other programs, by keyword. `packet` is XMP, `label`
    the JSON of an AIGC label. `facts` are what a person reads at the top of a text, in order.
    A format leaves out what it has no place for.
    """

    recipe: str = ""
    texts: Mapping[str, str] = {}
    packet: str = ""
    label: str = ""
    facts: Mapping[str, str | int] = {}


class Content(Struct, frozen=True):
    """What a file holds: pixels, seconds of sound or film, or a text."""

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    text: str = ""


class RecipeFormat(Protocol):
    """Files that carry a recipe. Nothing raises for what a file holds, and reads are bounded.

    Every function takes a file that stands at its beginning, and may raise `OSError`.
    """

    def recognises(self, head: bytes) -> bool:
        """Tell from the first `HEAD` bytes whether a file is of this format."""
        ...

    def read(self, file: BinaryIO) -> Embedded:
        """Return what the file carries; what is damaged or too long is left out."""
        ...

    def content(self, file: BinaryIO) -> Content:
        """Return what the file holds, as far as it can be told without decoding it."""
        ...


class WritableFormat(RecipeFormat, Protocol):
    """A format into which a recipe is put without the content being encoded again."""

    def write(self, source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
        """Copy `source` with `embedded` inside; what that leaves empty stays as it was.

        Raises `ValueError` where the source is damaged.
        """
        ...
