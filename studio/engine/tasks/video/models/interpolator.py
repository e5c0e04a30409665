"""Loads a smoothing model, and makes frames between two others with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.upscale.load import read_weights, weight_file
from studio.engine.tasks.video.models.rife import Rife, mixed
from studio.protocol import ModelRef, problem, sentence

Frame = NDArray[Any]
"""Shape (height, width, 3), 8 or 16 bits a channel."""

_MULTIPLE = 128
_MOST_PIXELS = 2560 * 1440
"""Of larger frames the flow is looked for at half the size, or a quarter."""


class Interpolator:
    """A loaded smoothing model."""

    def __init__(self, network: Rife, device: Device) -> None:
        self._network: Rife | None = network
        self._device = device

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        network = self._network
        return sum(each.nbytes for each in network.parameters()) if network is not None else 0

    def unload(self) -> None:
        """Release the weights."""
        self._network = None

    def between(self, first: Frame, second: Frame, time: float) -> Frame:
        """Return the frame at a time (0 to 1) between two frames of the same size and depth."""
        assert self._network is not None
        largest = np.iinfo(first.dtype).max
        with torch.inference_mode():
            pair = [self._planes(frame, largest) for frame in (first, second)]
            _, _, height, width = pair[0].shape
            shrink = 1
            while height * width > _MOST_PIXELS * shrink * shrink:
                shrink *= 2
            small = [_padded(_shrunk(each, shrink)) for each in pair]
            flow, mask = self._network(*small, time)
            if shrink > 1:
                rows, columns = -(-height // shrink), -(-width // shrink)
                flow, mask = flow[..., :rows, :columns], mask[..., :rows, :columns]
                size = (height, width)
                flow = functional.interpolate(flow, size, mode="bilinear").mul_(shrink)
                mask = functional.interpolate(mask, size, mode="bilinear")
            else:
                pair = small
            made = mixed(pair[0], pair[1], flow, mask)[0, :, :height, :width]
            made = made.mul_(largest).round_().clamp_(0, largest).permute(1, 2, 0).cpu()
        result: Frame = made.numpy().astype(first.dtype)
        return result

    def _planes(self, frame: Frame, largest: int) -> torch.Tensor:
        values = torch.from_numpy(frame.astype(np.float32).transpose(2, 0, 1))
        return values.to(self._device.name).div_(largest)[None].contiguous()


def acquire_interpolator(
    ref: ModelRef, job: Job, memory: MemoryArbiter, device: Device
) -> Interpolator:
    """Return the loaded model. Raises `ProblemError` or `JobCancelledError`."""
    path = weight_file(ref)
    job.loading(sentence("Loading {model}", model=ref.name))

    def load() -> Interpolator:
        weights = read_weights(path, ref.name)
        job.check()
        network = Rife()
        wanted = network.state_dict()
        plain = {name.removeprefix("module."): value for name, value in weights.items()}
        found = {name: value for name, value in plain.items() if name in wanted}
        try:
            network.load_state_dict(found)
        except RuntimeError as error:
            raise problem(
                "model_broken",
                "The file of {model} is not a RIFE network of version 4.0. Choose another model.",
                str(error),
                model=ref.name,
            ) from error
        return Interpolator(network.eval().to(device.name), device)

    need = 3 * path.stat().st_size + 50_000_000
    return memory.acquire(model_key(path, "video"), need, load, job)


def _shrunk(frame: torch.Tensor, factor: int) -> torch.Tensor:
    if factor == 1:
        return frame
    _, _, height, width = frame.shape
    return functional.interpolate(frame, (-(-height // factor), -(-width // factor)), mode="area")


def _padded(frame: torch.Tensor) -> torch.Tensor:
    _, _, height, width = frame.shape
    down, right = -height % _MULTIPLE, -width % _MULTIPLE
    return functional.pad(frame, (0, right, 0, down), mode="replicate")
