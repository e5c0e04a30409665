"""The metadata embedded in a file, and the interface of the formats that can read and write it.

A format is a module (`png`, `jpeg`, …) with the functions of `RecipeFormat`. Recipes are opaque
JSON text here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, Protocol

from msgspec import Struct

HEAD = 12
"""Bytes that a format needs to recognise its files."""
RECIPE = "prompt_studio"
"""Keyword of the recipe, in formats with keywords."""
SVG = "svg"
"""Keyword of the drawing that a picture was made from, as an SVG document."""
AIGC = "AIGC"
"""Keyword of the AIGC label (`aigc`)."""


class Embedded(Struct, frozen=True):
    """Metadata about how a file was made. Missing parts are empty.

    `recipe` is JSON. `texts` are for other programs, by keyword. `packet` is XMP, `label` the
    JSON of an AIGC label. `facts` are human-readable lines at the top of a text file, in order.
    A format ignores the parts that it cannot store.
    """

    recipe: str = ""
    texts: Mapping[str, str] = {}
    packet: str = ""
    label: str = ""
    facts: Mapping[str, str | int] = {}


class Content(Struct, frozen=True):
    """Properties of a file's content: size in pixels, duration in seconds, or the text."""

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    text: str = ""


class RecipeFormat(Protocol):
    """A file format with embedded recipes. Reads are bounded and tolerate any file content.

    Each function takes a file positioned at its start, and may raise `OSError`.
    """

    def recognises(self, head: bytes) -> bool:
        """Return whether a file that starts with these `HEAD` bytes has this format."""
        ...

    def read(self, file: BinaryIO) -> Embedded:
        """Return the embedded metadata, without damaged and overlong parts."""
        ...

    def content(self, file: BinaryIO) -> Content:
        """Return the properties of the content that can be read without decoding it."""
        ...


class WritableFormat(RecipeFormat, Protocol):
    """A format that can embed a recipe without encoding the content again."""

    def write(self, source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
        """Copy `source` with `embedded` inside. Empty parts of `embedded` change nothing.

        Raises `ValueError` if the source is damaged.
        """
        ...
