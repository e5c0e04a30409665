"""Fallbacks for running out of memory while drawing, tried one after another.

Tiled decoding, then offloading parts of the model from the GPU, then smaller batches, then
lower precision. Each step is reported as a warning and recorded in the recipe.
"""

from __future__ import annotations

from typing import Any

import torch

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import collect
from studio.engine.tasks.image.fit.stage_memory import (
    StageMemory,
    set_tile_side,
    stage_memory,
    tile_side,
)
from studio.engine.tasks.image.model.encoder_release import can_release
from studio.engine.tasks.image.model.img2img_support import denoiser
from studio.engine.tasks.image.model.load import LoadedPipeline, apply_placement
from studio.protocol import ProblemError, Sentence, problem, sentence

_MAX_PIXELS = {"cpu": 512 * 512, "mps": 1024 * 1024, "cuda": 4 * 1024 * 1024}
"""Maximum pixels per call. More would not be faster and would delay the first picture."""

_MAX_PICTURES = {"cpu": 16, "mps": 8, "cuda": 32}

_BYTES_PER_PIXEL = 1000
"""Rough working memory per pixel and byte of precision: about 2 GB for 1024×1024 in 16 bits.
If it is too low, the fallbacks apply; if it is too high, batches are only smaller."""


def split_evenly(count: int, at_once: int) -> list[int]:
    """Return the batch size of each call: as few calls as possible, of nearly equal size."""
    calls = -(-count // max(1, at_once))
    return [count // calls + (1 if call < count % calls else 0) for call in range(calls)]


def pictures_at_once(
    device: Device, available: int, width: int, height: int, dtype: torch.dtype
) -> int:
    """Return how many pictures of a size in pixels one call should draw, at least one.

    `available` is the free memory in bytes.
    """
    pixels = width * height
    size = torch.empty((), dtype=dtype).element_size()
    return max(
        1,
        min(
            _MAX_PICTURES.get(device.kind, 8),
            _MAX_PIXELS.get(device.kind, 1024 * 1024) // pixels,
            available // (pixels * size * _BYTES_PER_PIXEL),
        ),
    )


class MemoryFallback:
    """Switches to the next more economical way of drawing each time memory runs out.

    Args:
        loaded: the pipeline; changes to it last until it is unloaded.
        job: receives a warning for each step.
        at_once: initial number of pictures per call.
    """

    def __init__(self, loaded: LoadedPipeline, job: Job, at_once: int) -> None:
        self._loaded = loaded
        self._job = job
        self.at_once = at_once
        self.changes: list[str] = []
        self._tile_side = tile_side(1024, 1024)

    def prepare(
        self, available: int, width: int, height: int, *, saves_memory: bool = False
    ) -> None:
        """Choose before the start what each stage needs to fit into memory, by prediction.

        On a CPU, running out of memory is not reported: the system kills the process instead.
        Tiled decoding comes first, then decoding one by one, then freeing the text encoders after
        encoding, then a lower precision.

        Args:
            available: free memory in bytes.
            width: width of the picture in pixels.
            height: height of the picture in pixels.
            saves_memory: go further than is predicted to be necessary: an earlier attempt was
                killed.
        """
        need = stage_memory(self._loaded, width, height)
        self._tile_side = tile_side(width, height)
        predicted = _predicted(need, available, self.at_once)
        went_far = "encoders" in predicted or not can_release(self._loaded)
        if "tiles" in predicted or saves_memory:
            message = self._tile(sentence("Memory is low, so the picture is decoded in tiles."))
            if message is not None:
                self._job.warn("memory", message)
        if "slices" in predicted or saves_memory:
            vae: Any = getattr(self._loaded.pipeline, "vae", None)
            if hasattr(vae, "enable_slicing"):
                vae.enable_slicing()
        if saves_memory:
            self.at_once = 1
        self._loaded.releases_encoders = "encoders" in predicted or saves_memory
        lowers = "precision" in predicted or (saves_memory and "tiles" in predicted and went_far)
        lowers &= self._loaded.device.kind == "cpu" and not self._loaded.layout.facts.precision
        if lowers and self._loaded.dtype == torch.float32:
            self._to_16_bit()
            message = sentence("Memory is low, so the model runs in 16-bit precision.")
            self._job.warn("memory", self._record(message))

    def step_down(self, error: BaseException, tried: int) -> None:
        """Reduce the memory for the next attempt; the failed one drew `tried` pictures at once.

        Raises `ProblemError` (`out_of_memory`) if no fallback is left.
        """
        collect()
        tiles = sentence("Memory ran out. The picture is now decoded in tiles.")
        message = (
            self._tile(tiles) or self._offload() or self._fewer(tried) or self._lower_precision()
        )
        if message is None:
            raise self._exhausted(error) from error
        self._job.warn("memory", message)

    def _tile(self, message: Sentence) -> Sentence | None:
        vae: Any = getattr(self._loaded.pipeline, "vae", None)
        if not hasattr(vae, "enable_tiling") or getattr(vae, "use_tiling", True):
            return None
        vae.enable_tiling()
        set_tile_side(vae, self._tile_side)
        if hasattr(vae, "enable_slicing"):
            vae.enable_slicing()
        return self._record(message)

    def _offload(self) -> Sentence | None:
        if self._loaded.device.kind != "cuda" or self._loaded.placement == "layers":
            return None
        if self._loaded.placement == "whole":
            apply_placement(self._loaded, "parts")
            return self._record(
                sentence("Memory ran out. Parts of the model are now kept in main memory (slower).")
            )
        apply_placement(self._loaded, "layers")
        return self._record(
            sentence("Memory ran out. The model is now moved to the GPU layer by layer (slow).")
        )

    def _fewer(self, tried: int) -> Sentence | None:
        if tried <= 1:
            return None
        self.at_once = tried // 2
        message = sentence(
            "Memory ran out. Drawing {count} at a time from now on.", count=self.at_once
        )
        self.changes.append(str(message))
        return message

    def _lower_precision(self) -> Sentence | None:
        loaded = self._loaded
        if loaded.dtype == torch.float32:
            self._to_16_bit()
            return self._record(sentence("Memory ran out. The model now runs in 16-bit precision."))
        network = denoiser(loaded.pipeline)
        if not hasattr(network, "enable_layerwise_casting") or _is_8_bit(network):
            return None
        try:
            network.enable_layerwise_casting(
                storage_dtype=torch.float8_e4m3fn, compute_dtype=loaded.dtype
            )
        except (ValueError, RuntimeError, NotImplementedError):
            # Not compatible with all kinds of offloading.
            return None
        return self._record(
            sentence("Memory ran out. The model's weights are now stored in 8 bits (less precise).")
        )

    def _to_16_bit(self) -> None:
        for part in self._loaded.networks().values():
            part.to(torch.bfloat16)
        self._loaded.dtype = torch.bfloat16

    def _record(self, message: Sentence) -> Sentence:
        self._loaded.changes.append(str(message))
        return message

    def _exhausted(self, error: BaseException) -> ProblemError:
        return problem(
            "out_of_memory",
            "There is not enough memory for a picture of this size, even in the slowest mode that"
            " uses the least. Choose a smaller size or a smaller model, or close other programs.",
            detail=f"{type(error).__name__}: {error}",
        )


def _predicted(need: StageMemory, available: int, at_once: int) -> frozenset[str]:
    """Return what has to be done for all stages to fit: tiles, slices, encoders, precision."""
    found: set[str] = set()
    if need.decode > available:
        found.add("tiles")
    decode = need.decode_tiled if "tiles" in found else need.decode
    if decode * at_once > available:
        found.add("slices")
    largest = max(need.denoise, decode)
    if largest > available:
        found.add("encoders")
    if largest > available + need.encoders:
        found.add("precision")
    return frozenset(found)


def _is_8_bit(network: Any) -> bool:
    return any(parameter.dtype == torch.float8_e4m3fn for parameter in network.parameters())
