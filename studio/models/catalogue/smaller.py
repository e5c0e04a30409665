"""A smaller version of a model that does not fit: one that is installed, or in the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from studio.models.catalogue.catalogue import Catalogue, load_catalogue
from studio.models.catalogue.choice import choose_variant
from studio.models.catalogue.entries import CatalogueEntry
from studio.models.catalogue.installed import installed
from studio.models.fit import Fit, main_memory
from studio.protocol import DeviceMemory, ModelRef
from studio.settings import Paths


class SmallerVersion(Struct, frozen=True):
    """A version that fits, known without asking the hub. `size` is bytes.

    `installed` is the id of a model that is there already; else `entry` and `precision` name it in
    the catalogue.
    """

    name: str
    size: int
    installed: str = ""
    entry: str = ""
    precision: str = ""


def smaller_versions(
    models: Sequence[ModelRef],
    fits: Mapping[str, Fit],
    paths: Paths,
    gpu: DeviceMemory | None,
) -> dict[str, SmallerVersion]:
    """Return a smaller version of each model that does not fit and has one, by id."""
    found: dict[str, SmallerVersion] = {}
    large = [model for model in models if fits[model.id].verdict != "fits"]
    catalogue = load_catalogue(paths) if large else Catalogue()
    fitting = {id for id, fit in fits.items() if fit.verdict == "fits"}
    for model in large:
        smaller = known_smaller(model, models, fitting, catalogue, gpu)
        if smaller is not None:
            found[model.id] = smaller
    return found


def known_smaller(
    model: ModelRef,
    models: Sequence[ModelRef],
    fitting: Collection[str],
    catalogue: Catalogue,
    gpu: DeviceMemory | None,
) -> SmallerVersion | None:
    """Return a smaller version of a model, None if none is known without asking the hub.

    An installed one comes first. `fitting` are the ids of the models that fit.
    """
    entry = _entry_of(model, catalogue)
    others = list(installed(entry, models).values()) if entry is not None else []
    others += [each for each in models if _is_same_repository(each, model)]
    smaller = [each for each in others if each.size < model.size and each.id in fitting]
    if smaller:
        best = max(smaller, key=lambda each: each.size)
        return SmallerVersion(best.name, best.size, installed=best.id)
    if entry is None:
        return None
    choice = choose_variant(entry, main_memory(), gpu)
    if choice.place is None or choice.variant.size >= model.size:
        return None
    variant = choice.variant
    return SmallerVersion(
        entry.title_of(variant), variant.size, entry=entry.id, precision=variant.precision
    )


def _entry_of(model: ModelRef, catalogue: Catalogue) -> CatalogueEntry | None:
    for entry in catalogue.entries:
        if entry.task == model.task and installed(entry, [model]):
            return entry
    if model.source.kind != "hub":
        return None
    return catalogue.for_repository(model.source.place)


def _is_same_repository(other: ModelRef, model: ModelRef) -> bool:
    is_hub = model.source.kind == "hub" and bool(model.source.place)
    return is_hub and other.id != model.id and other.source.place == model.source.place
