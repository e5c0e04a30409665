"""Enlarges frames, tile by tile, with the upscalers of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.upscale.enlarge import SMALLEST_TILE, Enlarger
from studio.engine.tasks.upscale.load import Upscaler, weight_file
from studio.engine.tasks.upscale.run import TILE_ON_CPU, TILE_ON_GPU
from studio.engine.tasks.upscale.tiles import Pixels, Span, blend, largest_tile
from studio.protocol import ModelRef, Sentence, problem, readable_size

Frame = NDArray[Any]
"""Shape (height, width, 3), 8 or 16 bits a channel."""

_MEMORY_SHARE = 0.6
_PEAK_FACTOR = 2


class FrameUpscaler:
    """Enlarges the frames of one video by a factor."""

    def __init__(
        self,
        upscaler: Upscaler,
        scale: int,
        bits: int,
        tile: int,
        warn: Callable[[str, Sentence], None],
    ) -> None:
        self._enlarger = Enlarger(upscaler, scale, upscaler.precision(bits), tile, warn)
        self.scale = scale

    @property
    def dtype(self) -> torch.dtype:
        """The precision in use."""
        return self._enlarger.dtype

    def enlarge(self, frame: Frame, job: Job) -> Frame:
        """Return the enlarged frame. Raises `JobCancelledError` between tiles."""
        height, width, channels = frame.shape
        largest = np.iinfo(frame.dtype).max
        enlarger = self._enlarger

        def tile(row: Span, column: Span) -> Pixels:
            job.check()
            part = frame[row.source, column.source].astype(np.float32) / np.float32(largest)
            return enlarger.enlarge(part, has_alpha=False)

        large = np.empty((height * self.scale, width * self.scale, channels), frame.dtype)
        at = 0
        rows, columns = enlarger.tile_spans(height), enlarger.tile_spans(width)
        for band in blend(rows, columns, self.scale, tile):
            band *= largest
            np.rint(band, out=band)
            np.clip(band, 0, largest, out=band)
            large[at : at + len(band)] = band
            at += len(band)
        return large


def tile_side(
    upscaler: Upscaler,
    ref: ModelRef,
    size: tuple[int, int],
    bits: int,
    job: Job,
    memory: MemoryArbiter,
    device: Device,
    *,
    saves_memory: bool,
) -> int:
    """Return the side of the tiles that fit into memory. Raises `ProblemError` if none do."""
    wanted = TILE_ON_CPU if device.kind == "cpu" else TILE_ON_GPU
    if upscaler.wants_large_tiles:
        wanted *= 2
    multiple = upscaler.multiple
    wanted = max(wanted // multiple, 1) * multiple
    side = min(wanted, -(-max(size) // multiple) * multiple)
    cost = _PEAK_FACTOR * upscaler.bytes_per_pixel(upscaler.precision(bits))
    need = int(side * side * cost / _MEMORY_SHARE)
    free = memory.make_room(need, job, keep=model_key(weight_file(ref), "upscale"))
    fitting = largest_tile(int(free * _MEMORY_SHARE), cost, side, SMALLEST_TILE, SMALLEST_TILE)
    if not fitting:
        raise problem(
            "out_of_memory",
            "{model} needs {need} of memory for the smallest tile, but only {free} is free. Close"
            " other programs, or choose a smaller model.",
            model=ref.name,
            need=readable_size(int(SMALLEST_TILE**2 * cost / _MEMORY_SHARE)),
            free=readable_size(free),
        )
    if saves_memory:
        half = side // 2 // SMALLEST_TILE * SMALLEST_TILE
        fitting = min(fitting, max(SMALLEST_TILE, half))
    return max(fitting, SMALLEST_TILE)
