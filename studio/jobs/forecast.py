"""Will a picture of this size fit into memory? Told before it is drawn.

What the weights take is known from their headers (`models.fit`). What drawing adds for each
pixel is learned from the recipes of the same model on this machine, and a rough sum before
that. The engine has the last word: nothing here stops anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import psutil
from msgspec import Struct

from studio.kinds.registry import kind_of, known_kind
from studio.models.fit import COMFORT, Verdict, main_memory, memory_need
from studio.protocol import Capabilities, DeviceMemory, ModelRef, Recipe, Request, UnknownRequest

_TILED = 0.15
"""Share of a pixel's memory that is left when the last stage (VAE) works in tiles. Rough."""

_STEP = 64
"""Pixels that a suggested side is a multiple of, where the model allows it."""

_ALIKE = log(2)
"""Pictures with up to so many times as many pixels as the nearest one tell what is needed."""

_FIXED = 100_000_000
"""Bytes that drawing takes whatever the size: buffers of the libraries, made at first use."""

_FAR = 4
"""Times as many pixels as any picture so far: what small ones took tells nothing of these."""


class Peak(Struct, frozen=True):
    """What drawing took above the loaded model: `size` bytes for `pixels` drawn in one call.

    `device_total` is all the memory of the GPU that drew it, bytes, 0 for a CPU.
    """

    pixels: int
    size: int
    device_total: int = 0


class Forecast(Struct, frozen=True):
    """`need` and `available` are bytes.

    `tight` means that it fits only in the engine's thrifty ways. `size` is the largest width
    and height of the same shape that fits at ease, None where none does or this one does.
    """

    verdict: Verdict
    need: int
    available: int
    size: tuple[int, int] | None = None


def peak_of(recipe: Recipe) -> Peak | None:
    """Return what a picture's recipe tells about memory, None where it tells nothing."""
    request, stats = recipe.request, recipe.stats
    size = stats.get("peak_memory", 0.0)
    kind = known_kind(request.task)
    if kind is None or kind.size is None or isinstance(request, UnknownRequest) or size <= 0:
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
    """Tell whether one result of a request fits; None where its size is not known.

    Args:
        request: what is to be drawn.
        model: the model that draws it.
        can: what the model can do, for the size it takes by itself and the steps of its sides.
        peaks: what earlier pictures of this model took, newest first.
        memory: that of the device, where what is free may be used, the loaded models of our own
            engine included; None asks the machine, or the recipes where a GPU drew the pictures.
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
    base, rough = _line(model)
    pixels = width * height
    each = _learned(peaks, pixels) or rough
    # Pipelines that work on pixels have no last stage that could be tiled.
    least = each if "Pixel" in model.family else min(each, rough * _TILED)
    base += _FIXED
    need = int(base + pixels * each)
    if need <= COMFORT * available:
        return Forecast("fits", need, available)
    fitting = (COMFORT * available - base) / each
    size = _shrunk(width, height, fitting / pixels, can) if fitting > 0 else None
    verdict: Verdict = "tight" if base + pixels * least <= available else "will_not_fit"
    return Forecast(verdict, need, available, size)


def usable_memory() -> int:
    """Return the bytes of main memory that are free, with what our own engine holds now."""
    held = 0
    for child in psutil.Process().children(recursive=True):
        try:
            held += child.memory_info().rss
        except psutil.Error:
            continue
    return main_memory().free + held


def _line(model: ModelRef) -> tuple[float, float]:
    """Return the bytes that a model needs for no pixel at all, and for each pixel."""
    small = memory_need(model, width=64, height=64)
    each = (memory_need(model, width=128, height=64) - small) / (64 * 64)
    return small - each * 64 * 64, each


def _learned(peaks: Sequence[Peak], pixels: int) -> float:
    """Return bytes a pixel, 0 where nothing is known.

    The most counts: what the engine keeps of an earlier picture hides the need of the next.
    """
    known = [peak for peak in peaks if peak.pixels * _FAR >= pixels]
    if not known:
        return 0.0
    nearest = min(abs(log(peak.pixels / pixels)) for peak in known)
    return max(
        max(0, peak.size - _FIXED) / peak.pixels
        for peak in known
        if abs(log(peak.pixels / pixels)) <= nearest + _ALIKE
    )


def _shrunk(
    width: int, height: int, share: float, can: Capabilities | None
) -> tuple[int, int] | None:
    """Return the size of the same shape with `share` of the pixels, rounded down."""
    multiple = can.multiple if can else 8
    step = _STEP if _STEP % multiple == 0 else multiple
    sides = (width * sqrt(share), height * sqrt(share))
    if min(sides) < step:
        step = multiple
    smaller = (int(sides[0] // step * step), int(sides[1] // step * step))
    return smaller if min(smaller) >= (can.min_side if can else _STEP) else None
