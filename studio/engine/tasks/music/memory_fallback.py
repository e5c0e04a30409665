"""Fallbacks for running out of memory while music is made, tried one after another."""

from __future__ import annotations

from typing import Any

import torch

from studio.engine.local.job import Job
from studio.engine.local.memory import collect
from studio.engine.tasks.image.model.load import LoadedPipeline, apply_placement
from studio.protocol import ProblemError, Sentence, problem, sentence


class MemoryFallback:
    """Switches to the next more economical way: decoding in parts, offloading, 16 bits.

    Changes to the pipeline last until it is unloaded; each is a warning and stands in the recipe.
    """

    def __init__(self, loaded: LoadedPipeline, job: Job) -> None:
        self._loaded = loaded
        self._job = job

    def prepare(self, *, is_short: bool, saves_memory: bool) -> None:
        """Choose before the start: where main memory runs out, the system ends the process.

        `is_short` says that less is free than is predicted to be needed; `saves_memory` that an
        earlier attempt was killed.
        """
        if is_short or saves_memory:
            self._report(
                self._decode_in_parts(sentence("Memory is low, so the sound is decoded in parts."))
            )
        on_cpu = self._loaded.device.kind == "cpu"
        if on_cpu and saves_memory and not self._loaded.layout.facts.precision:
            self._report(
                self._to_16_bit(sentence("Memory is low, so the model runs in 16-bit precision."))
            )

    def step_down(self, error: BaseException) -> None:
        """Reduce the memory for the next attempt.

        Raises `ProblemError` (`out_of_memory`) if no fallback is left.
        """
        collect()
        message = (
            self._decode_in_parts(sentence("Memory ran out. The sound is now decoded in parts."))
            or self._offload()
            or self._to_16_bit(sentence("Memory ran out. The model now runs in 16-bit precision."))
        )
        if message is None:
            raise _exhausted(error) from error
        self._report(message)

    def _decode_in_parts(self, message: Sentence) -> Sentence | None:
        vae: Any = getattr(self._loaded.pipeline, "vae", None)
        # The name is that of the tiles of pictures; here they are parts of the time.
        if not hasattr(vae, "enable_tiling") or getattr(vae, "use_tiling", True):
            return None
        vae.enable_tiling()
        return message

    def _offload(self) -> Sentence | None:
        loaded = self._loaded
        if loaded.device.kind != "cuda" or loaded.placement == "layers":
            return None
        apply_placement(loaded, "parts" if loaded.placement == "whole" else "layers")
        if loaded.placement == "parts":
            return sentence(
                "Memory ran out. Parts of the model are now kept in main memory (slower)."
            )
        return sentence("Memory ran out. The model is now moved to the GPU layer by layer (slow).")

    def _to_16_bit(self, message: Sentence) -> Sentence | None:
        if self._loaded.dtype != torch.float32:
            return None
        for part in self._loaded.networks().values():
            part.to(torch.bfloat16)
        self._loaded.dtype = torch.bfloat16
        return message

    def _report(self, message: Sentence | None) -> None:
        if message is not None:
            self._loaded.changes.append(str(message))
            self._job.warn("memory", message)


def _exhausted(error: BaseException) -> ProblemError:
    return problem(
        "out_of_memory",
        "There is not enough memory for a sound of this length, even in the slowest mode. Choose a"
        " shorter one or a smaller model, or close other programs.",
        detail=f"{type(error).__name__}: {error}",
    )
