"""The formats that carry a recipe, asked in turn. A new one is added to the lists here."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TypeVar

from studio.formats import front_matter, jpeg, png, webp
from studio.formats.embedded import HEAD, Content, Embedded, RecipeFormat, WritableFormat

_WRITABLE: tuple[WritableFormat, ...] = (png,)
# JPEG and WebP are only made by an export, which encodes them with their recipe.
_FORMATS: tuple[RecipeFormat, ...] = (*_WRITABLE, front_matter, jpeg, webp)

Format = TypeVar("Format", bound=RecipeFormat)

PLAIN_TEXT: WritableFormat = front_matter
"""The format of a text, which cannot be recognised before it has its recipe."""


def read_embedded(path: Path) -> Embedded:
    """Return what a file carries: nothing where no format recognises it. Raises `OSError`."""
    with path.open("rb") as file:
        found = _recognising(_FORMATS, file)
        return found.read(file) if found is not None else Embedded()


def read_content(path: Path) -> Content:
    """Return what a file holds: nothing where no format recognises it. Raises `OSError`."""
    with path.open("rb") as file:
        found = _recognising(_FORMATS, file)
        return found.content(file) if found is not None else Content()


def writable_format(file: BinaryIO) -> WritableFormat | None:
    """Return the format that can put a recipe into a file like this one. Raises `OSError`."""
    return _recognising(_WRITABLE, file)


def _recognising(formats: tuple[Format, ...], file: BinaryIO) -> Format | None:
    head = file.read(HEAD)
    file.seek(0)
    return next((one for one in formats if one.recognises(head)), None)
