"""Find out which entries of the catalogue are installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from studio.formats.untrusted_files import is_file
from studio.models.catalogue.entries import CatalogueEntry, Variant
from studio.protocol import ModelRef


def installed(entry: CatalogueEntry, models: Iterable[ModelRef]) -> dict[str, ModelRef]:
    """Return the installed models of an entry by precision. Reads the disk."""
    models = list(models)
    found: dict[str, ModelRef] = {}
    for variant in entry.variants:
        for ref in models:
            if _is_from(ref, variant):
                found[variant.precision] = ref
                break
    return found


def _is_from(ref: ModelRef, variant: Variant) -> bool:
    if variant.url:
        return ref.source.kind == "url" and ref.source.place == variant.url
    names = [file.path.rpartition("/")[2] for file in variant.files]
    path = Path(ref.path)
    if ref.source.kind == "hub" and ref.source.place == variant.repository:
        return not names or path.name in names or all(is_file(path / name) for name in names)
    # The same file in the folder of another program.
    return len(names) == 1 and path.name == names[0] and ref.size == variant.files[0].size
