"""Estimate whether a model fits into memory, before loading it, from the sizes of its weights.

Weights dominate; activations, KV cache and libraries are rough additions, until real work on this
machine has shown what it needs. The estimate is a hint for the user; the engine's memory arbiter
decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
from msgspec import Struct

from studio.formats.process_limits import address_space_limit
from studio.kinds.registry import kinds
from studio.models.weights_in_memory import default_bytes_per_weight, weights_in_memory
from studio.protocol import DeviceMemory, ModelRef, Sentence, readable_size

Verdict: TypeAlias = Literal["fits", "tight", "will_not_fit"]

COMFORT = 0.85
"""Fraction of the free memory up to which a model counts as fitting."""

USABLE = 0.95
"""Fraction of the total memory that can be had at most."""

LIBRARIES = 700_000_000
"""Bytes used by torch and the other libraries after import."""

LEAST_ON_GPU = 1_500_000_000
"""Bytes of GPU memory with which a model works whose layers are moved there one by one."""


class Fit(Struct, frozen=True):
    """The verdict, the bytes needed and available, and a message for the user."""

    verdict: Verdict
    need: int
    available: int
    sentence: Sentence


def fit(
    ref: ModelRef,
    memory: DeviceMemory | None = None,
    *,
    companions: Sequence[ModelRef] = (),
    measured: int = 0,
    bytes_per_weight: int | None = None,
) -> Fit:
    """Estimate whether the model can be loaded and run now.

    Args:
        ref: the model.
        memory: memory of the device; None for this machine's main memory.
        companions: what is loaded with it: the parts of a denoiser, LoRAs, ControlNets.
        measured: bytes that it needed here before, 0 if unknown.
        bytes_per_weight: 2 or 4, for weights in memory; None for the device's default.
    """
    memory = memory or main_memory()

    def need_with(width: int | None) -> int:
        return memory_need(ref, memory, companions=companions, bytes_per_weight=width)

    need = max(need_with(bytes_per_weight), measured)
    kind = kinds()[ref.task]
    least = need
    if kind.halves_precision and not measured:
        least = need_with(2)
    if need <= COMFORT * memory.free:
        return Fit("fits", need, memory.free, _sentence("fits", need, memory))
    if least <= USABLE * memory.total:
        return Fit("tight", need, memory.free, _sentence("tight", need, memory))
    if memory.kind == "gpu" and kind.offloads and USABLE * memory.total >= LEAST_ON_GPU:
        main = main_memory()
        if need <= USABLE * main.total:
            message = Sentence(
                "Larger than the graphics card's memory: it needs about {need}, and the card has "
                "{total}. Parts of it stay in main memory, which is slower.",
                {"need": readable_size(need), "total": readable_size(memory.total)},
            )
            return Fit("tight", need, memory.free, message)
    return Fit("will_not_fit", need, memory.free, _sentence("will_not_fit", need, memory))


def memory_need(
    ref: ModelRef,
    memory: DeviceMemory | None = None,
    *,
    companions: Sequence[ModelRef] = (),
    call_size: float | None = None,
    bytes_per_weight: int | None = None,
) -> int:
    """Return the bytes that the model needs to run, including libraries.

    `call_size` is the size of the work as in `Kind.call_size`, None for the usual one. The other
    arguments are those of `fit`.
    """
    width = bytes_per_weight or bytes_per_weight_on(memory)
    weights = loaded_weights(ref, companions, width)
    return LIBRARIES + kinds()[ref.task].memory(ref, weights, width, call_size)


def loaded_weights(ref: ModelRef, companions: Sequence[ModelRef], bytes_per_weight: int) -> int:
    """Return the bytes of the weights of a model and of what is loaded with it."""
    others = (weights_in_memory(each, bytes_per_weight, as_companion=True) for each in companions)
    return weights_in_memory(ref, bytes_per_weight) + sum(others)


def bytes_per_weight_on(memory: DeviceMemory | None) -> int:
    """Return the bytes of a weight on a device, None for this machine's processor."""
    return default_bytes_per_weight() if memory is None or memory.kind == "main" else 2


def _sentence(verdict: Verdict, need: int, memory: DeviceMemory) -> Sentence:
    values = {
        "need": readable_size(need),
        "available": readable_size(memory.free),
        "total": readable_size(memory.total),
    }
    match verdict, memory.kind == "gpu":
        case "fits", False:
            return Sentence("Fits: it needs about {need}, and {available} is free.", values)
        case "fits", True:
            return Sentence(
                "Fits the graphics card: it needs about {need}, and {available} is free.", values
            )
        case "tight", False:
            return Sentence(
                "Tight: it needs about {need}, and {available} of {total} is free. Close other "
                "programs first.",
                values,
            )
        case "tight", True:
            return Sentence(
                "Tight on the graphics card: it needs about {need}, and {available} of {total} is "
                "free. Close other programs that use the card.",
                values,
            )
        case _, False:
            return Sentence(
                "Will not fit: it needs about {need}, but there is only {total} in total. Choose "
                "a smaller model.",
                values,
            )
    return Sentence(
        "Will not fit the graphics card: it needs about {need}, but the card has only {total}. "
        "Choose a smaller model.",
        values,
    )


def current_memory(reported: DeviceMemory | None) -> DeviceMemory:
    """Return the current memory of the engine's device, given what the engine reported at start.

    For a GPU that is the report itself, with the memory free before any model was loaded. For
    shared and main memory, sizes are queried again. Without a report it is the main memory.
    """
    if reported is None:
        return main_memory()
    if reported.kind == "gpu":
        return reported
    now = main_memory()
    return DeviceMemory(reported.device, reported.kind, now.total, now.free)


def main_memory() -> DeviceMemory:
    """Return the main memory that this process and its engine may use, within their limits."""
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    for limit_file, used_file in _CGROUPS:
        try:
            limit = int(Path(limit_file).read_text("ascii"))
            used = int(Path(used_file).read_text("ascii"))
        except (OSError, ValueError):
            continue
        total, free = min(total, limit), min(free, max(0, limit - used))
        break
    addresses = address_space_limit()
    if addresses is not None:
        total, free = min(total, addresses), min(free, addresses)
    return DeviceMemory("cpu", "main", total, free)


_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
