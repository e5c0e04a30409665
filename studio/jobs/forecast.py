"""Predict whether a picture of a given size fits into memory.

The size of the weights is known from their headers (`models.fit`). The memory for each pixel is
taken from recipes of the same model on this machine, or estimated roughly if there are none.
The prediction is only a hint: the engine runs the job in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import psutil
from msgspec import Struct

from studio.kinds.registry import kind_if_known, kind_of
from studio.models.fit import COMFORT, Verdict, main_memory, memory_need
from studio.protocol import Capabilities, DeviceMemory, ModelRef, Recipe, Request

_TILED_SHARE = 0.15
"""Rough share of the memory per pixel that remains when the VAE works in tiles."""

_STEP = 64
"""Suggested sides are multiples of this many pixels where the model allows it."""

_SIMILAR = log(2)
"""Peaks this much farther away than the nearest one, as a log of pixels, count as well."""

_FIXED = 100_000_000
"""Bytes that drawing takes at any size: buffers that the libraries allocate at first use."""

_MAX_EXTRAPOLATION = 4
"""Peaks of pictures with fewer pixels than a fourth of those asked for are ignored."""


class Peak(Struct, frozen=True):
    """Peak memory of one call above the loaded model: `size` bytes for `pixels` pixels.

    `device_total` is the total memory of the GPU in bytes, 0 for a CPU.
    """

    pixels: int
    size: int
    device_total: int = 0


class Forecast(Struct, frozen=True):
    """Whether a picture fits; `need` and `available` are bytes.

    The verdict `tight` means that it fits only with the engine's memory-saving measures. `size`
    is the largest (width, height) with the same aspect ratio that fits comfortably, None if the
    requested size does, or none does.
    """

    verdict: Verdict
    need: int
    available: int
    size: tuple[int, int] | None = None


def peak_of(recipe: Recipe) -> Peak | None:
    """Return the peak memory recorded in a recipe, None if there is none."""
    request, stats = recipe.request, recipe.stats
    size = stats.get("peak_memory", 0.0)
    kind = kind_if_known(request)
    if kind is None or kind.size is None or size <= 0:
        return None
    width, height = kind.size(request, None)
    if not width:
        return None
    pixels = width * (height or width)
    return Peak(
        round(pixels * stats.get("images_at_once", 1.0)),
        int(size),
        int(stats.get("device_memory", 0.0)),
    )


def forecast(
    request: Request,
    model: ModelRef,
    can: Capabilities | None = None,
    peaks: Sequence[Peak] = (),
    memory: DeviceMemory | None = None,
) -> Forecast | None:
    """Predict whether one result of a request fits; None if its size is not known.

    Args:
        request: the request.
        model: the model that it uses.
        can: capabilities of the model: its default size and the multiple of its sides.
        peaks: peak memory of earlier pictures of this model, newest first.
        memory: memory of the device; what the loaded models of our engine use counts as free.
            With None, the GPU memory in `peaks` is used, or else the main memory of the machine.
    """
    size_of = kind_of(request).size
    width, height = size_of(request, can) if size_of is not None else (0, 0)
    if not width or not height:
        return None
    if memory is not None:
        available = memory.free
    else:
        totals = [peak.device_total for peak in peaks if peak.device_total]
        available = totals[0] if totals else usable_memory()
    base, rough = _linear_need(model)
    pixels = width * height
    each = _bytes_per_pixel(peaks, pixels) or rough
    # Pixel-space pipelines have no VAE that could work in tiles.
    least = each if "Pixel" in model.family else min(each, rough * _TILED_SHARE)
    base += _FIXED
    need = int(base + pixels * each)
    if need <= COMFORT * available:
        return Forecast("fits", need, available)
    fitting = (COMFORT * available - base) / each
    size = _shrink(width, height, fitting / pixels, can) if fitting > 0 else None
    verdict: Verdict = "tight" if base + pixels * least <= available else "will_not_fit"
    return Forecast(verdict, need, available, size)


def usable_memory() -> int:
    """Return the free bytes of main memory, including what our own engine uses now."""
    held = 0
    for child in psutil.Process().children(recursive=True):
        try:
            held += child.memory_info().rss
        except psutil.Error:
            continue
    return main_memory().free + held


def _linear_need(model: ModelRef) -> tuple[float, float]:
    """Return the bytes that a model needs at zero pixels, and the bytes for each pixel."""
    small = memory_need(model, width=64, height=64)
    each = (memory_need(model, width=128, height=64) - small) / (64 * 64)
    return small - each * 64 * 64, each


def _bytes_per_pixel(peaks: Sequence[Peak], pixels: int) -> float:
    """Return the bytes per pixel from peaks of similar size, 0 if there are none.

    Uses the maximum: memory that the allocator still holds from an earlier picture makes a
    later peak look smaller.
    """
    known = [peak for peak in peaks if peak.pixels * _MAX_EXTRAPOLATION >= pixels]
    if not known:
        return 0.0
    nearest = min(abs(log(peak.pixels / pixels)) for peak in known)
    return max(
        max(0, peak.size - _FIXED) / peak.pixels
        for peak in known
        if abs(log(peak.pixels / pixels)) <= nearest + _SIMILAR
    )


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
