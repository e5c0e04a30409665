"""Loads upscaling networks without ever running code from their files."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from spandrel import (
    ImageModelDescriptor,
    ModelLoader,
    ModelTiling,
    UnsupportedModelError,
    canonicalize_state_dict,
)
from torch.nn.modules.module import register_module_forward_pre_hook

from studio.engine.local.devices import Device, best_dtype, is_out_of_memory
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.upscale.peak_measurement import peak_bytes
from studio.engine.tasks.upscale.tiles import Pixels
from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.protocol import ModelRef, problem, sentence

_SUFFIXES = (".safetensors", *PICKLED_WEIGHTS)

_WINDOW = 32
_PROBE_SIDE = 96
_CODE_REFUSED_PHRASES = (
    "Unsupported global",
    "Unsupported class",
    "is blocked",
    "Can only",
    "Trying to",
)


class Upscaler:
    """A loaded network.

    Attributes:
        scale: factor by which it enlarges.
        channels: 1 for grey, 3 for RGB.
        multiple: tile sides should be a multiple of this.
        minimum: smallest side that does not need padding.
        wants_large_tiles: whether it uses global context, which small tiles would harm.
    """

    def __init__(self, descriptor: Any, device: Device) -> None:
        needs = descriptor.size_requirements
        self._descriptor = descriptor
        self._device = device
        self._peaks: dict[torch.dtype, int] = {}
        self.scale = int(descriptor.scale)
        self.channels = int(descriptor.input_channels)
        self.multiple = math.lcm(_WINDOW, int(needs.multiple_of))
        self.minimum = int(needs.minimum)
        self.wants_large_tiles = descriptor.tiling != ModelTiling.SUPPORTED

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        model = self._descriptor.model
        return sum(t.nbytes for t in (*model.parameters(), *model.buffers()))

    def unload(self) -> None:
        """Release the weights."""
        self._descriptor = None

    def precision(self, bits: int) -> torch.dtype:
        """Return the precision for pictures of 8 or 16 bits a channel.

        Against the true picture, bfloat16 is within 0.01 dB of float32 and up to 1.6 times as
        fast, but its noise, at 61 dB, would be visible in 16 bits.
        """
        dtype = best_dtype(self._device)
        wide = bits > 8
        half = dtype == torch.float16 and not self._descriptor.supports_half
        brain = dtype == torch.bfloat16 and not self._descriptor.supports_bfloat16
        return torch.float32 if wide or half or brain else dtype

    def enlarge(self, pixels: Pixels, dtype: torch.dtype) -> Pixels:
        """Enlarge one tile in a single forward pass.

        Args:
            pixels: shape (height, width, channels), 0 to 1.
            dtype: precision to compute in.

        Returns:
            Shape (height × scale, width × scale, channels), 0 to 1 (NaN where a reduced
            precision overflowed).
        """
        planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
        large = self._forward(planes.to(self._device.name), dtype)
        result: Pixels = large[0].permute(1, 2, 0).float().cpu().numpy()
        return result

    def bytes_per_pixel(self, dtype: torch.dtype) -> int:
        """Return the peak memory per source pixel of a tile, in bytes. Measured once."""
        if dtype not in self._peaks:
            side = max(_PROBE_SIDE, self.minimum)
            probe = torch.zeros(1, self.channels, side, side, device=self._device.name)
            peak = peak_bytes(lambda: self._forward(probe, dtype))
            self._peaks[dtype] = max(1, peak // side**2)
        return self._peaks[dtype]

    def _forward(self, planes: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        with (
            torch.inference_mode(),
            torch.autocast(self._device.kind, dtype, enabled=dtype != torch.float32),
        ):
            large: torch.Tensor = self._descriptor(planes)
        return large


@contextmanager
def interruptible(job: Job) -> Iterator[None]:
    """Allow cancellation between two layers of any network, not only between tiles."""

    def check(_module: torch.nn.Module, _args: Any) -> None:
        job.check()

    handle = register_module_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


def acquire_upscaler(ref: ModelRef, job: Job, memory: MemoryArbiter, device: Device) -> Upscaler:
    """Return the loaded network of a model. Raises `ProblemError` or `JobCancelledError`."""
    path = weight_file(ref)
    job.loading(sentence("Loading {model}", model=ref.name))

    def load() -> Upscaler:
        upscaler = Upscaler(load_descriptor(path, ref.name, job.check), device)
        job.check()
        upscaler._descriptor.to(device.name)
        return upscaler

    # The file's tensors, the network built from them, and temporary copies.
    need = 3 * path.stat().st_size + 50_000_000
    return memory.acquire(model_key(path, "upscale"), need, load, job)


def weight_file(ref: ModelRef) -> Path:
    """Return the weight file of a model, which is that file or a folder that contains it.

    Raises:
        ProblemError: `model_missing` or `model_broken`.
    """
    path = Path(ref.path)
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES)
        if len(files) != 1:
            raise problem(
                "model_broken",
                "The folder of {model} contains {count} weight files instead of one. Add the file"
                " itself as a model.",
                model=ref.name,
                count=len(files),
            )
        return files[0]
    if not path.is_file():
        raise problem(
            "model_missing",
            "The file of {model} is no longer at {path}. Put it back, or choose another model.",
            model=ref.name,
            path=path,
        )
    return path


def load_descriptor(path: Path, name: str, check: Callable[[], None]) -> Any:
    """Load the weights safely and let spandrel build the matching network.

    Args:
        path: a `.safetensors`, `.pth`, `.pt` or `.ckpt` file.
        name: the model's name, for messages.
        check: called between the stages; may raise.

    Raises:
        ProblemError: `model_broken` for a file that is damaged, contains code, or has an unknown
            architecture; `bad_input` for a network that does not upscale.
    """
    weights = read_weights(path, name)
    check()
    try:
        descriptor = ModelLoader().load_from_state_dict(canonicalize_state_dict(weights))
    except UnsupportedModelError as error:
        raise problem(
            "model_broken",
            "{model} is not a supported upscaling model. Choose another model.",
            str(error),
            model=name,
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise problem(
            "model_broken",
            "The weights of {model} are inconsistent: the file is damaged, or its architecture is"
            " not supported. Download it again or choose another model.",
            f"{type(error).__name__}: {error}",
            model=name,
        ) from error
    enlarges = isinstance(descriptor, ImageModelDescriptor) and descriptor.scale >= 2
    if not enlarges or descriptor.input_channels != descriptor.output_channels:
        raise problem(
            "bad_input",
            "{model} does not enlarge pictures (it restores or fills them). Choose an upscaling"
            " model.",
            model=name,
        )
    if descriptor.input_channels not in (1, 3):
        raise problem(
            "bad_input",
            "{model} expects pictures with {count} channels, which is not supported. Choose"
            " another model.",
            model=name,
            count=descriptor.input_channels,
        )
    return descriptor.eval()


def read_weights(path: Path, name: str) -> dict[str, Any]:
    """Read a weight file without running any code in it. Raises `ProblemError`."""
    try:
        if path.suffix.lower() == ".safetensors":
            tensors: dict[str, Any] = safetensors.torch.load_file(path)
            return tensors
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if any(words in str(error) for words in _CODE_REFUSED_PHRASES):
            raise _code_refused(name, error) from error
        raise _damaged(name, error) from error
    except (OSError, RuntimeError, EOFError, ValueError, safetensors.SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        if "TorchScript" in str(error):
            raise _code_refused(name, error) from error
        raise _damaged(name, error) from error
    if not isinstance(weights, dict):
        raise _damaged(name, TypeError(f"holds {type(weights).__name__}"))
    return weights


def _code_refused(name: str, error: Exception) -> Exception:
    return problem(
        "model_broken",
        "The file of {model} tries to run code when it is loaded, so it was refused. Get the model"
        " as a .safetensors file from a source that you trust.",
        str(error),
        model=name,
    )


def _damaged(name: str, error: Exception) -> Exception:
    return problem(
        "model_broken",
        "The file of {model} is damaged or incomplete. Download it again.",
        f"{type(error).__name__}: {error}",
        model=name,
    )
