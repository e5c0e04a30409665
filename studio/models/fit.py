"""Estimate whether a model fits into memory, before loading it, from the sizes of its weights.

Weights dominate; activations, KV cache and libraries are rough additions. The estimate is a hint
for the user; the engine's memory arbiter decides.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
from msgspec import Struct

from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.safetensors import read_safetensors_header
from studio.formats.weights.tensors import count_parameters
from studio.formats.weights.torch_zip import read_torch_tensors
from studio.kinds.registry import kinds
from studio.models.description_cache import signature
from studio.models.identify_folder import component_weights, components, transformers_weights
from studio.models.model_card import read_config
from studio.protocol import DeviceMemory, ModelRef, ProblemError, Sentence, readable_size

Verdict: TypeAlias = Literal["fits", "tight", "will_not_fit"]

COMFORT = 0.85
"""Fraction of the free memory up to which a model counts as fitting."""

_LIBRARIES = 700_000_000
"""Bytes used by torch and the other libraries after import."""


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
    width: int | None = None,
    height: int | None = None,
    bytes_per_weight: int | None = None,
) -> Fit:
    """Estimate whether the model can be loaded and run now.

    Args:
        ref: the model.
        memory: memory of the device; None for this machine's main memory.
        width, height: of the picture in pixels; None for the model's default.
        bytes_per_weight: 2 or 4, for weights in memory; None for the device's default.
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
        message = Sentence("Fits: it needs about {need}, and {available} is free.", values)
        return Fit("fits", need, available, message)
    if need <= 0.95 * total:
        message = Sentence(
            "Tight: it needs about {need}, and {available} of {total} is free. Close other "
            "programs first.",
            values,
        )
        return Fit("tight", need, available, message)
    message = Sentence(
        "Will not fit: it needs about {need}, but there is only {total} in total. Choose a smaller"
        " model.",
        values,
    )
    return Fit("will_not_fit", need, available, message)


def memory_need(
    ref: ModelRef,
    *,
    width: int | None = None,
    height: int | None = None,
    bytes_per_weight: int | None = None,
) -> int:
    """Return the bytes that the model needs to run, including libraries."""
    weight_bytes = bytes_per_weight or _bytes_per_weight()
    weights = _parameters(ref.path, ref.format, signature(Path(ref.path)))
    # If the headers cannot be read, assume that the file has 2 bytes per weight.
    model = weights * weight_bytes if weights else ref.size * weight_bytes // 2
    return _LIBRARIES + kinds()[ref.task].memory(ref, model, weight_bytes, width, height)


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
    """Return the main memory available to this process, within the limits of its cgroup."""
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
    """Return 2 if the CPU supports bfloat16, which the engine then uses, else 4."""
    if sys.platform == "darwin":
        return 2
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return 4
    return 2 if "avx512_bf16" in flags or "amx_bf16" in flags else 4


@lru_cache(maxsize=256)
def _parameters(path: str, kind: str, _signature: str) -> int:
    """Count the weights from headers, 0 if they cannot be read. The signature is a cache key."""
    root = Path(path)
    try:
        if kind == "gguf":
            return count_parameters(read_gguf_header(root).tensors)
        if root.suffix.lower() in PICKLED_WEIGHTS:
            return count_parameters(read_torch_tensors(root))
        if kind == "transformers":
            files = transformers_weights(root)
        elif kind == "diffusers":
            index = read_config(root / "model_index.json")
            files = [
                file
                for component in components(index)
                if any((root / component).glob("*.safetensors"))
                for file in component_weights(root / component)
            ]
        else:
            files = [root]
        return sum(count_parameters(read_safetensors_header(file).tensors) for file in files)
    except (ProblemError, OSError):
        return 0
