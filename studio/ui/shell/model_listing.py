"""List the models with whether they fit into the memory of the device that runs them."""

from __future__ import annotations

from typing import NamedTuple

from studio.jobs.forecast import least_needs
from studio.library.store import Library
from studio.models.catalogue.smaller import SmallerVersion, smaller_versions
from studio.models.fit import Fit, current_memory
from studio.models.gpu_memory import gpu_memory
from studio.models.model_fits import fits_of
from studio.models.registry import Registry
from studio.protocol import DeviceMemory, ModelRef, Problem, ProblemError
from studio.settings import Paths


class Listing(NamedTuple):
    """The models, their fits by id, and the problems of those that cannot be used."""

    models: tuple[ModelRef, ...]
    fits: dict[str, Fit]
    problems: dict[str, Problem]
    smaller: dict[str, SmallerVersion]
    """Versions that fit of those that do not, by the ids of these."""


def list_models(
    registry: Registry,
    paths: Paths,
    library: Library | None,
    reported: DeviceMemory | None,
    *,
    may_use_gpu: bool,
) -> Listing:
    """List the models. `reported` is what the engine said of its device, None before it started."""
    listing = registry.listing()
    # Before the engine has reported its device: main memory is not what counts on a GPU.
    gpu = gpu_memory() if reported is None and may_use_gpu else None
    memory = current_memory(reported or gpu)
    needs: dict[str, int] = {}
    if library is not None:
        try:
            needs = least_needs(library, memory)
        except ProblemError:
            needs = {}  # a library that cannot be read is reported where it is shown
    fits = fits_of(listing.models, memory, needs)
    on_gpu = memory if memory.kind != "main" else None
    smaller = smaller_versions(listing.models, fits, paths, on_gpu)
    return Listing(listing.models, fits, listing.problems, smaller)
