"""Files with embedded recipes, of any supported format. Add a new format to the lists here."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TypeVar

from studio.formats.pictures import gif, jpeg, png, svg, webp
from studio.formats.pictures.embedded import HEAD, Content, Embedded, RecipeFormat, WritableFormat
from studio.formats.recipes import front_matter
from studio.formats.sounds import flac, mp3, ogg, wav
from studio.formats.untrusted_files import open_regular
from studio.formats.videos import matroska, mp4

_WRITABLE: tuple[WritableFormat, ...] = (
    png,
    jpeg,
    webp,
    gif,
    wav,
    flac,
    ogg,
    mp3,
    mp4,
    matroska,
)
_FORMATS: tuple[RecipeFormat, ...] = (*_WRITABLE, svg, front_matter)

Format = TypeVar("Format", bound=RecipeFormat)

PLAIN_TEXT: WritableFormat = front_matter
"""The format for plain text, which cannot be recognised from its content."""


def read_embedded(path: Path) -> Embedded:
    """Return the metadata in a file, empty if no format recognises it. Raises `OSError`."""
    with open_regular(path) as file:
        found = _recognising(_FORMATS, file)
        return found.read(file) if found is not None else Embedded()


def read_content(path: Path) -> Content:
    """Return a file's content properties, empty if no format recognises it. Raises `OSError`."""
    with open_regular(path) as file:
        found = _recognising(_FORMATS, file)
        return found.content(file) if found is not None else Content()


def writable_format(file: BinaryIO) -> WritableFormat | None:
    """Return the format that can embed a recipe in this file, None if none. Raises `OSError`."""
    return _recognising(_WRITABLE, file)


def _recognising(formats: tuple[Format, ...], file: BinaryIO) -> Format | None:
    head = file.read(HEAD)
    file.seek(0)
    return next((one for one in formats if one.recognises(head)), None)
