"""Loads a model that draws icons."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.formats.icons.model_folder import IconVocabulary, read_vocabulary
from studio.protocol import ModelRef, problem, sentence


class IconModel:
    """A loaded model in float32, and its vocabulary. It always runs on the processor."""

    def __init__(self, network: LlamaForCausalLM, vocabulary: IconVocabulary) -> None:
        self.network = network
        self.vocabulary = vocabulary

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(weight.numel() * weight.element_size() for weight in self.network.parameters())

    def unload(self) -> None:
        """Release the weights."""
        self.network.to("meta")


def acquire_icons(ref: ModelRef, job: Job, memory: MemoryArbiter) -> IconModel:
    """Return the loaded model. Raises `ProblemError` or `JobCancelledError`."""
    folder = Path(ref.path)
    job.loading(sentence("Loading {model}", model=ref.name))

    def load() -> IconModel:
        vocabulary = read_vocabulary(folder)
        if vocabulary is None or not vocabulary.is_current:
            raise _broken(ref, "the tokenizer is missing or changed")
        try:
            network, info = LlamaForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except MemoryError:
            raise
        except Exception as error:  # transformers raises many types for damaged files
            raise _broken(ref, f"{type(error).__name__}: {error}") from error
        wrong = [name for part in ("missing_keys", "mismatched_keys") for name in info[part]]
        if wrong or network.get_input_embeddings().num_embeddings != len(vocabulary.ids):
            raise _broken(ref, f"weights that are missing or of another size: {wrong[:5]}")
        if not all(bool(weight.isfinite().all()) for weight in network.parameters()):
            raise _broken(ref, "weights that are no numbers")
        return IconModel(network.eval(), vocabulary)

    return memory.acquire(model_key(folder, "icons"), 4 * ref.size + 50_000_000, load, job)


def _broken(ref: ModelRef, detail: str) -> Exception:
    return problem(
        "model_broken",
        "The icon model {name} cannot be loaded: its files are damaged or do not belong together. "
        "Install it again.",
        detail,
        name=ref.name,
    )
