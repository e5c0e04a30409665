"""What is tried, one after another, when memory runs out while drawing.

Tiled decoding, then keeping part of the model outside the GPU, then fewer pictures at once,
then lower precision. Each step is said to the person and goes into the recipe.
"""

from __future__ import annotations

from typing import Any

import torch

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import collect
from studio.engine.tasks.image.model.img2img_support import denoiser
from studio.engine.tasks.image.model.load import LoadedPipeline, place
from studio.protocol import ProblemError, Sentence, problem, sentence

_PIXELS_AT_ONCE = {"cpu": 512 * 512, "mps": 1024 * 1024, "cuda": 4 * 1024 * 1024}
"""Pixels in one call: more gains no speed and makes the first picture late."""

_MOST_AT_ONCE = {"cpu": 16, "mps": 8, "cuda": 32}

_BYTES_A_PIXEL = 1000
"""Rough working memory for one pixel and byte of precision: about 2 GB for 1024×1024 in
16 bits. Too little is mended by the ladder, too much only makes the calls smaller."""


def split(count: int, at_once: int) -> list[int]:
    """Return how many pictures each call draws: as few calls as possible, of nearly one size."""
    calls = -(-count // max(1, at_once))
    return [count // calls + (1 if call < count % calls else 0) for call in range(calls)]


def pictures_at_once(
    device: Device, available: int, width: int, height: int, dtype: torch.dtype
) -> int:
    """Return how many pictures of a size in pixels one call should draw, at least one.

    `available` is the memory that may still be used, in bytes.
    """
    pixels = width * height
    size = torch.empty((), dtype=dtype).element_size()
    return max(
        1,
        min(
            _MOST_AT_ONCE.get(device.kind, 8),
            _PIXELS_AT_ONCE.get(device.kind, 1024 * 1024) // pixels,
            available // (pixels * size * _BYTES_A_PIXEL),
        ),
    )


class Ladder:
    """Steps down from the present way of drawing each time memory runs out.

    Args:
        loaded: the pipeline; what is done to it lasts until it is unloaded.
        job: is told about each step.
        at_once: pictures drawn in one call to begin with.
    """

    def __init__(self, loaded: LoadedPipeline, job: Job, at_once: int) -> None:
        self._loaded = loaded
        self._job = job
        self.at_once = at_once
        self.changes: list[str] = []

    def prepare(self, available: int, width: int, height: int) -> None:
        """Tile the last stage from the start where it would take more than is left.

        A CPU never says that memory ran out: the system ends the process instead.

        Args:
            available: memory that may still be used, in bytes.
            width: of the picture in pixels.
            height: likewise.
        """
        size = torch.empty((), dtype=self._loaded.dtype).element_size()
        if width * height * size * _BYTES_A_PIXEL > available:
            message = self._tile(sentence("Memory is low, so the picture is decoded in tiles."))
            if message is not None:
                self._job.warn("memory", message)

    def step_down(self, error: BaseException, tried: int) -> None:
        """Make the next try need less memory than the one that drew `tried` pictures at once.

        Raises `ProblemError` (`out_of_memory`) when nothing is left to try.
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
        if hasattr(vae, "enable_slicing"):
            vae.enable_slicing()
        return self._lasting(message)

    def _offload(self) -> Sentence | None:
        if self._loaded.device.kind != "cuda" or self._loaded.placement == "layers":
            return None
        if self._loaded.placement == "whole":
            place(self._loaded, "parts")
            return self._lasting(
                sentence("Memory ran out. Parts of the model are now kept in main memory (slower).")
            )
        place(self._loaded, "layers")
        return self._lasting(
            sentence("Memory ran out. The model is now moved to the GPU layer by layer (slow).")
        )

    def _fewer(self, tried: int) -> Sentence | None:
        if tried <= 1:
            return None
        self.at_once = tried // 2
        message = sentence("Memory ran out. Pictures drawn at a time: {count}.", count=self.at_once)
        self.changes.append(str(message))
        return message

    def _lower_precision(self) -> Sentence | None:
        loaded = self._loaded
        if loaded.dtype == torch.float32:
            for part in loaded.networks().values():
                part.to(torch.bfloat16)
            loaded.dtype = torch.bfloat16
            return self._lasting(
                sentence("Memory ran out. The model now runs in 16-bit precision.")
            )
        network = denoiser(loaded.pipeline)
        if not hasattr(network, "enable_layerwise_casting") or _is_8_bit(network):
            return None
        try:
            network.enable_layerwise_casting(
                storage_dtype=torch.float8_e4m3fn, compute_dtype=loaded.dtype
            )
        except (ValueError, RuntimeError, NotImplementedError):
            # Not every way of keeping weights outside the GPU goes together with it.
            return None
        return self._lasting(
            sentence("Memory ran out. The model's weights are now stored in 8 bits (less precise).")
        )

    def _lasting(self, message: Sentence) -> Sentence:
        self._loaded.changes.append(str(message))
        return message

    def _exhausted(self, error: BaseException) -> ProblemError:
        return problem(
            "out_of_memory",
            "There is not enough memory for a picture of this size, even in the slowest mode that"
            " uses the least. Choose a smaller size or a smaller model, or close other programs.",
            detail=f"{type(error).__name__}: {error}",
        )


def _is_8_bit(network: Any) -> bool:
    return any(parameter.dtype == torch.float8_e4m3fn for parameter in network.parameters())
