"""List the models with whether they fit into the memory of the device that runs them."""

from __future__ import annotations

from typing import NamedTuple

from studio.jobs.forecast import least_needs
from studio.library.store import Library
from studio.models.fit import Fit, current_memory
from studio.models.gpu_memory import gpu_memory
from studio.models.model_fits import fits_of
from studio.models.registry import Registry
from studio.protocol import DeviceMemory, ModelRef, Problem, ProblemError


class Listing(NamedTuple):
    """The models, their fits by id, and the problems of those that cannot be used."""

    models: tuple[ModelRef, ...]
    fits: dict[str, Fit]
    problems: dict[str, Problem]


def list_models(
    registry: Registry,
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
    return Listing(listing.models, fits_of(listing.models, memory, needs), listing.problems)
