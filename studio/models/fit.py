"""Will a model fit into memory? Told before loading, from the sizes of its weights.

Weights dominate; what a run adds (activations, the attention cache, torch itself) is a rough
sum on top. It is a hint: the engine's memory arbiter has the last word.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
from msgspec import Struct

from studio.formats.gguf import read_gguf_header
from studio.formats.safetensors import read_safetensors_header
from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.formats.tensors import count_parameters
from studio.formats.torch_zip import read_torch_tensors
from studio.kinds.registry import kinds
from studio.models.description_cache import signature
from studio.models.identify_folder import component_weights, components, transformers_weights
from studio.models.model_card import read_config
from studio.protocol import DeviceMemory, ModelRef, ProblemError, Sentence, readable_size

Verdict: TypeAlias = Literal["fits", "tight", "will_not_fit"]

COMFORT = 0.85
"""Fraction of the free memory that a model may take and still be said to fit."""

_LIBRARIES = 700_000_000
"""Bytes that torch and its friends hold once imported."""


class Fit(Struct, frozen=True):
    """`need` and `available` are bytes; the sentence is for a person."""

    verdict: Verdict
    need: int
    available: int
    sentence: Sentence


def fit(
    ref: ModelRef,
    memory: DeviceMemory | None = None,
    *,
    width: int | None = None,
    height: int | None = None,
    bytes_per_weight: int | None = None,
) -> Fit:
    """Estimate whether the model can be loaded and run now.

    Args:
        ref: the model.
        memory: that of the device; None asks this machine for its main memory.
        width: pixels of the picture to be made; None is what suits the model.
        height: pixels, as `width`.
        bytes_per_weight: 2 or 4, how weights are held; None is what suits the device.
    """
    memory = memory or main_memory()
    if bytes_per_weight is None and memory.kind != "main":
        bytes_per_weight = 2
    available, total = memory.free, memory.total
    need = memory_need(ref, width=width, height=height, bytes_per_weight=bytes_per_weight)
    values = {
        "need": readable_size(need),
        "available": readable_size(available),
        "total": readable_size(total),
    }
    if need <= COMFORT * available:
        said = Sentence("Fits: it needs about {need}, and {available} is free.", values)
        return Fit("fits", need, available, said)
    if need <= 0.95 * total:
        said = Sentence(
            "Tight: it needs about {need}, and {available} of {total} is free. Close other "
            "programs first.",
            values,
        )
        return Fit("tight", need, available, said)
    said = Sentence(
        "Will not fit: it needs about {need}, but there is only {total} in total. Choose a smaller"
        " model.",
        values,
    )
    return Fit("will_not_fit", need, available, said)


def memory_need(
    ref: ModelRef,
    *,
    width: int | None = None,
    height: int | None = None,
    bytes_per_weight: int | None = None,
) -> int:
    """Return the bytes that the model takes when it runs, libraries included."""
    held = bytes_per_weight or _bytes_per_weight()
    weights = _parameters(ref.path, ref.format, signature(Path(ref.path)))
    # where the headers cannot be read the file's own size stands in, as 2-byte weights
    model = weights * held if weights else ref.size * held // 2
    return _LIBRARIES + kinds()[ref.task].memory(ref, model, held, width, height)


def current_memory(told: DeviceMemory | None) -> DeviceMemory:
    """Return the memory of the device that the engine has told of, as it is now.

    What is free of a GPU is what was free before our engine loaded anything. Memory that the
    processor uses too is asked anew. Before the engine has told, it is this machine's.
    """
    if told is None:
        return main_memory()
    if told.kind == "gpu":
        return told
    now = main_memory()
    return DeviceMemory(told.device, told.kind, now.total, now.free)


def main_memory() -> DeviceMemory:
    """Return the main memory that this process may use."""
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
    return DeviceMemory("cpu", "main", total, free)


_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


@cache
def _bytes_per_weight() -> int:
    """2 where the processor is quick in bfloat16 (the engine then computes in it), else 4."""
    if sys.platform == "darwin":
        return 2
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return 4
    return 2 if "avx512_bf16" in flags or "amx_bf16" in flags else 4


@lru_cache(maxsize=256)
def _parameters(path: str, kind: str, _signature: str) -> int:
    """Count the weights from headers; 0 where they cannot be read."""
    place = Path(path)
    try:
        if kind == "gguf":
            return count_parameters(read_gguf_header(place).tensors)
        if place.suffix.lower() in PICKLED_WEIGHTS:
            return count_parameters(read_torch_tensors(place))
        if kind == "transformers":
            files = transformers_weights(place)
        elif kind == "diffusers":
            index = read_config(place / "model_index.json")
            files = [
                file
                for component in components(index)
                if any((place / component).glob("*.safetensors"))
                for file in component_weights(place / component)
            ]
        else:
            files = [place]
        return sum(count_parameters(read_safetensors_header(file).tensors) for file in files)
    except (ProblemError, OSError):
        return 0
