"""Brands and glossaries: how a house speaks, what it never says, what is true of its products."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from studio.writing.forms.form import Line, Words
from studio.writing.forms.toml_file import BrokenFile, read_text, read_toml

FOLDER = "brands"
"""Of the library."""


class Brand(Struct, frozen=True, forbid_unknown_fields=True):
    """A brand as its file says it. `glossary` maps terms to their translations."""

    name: Line
    tone: Annotated[str, Meta(max_length=2000)] = ""
    use: Words = ()
    avoid: Words = ()
    facts: Words = ()
    glossary: dict[str, Line] = {}


def read_brand(path: Path) -> Brand | BrokenFile:
    """Return the brand of a file, or what is wrong with it."""
    text = read_text(path)
    return text if isinstance(text, BrokenFile) else read_toml(path, text, Brand)
