"""Where the starter models lie on disk, and what their folders say about themselves."""

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
"""Lies in a starter model's folder: its name, licence and the sha256 of its files."""


class Manifest(Struct, frozen=True):
    """`files` maps a file's name within the folder → sha256 (hex)."""

    name: str = ""
    licence: str = ""
    files: dict[str, str] = {}


def starter_roots(paths: Paths) -> tuple[Path, Path]:
    """Return the folders in which starter models are looked for, the first one first."""
    return paths.starter, paths.models / "starter"


def starter_root_to_write(paths: Paths) -> Path:
    """Return where starter models are installed: beside a source checkout, or in the models."""
    first, second = starter_roots(paths)
    place = first if first.exists() else first.parent
    return first if place.is_dir() and os.access(place, os.W_OK) else second


def starter_folders(paths: Paths) -> list[Path]:
    """Return the folders of starter models, in the order of the pack, others after them."""
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
    """Return what the folder says about itself, or None where it says nothing readable."""
    try:
        return read_json_file(folder / MANIFEST, Manifest)
    except msgspec.DecodeError:
        return None


def as_starter(model: ModelRef, folder: Path) -> ModelRef:
    """Return the description of a starter model with its own id, name, licence and languages."""
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
