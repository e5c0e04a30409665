"""Predict whether one call of a request fits into memory.

The size of the weights is known from their headers (`models.fit`). What a call needs besides is
taken from recipes of the same model on this device, or estimated roughly if there are none. The
prediction is only a hint: the engine runs the job in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import psutil
from msgspec import Struct

from studio.kinds.registry import kind_if_known, kind_of, kinds
from studio.library.store import Library
from studio.models.fit import (
    COMFORT,
    LEAST_ON_GPU,
    LIBRARIES,
    USABLE,
    Verdict,
    bytes_per_weight_on,
    loaded_weights,
    main_memory,
    memory_need,
)
from studio.protocol import Capabilities, DeviceMemory, ModelRef, ModelRole, Recipe, Request

_ADDED_ROLES: frozenset[ModelRole] = frozenset({"lora", "embedding", "controlnet", "ip_adapter"})
"""Roles of what is added to a loaded model, and not in the size that was measured."""

_STEP = 64
"""Suggested sides are multiples of this many pixels where the model allows it."""

_SIMILAR = log(2)
"""Peaks this much farther away than the nearest one, as a log of the size, count as well."""

_SAME = 0.02
"""Sizes that differ by this fraction are the same."""

_FIXED = 100_000_000
"""Bytes that a call takes at any size: buffers that the libraries allocate at first use."""

_MAX_EXTRAPOLATION = 4
"""Peaks of calls of less than a fourth of the size asked for are ignored."""

_RECENT = 200
"""Newest results from which the least need of models is learned."""

_PROBE = 4096.0
"""Size from which on the need is computed as a line."""


class Peak(Struct, frozen=True):
    """Peak memory of one call above the loaded model: `size` bytes for a call of `call_size`.

    `call_size` is in the kind's unit, 0 if the memory does not depend on it. `weights` are the
    bytes of the loaded model, 0 if unknown. `device_total` is the total memory of the GPU in
    bytes, 0 for a CPU.
    """

    call_size: float
    size: int
    device_total: int = 0
    weights: int = 0

    @property
    def total(self) -> int:
        """Bytes of everything: weights, libraries and work; 0 if the weights are not known."""
        return LIBRARIES + self.weights + self.size if self.weights else 0


class Forecast(Struct, frozen=True):
    """Whether a request fits; `need` and `available` are bytes.

    The verdict `tight` means that it fits only with the engine's memory-saving measures. `size`
    is the largest (width, height) with the same aspect ratio that fits comfortably, None if the
    requested size does, or none does. `is_measured` is whether it follows from earlier results.
    """

    verdict: Verdict
    need: int
    available: int
    size: tuple[int, int] | None = None
    is_measured: bool = False


def peak_of(recipe: Recipe) -> Peak | None:
    """Return the peak memory recorded in a recipe, None if there is none."""
    request, stats = recipe.request, recipe.stats
    size = stats.get("peak_memory", 0.0)
    kind = kind_if_known(request)
    if kind is None or size <= 0:
        return None
    call_size = stats.get("call_size", 0.0)
    if kind.call_size is not None and not call_size:
        # Recipes of earlier versions do not say it.
        call_size = kind.call_size(request, None) * stats.get("images_at_once", 1.0)
        if not call_size:
            return None
    return Peak(
        call_size,
        int(size),
        int(stats.get("device_memory", 0.0)),
        int(stats.get("model_memory", 0.0)),
    )


def least_needs(library: Library, memory: DeviceMemory) -> dict[str, int]:
    """Return the least bytes that the newest results of each model needed on a kind of device."""
    needs: dict[str, int] = {}
    for asset in library.assets.recent(_RECENT):
        peak = peak_of(asset.recipe)
        if peak is None or not peak.total or bool(peak.device_total) != (memory.kind == "gpu"):
            continue
        id = asset.recipe.model_id
        needs[id] = min(peak.total, needs.get(id, peak.total))
    return needs


def forecast(
    request: Request,
    model: ModelRef,
    can: Capabilities | None = None,
    peaks: Sequence[Peak] = (),
    memory: DeviceMemory | None = None,
    companions: Sequence[ModelRef] = (),
) -> Forecast | None:
    """Predict whether one call of a request fits; None if its size is not known.

    Args:
        request: the request.
        model: the model that it uses.
        can: capabilities of the model: its default size and the multiple of its sides.
        peaks: peak memory of earlier results of this model, newest first.
        memory: memory of the device; what the loaded models of our engine use counts as free.
            With None, the GPU memory in `peaks` is used, or else the main memory of the machine.
        companions: what is loaded with the model: the parts of a denoiser, LoRAs, ControlNets.
    """
    kind = kind_of(request)
    call = kind.call_size(request, can) if kind.call_size is not None else 1.0
    if not call:
        return None
    totals = [peak.device_total for peak in peaks if peak.device_total]
    if memory is None and totals:
        memory = DeviceMemory("", "gpu", totals[0], totals[0])
    available = memory.free if memory is not None else usable_memory()
    base, rough = _linear_need(model, memory, companions)
    if kind.call_size is None:
        # A call takes what it took before, whatever is asked for.
        rough = max((float(peak.size) for peak in peaks), default=rough)
        measured = rough if peaks else 0.0
    else:
        measured = _bytes_per_unit(peaks, call)
    each = measured or rough
    if weights := max((peak.weights for peak in peaks), default=0):
        added = [each for each in companions if each.role in _ADDED_ROLES]
        width = bytes_per_weight_on(memory)
        base = LIBRARIES + weights + sum(loaded_weights(each, (), width) for each in added)
    base += _FIXED
    need = max(int(base + call * each), _largest_of_size(peaks, call))
    if need <= COMFORT * available:
        return Forecast("fits", need, available, is_measured=bool(measured))
    fitting = (COMFORT * available - base) / each if each else 0.0
    size = None
    if kind.size is not None and fitting > 0:
        size = _shrink(*kind.size(request, can), fitting / call, can)
    least_base = base
    if memory is not None and memory.kind == "gpu":
        if kind.offloads and need <= USABLE * main_memory().total:
            least_base = min(base, LEAST_ON_GPU)
    elif kind.halves_precision:
        least_base = min(base, _linear_need(model, memory, companions, bytes_per_weight=2)[0])
    least = least_base + call * min(each, rough * kind.least_share(model, request))
    verdict: Verdict = "tight" if least <= available else "will_not_fit"
    return Forecast(verdict, need, available, size, is_measured=bool(measured))


def usable_memory() -> int:
    """Return the free bytes of main memory, including what our own engine uses now."""
    held = 0
    for child in psutil.Process().children(recursive=True):
        try:
            held += child.memory_info().rss
        except psutil.Error:
            continue
    return main_memory().free + held


def _linear_need(
    model: ModelRef,
    memory: DeviceMemory | None,
    companions: Sequence[ModelRef],
    bytes_per_weight: int | None = None,
) -> tuple[float, float]:
    """Return the bytes for a call of size zero, and those for each unit of its size.

    Where the size of a call does not matter, a call is one unit.
    """

    def need(size: float | None) -> int:
        return memory_need(
            model,
            memory,
            companions=companions,
            call_size=size,
            bytes_per_weight=bytes_per_weight,
        )

    if kinds()[model.task].call_size is None:
        width = bytes_per_weight or bytes_per_weight_on(memory)
        base = LIBRARIES + loaded_weights(model, companions, width)
        return base, need(None) - base
    small = need(_PROBE)
    each = (need(2 * _PROBE) - small) / _PROBE
    return small - each * _PROBE, each


def _bytes_per_unit(peaks: Sequence[Peak], call: float) -> float:
    """Return the bytes for each unit from peaks of similar size, 0 if there are none.

    Uses the maximum: memory that the allocator still holds from an earlier call makes a later
    peak look smaller.
    """
    known = [peak for peak in peaks if peak.call_size * _MAX_EXTRAPOLATION >= call]
    if not known:
        return 0.0
    nearest = min(abs(log(peak.call_size / call)) for peak in known)
    return max(
        max(0, peak.size - _FIXED) / peak.call_size
        for peak in known
        if abs(log(peak.call_size / call)) <= nearest + _SIMILAR
    )


def _largest_of_size(peaks: Sequence[Peak], call: float) -> int:
    """Return the most that calls of this size have needed, 0 if there was none."""
    return max((p.total for p in peaks if abs(p.call_size - call) <= _SAME * call), default=0)


def _shrink(
    width: int, height: int, share: float, can: Capabilities | None
) -> tuple[int, int] | None:
    """Return (width, height) with the same aspect ratio and `share` of the pixels, rounded down."""
    multiple = can.multiple if can else 8
    step = _STEP if _STEP % multiple == 0 else multiple
    sides = (width * sqrt(share), height * sqrt(share))
    if min(sides) < step:
        step = multiple
    smaller = (int(sides[0] // step * step), int(sides[1] // step * step))
    return smaller if min(smaller) >= (can.min_side if can else _STEP) else None
