"""Choose the variant of a catalogue entry for a machine, and order entries by how they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.models.catalogue.entries import CatalogueEntry, Variant
from studio.protocol import DeviceMemory

Place: TypeAlias = Literal["gpu", "gpu_offload", "cpu"]

GIGABYTE = 1_000_000_000

_USABLE = 0.9
"""Fraction of a device's memory that a model may use; the rest is the system's and the window's."""

_RESERVED = 3 * GIGABYTE
"""Main memory that the system and other programs keep."""


class Choice(Struct, frozen=True):
    """A variant and where it runs. `place` is None if it does not fit: then it is the smallest."""

    variant: Variant
    place: Place | None

    @property
    def need(self) -> float | None:
        """The memory needed at `place`, in gigabytes."""
        return None if self.place is None else getattr(self.variant.memory, self.place)


def choose_variant(entry: CatalogueEntry, main: DeviceMemory, gpu: DeviceMemory | None) -> Choice:
    """Return the most precise variant that runs best on this machine.

    A variant that fits into the GPU is preferred to one that is moved there part by part, and that
    one to the CPU. Total memory decides, not what happens to be free: the choice is made once, for
    a download.

    Args:
        entry: of the catalogue.
        main: the machine's main memory.
        gpu: the GPU's memory, also where it is shared with the CPU; None without a GPU.
    """
    for place in ("gpu", "gpu_offload", "cpu"):
        room = _room(place, main, gpu)
        for variant in reversed(entry.variants):
            need = getattr(variant.memory, place)
            if need is not None and need * GIGABYTE <= room:
                return Choice(variant, place)
    return Choice(entry.variants[0], None)


def place_of(variant: Variant, main: DeviceMemory, gpu: DeviceMemory | None) -> Place | None:
    """Return where a variant runs best on this machine, None if it does not fit."""
    places: tuple[Place, ...] = ("gpu", "gpu_offload", "cpu")
    for place in places:
        need = getattr(variant.memory, place)
        if need is not None and need * GIGABYTE <= _room(place, main, gpu):
            return place
    return None


def by_fit(
    entries: Iterable[CatalogueEntry], main: DeviceMemory, gpu: DeviceMemory | None
) -> list[tuple[CatalogueEntry, Choice]]:
    """Return the entries with their choices: those that run first, recommended ones before others.

    Within these groups the order of the catalogue is kept.
    """
    chosen = [(entry, choose_variant(entry, main, gpu)) for entry in entries]
    return sorted(chosen, key=lambda pair: (pair[1].place is None, not pair[0].recommended))


def _room(place: Place, main: DeviceMemory, gpu: DeviceMemory | None) -> float:
    if place == "cpu":
        return max(0.0, main.total - _RESERVED)
    return 0.0 if gpu is None else _USABLE * gpu.total
