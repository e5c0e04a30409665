"""`source.json` beside a downloaded model: where it came from, its licence, its files' hashes."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file
from studio.protocol import ModelSource

SOURCE_FILE = "source.json"


class SourceFile(Struct, frozen=True):
    """Source and licence of a model. `files` are names in the folder → sha256 (hex), if known."""

    source: ModelSource = ModelSource()
    licence: str = ""
    files: dict[str, str] = {}


def read_source(folder: Path) -> SourceFile | None:
    """Return the source file of a folder; None if there is none, or it was not made by a download.

    A repository may contain a file of this name, but a model is a starter model by its place.
    """
    try:
        found = read_json_file(folder / SOURCE_FILE, SourceFile)
    except msgspec.DecodeError:
        return None
    return found if found is not None and found.source.kind in ("hub", "url") else None


def is_inside(folder: Path, name: str) -> bool:
    """Return whether a file name of a source file stays inside its folder."""
    return folder.resolve() in (folder / name).resolve().parents


def source_text(source: SourceFile) -> str:
    """Return the content of a source file."""
    return msgspec.json.format(msgspec.json.encode(source), indent=1).decode()
