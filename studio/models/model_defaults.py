"""The values of request fields that suit a model: from the catalogue, the pack, and its files."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.formats.chat.sampling_defaults import read_generation_config, read_gguf_sampling
from studio.formats.untrusted_files import is_folder
from studio.kinds.model_defaults import known_defaults
from studio.kinds.registry import kinds
from studio.models.catalogue.catalogue import Catalogue
from studio.models.catalogue.entries import CatalogueEntry
from studio.models.description_cache import signature
from studio.models.starter_pack import MODELS as STARTER_MODELS
from studio.protocol import ModelRef

_IN_HUB_CACHE = re.compile(r"models--([^/\\]+?)--([^/\\]+)")


def model_defaults(model: ModelRef, catalogue: Catalogue) -> dict[str, Any]:
    """Return the model's own values by field name.

    What the catalogue recommends goes before what the files say. Values that are not valid are
    left out.
    """
    kind = kinds().get(model.task)
    if kind is None or not model.path:
        return {}
    entry = catalogue_entry(model, catalogue)
    starter = STARTER_MODELS.get(model.id) if model.is_starter else None
    values: dict[str, Any] = {}
    for source in (
        _from_files(model.path, signature(Path(model.path))),
        starter.settings if starter is not None else {},
        entry.settings if entry is not None else {},
    ):
        values |= known_defaults(kind, source)
    return values


def catalogue_entry(model: ModelRef, catalogue: Catalogue) -> CatalogueEntry | None:
    """Return the entry of the catalogue that a model was downloaded from, or None."""
    source, found = model.source, None
    if source.kind == "hub":
        found = catalogue.for_repository(source.place)
    elif source.kind == "url":
        found = next(
            (
                entry
                for entry in catalogue.entries
                if any(variant.url == source.place for variant in entry.variants)
            ),
            None,
        )
    elif (cached := _IN_HUB_CACHE.search(model.path)) is not None:
        found = catalogue.for_repository(f"{cached[1]}/{cached[2]}")
    return found if found is not None and found.task == model.task else None


@lru_cache(maxsize=256)
def _from_files(path: str, _signature: str) -> dict[str, Any]:
    """Read the values from the model's files. The signature is a cache key."""
    place = Path(path)
    if is_folder(place):
        return read_generation_config(place)
    return read_gguf_sampling(place) if place.suffix.lower() == ".gguf" else {}
