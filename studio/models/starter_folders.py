"""The folders of the starter models, and their manifests."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file
from studio.formats.untrusted_files import entries_of, is_folder
from studio.models.model_card import has_conditions
from studio.models.starter_pack import MODELS
from studio.protocol import ModelRef, ModelSource
from studio.settings import Paths

MANIFEST = "starter.json"
"""File in the folder of each starter model, a `Manifest`."""


class Manifest(Struct, frozen=True):
    """Name and licence of a starter model, and its files: name in the folder → sha256 (hex)."""

    name: str = ""
    licence: str = ""
    files: dict[str, str] = {}


def starter_roots(paths: Paths) -> tuple[Path, Path]:
    """Return the folders that contain starter models, in order of precedence."""
    return paths.starter, paths.models / "starter"


def starter_root_to_write(paths: Paths) -> Path:
    """Return the folder for installing starter models: the first root that is writable."""
    first, second = starter_roots(paths)
    existing = first if first.exists() else first.parent
    return first if existing.is_dir() and os.access(existing, os.W_OK) else second


def starter_folders(paths: Paths) -> list[Path]:
    """Return the folders of starter models, in the order of the pack, followed by others."""
    order = list(MODELS)
    found: dict[str, Path] = {}
    for root in starter_roots(paths):
        for entry in entries_of(root):
            if is_folder(entry) and not entry.name.startswith("."):
                found.setdefault(entry.name, entry)
    return sorted(
        found.values(),
        key=lambda entry: order.index(entry.name) if entry.name in order else len(order),
    )


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in a folder, None if it is missing or damaged."""
    try:
        return read_json_file(folder / MANIFEST, Manifest)
    except msgspec.DecodeError:
        return None


def as_starter(model: ModelRef, folder: Path) -> ModelRef:
    """Return the model with id, name, licence and languages from the pack or its manifest."""
    known = MODELS.get(folder.name)
    manifest = read_manifest(folder) or Manifest()
    licence = known.licence if known else manifest.licence or model.licence
    return msgspec.structs.replace(
        model,
        id=folder.name,
        name=known.name if known else manifest.name or model.name,
        licence=licence,
        has_conditions=has_conditions(licence),
        source=ModelSource("starter", folder.name),
        languages=(known.languages if known else ()) or model.languages,
    )
