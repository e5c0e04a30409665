"""Loads networks that turn texts into vectors, from folders with safetensors weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.engine.local.devices import Device, best_dtype
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.local.model_problems import model_missing
from studio.engine.tasks.text.model.load_progress import (
    check_loading_info,
    explain_errors,
    progress_reported,
)
from studio.engine.tasks.text.model.weight_files import (
    WeightFiles,
    broken_file,
    check_embedding,
    read_weight_files,
)
from studio.formats.chat.context_window import context_length
from studio.formats.weights.sentence_embedder import (
    Pooling,
    SentenceEmbedder,
    read_sentence_embedder,
)
from studio.protocol import ModelRef, sentence

_HEADROOM = 200_000_000
"""Bytes for the states of a batch, which is bounded in tokens."""


@dataclass
class LoadedEmbedder:
    """A network in memory, with its tokenizer."""

    network: Any
    tokenizer: Any
    layout: SentenceEmbedder
    device: Device
    nbytes: int

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, cut at the length that the network reads."""
        encoded = self.tokenizer(
            list(texts), truncation=True, max_length=self.layout.max_tokens, padding=False
        )
        return [list(ids) for ids in encoded["input_ids"]]

    def vectors(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return a vector for each row of tokens: float32 (rows, width), each of length one."""
        longest = max(1, *map(len, rows))
        filler = self.tokenizer.pad_token_id or 0
        # Filled up at the end, whatever the tokenizer does: positions and pooling count on it.
        ids = torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        ids, mask = ids.to(self.device.name), mask.to(self.device.name)
        with torch.inference_mode():
            states = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
            pooled = _pooled(states.float(), mask, self.layout.pooling)
            return torch.nn.functional.normalize(pooled, dim=1).cpu()

    def unload(self) -> None:
        """Release the weights."""
        self.network = None


def acquire_embedder(
    job: Job, ref: ModelRef, memory: MemoryArbiter, device: Device
) -> LoadedEmbedder:
    """Return the loaded network, loading it if necessary.

    Raises:
        ProblemError: `model_broken`, `bad_input`, `model_missing` or `out_of_memory`.
        JobCancelledError: between two tensors.
    """
    folder = Path(ref.path)
    if not folder.exists():
        raise model_missing(ref)
    if not (folder / "config.json").is_file():
        raise broken_file(folder, "config.json", FileNotFoundError(folder / "config.json"))
    layout = read_sentence_embedder(folder)
    files = read_weight_files(folder)
    # float32 where there is room: the vectors of one text then agree in any batch.
    for dtype in (torch.float32, best_dtype(device)):
        key = model_key(folder, "embedder", dtype)
        need = int(files.elements * dtype.itemsize * 1.25) + _HEADROOM
        if memory.find(key) is not None or memory.make_room(need, job) >= need:
            break
    return memory.acquire(
        key, need, lambda: _load(job, ref.name, folder, files, layout, device, dtype), job
    )


def _load(
    job: Job,
    name: str,
    folder: Path,
    files: WeightFiles,
    layout: SentenceEmbedder,
    device: Device,
    dtype: torch.dtype,
) -> LoadedEmbedder:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    job.loading(sentence("Loading {model}", model=name), 0.0)
    config = explain_errors(name, lambda: AutoConfig.from_pretrained(folder, **where))
    check_embedding(files, config, name)
    tokenizer = explain_errors(name, lambda: AutoTokenizer.from_pretrained(folder, **where))
    with progress_reported(job, sentence("Loading {model}", model=name)):
        network, report = explain_errors(
            name,
            lambda: AutoModel.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **where,
            ),
        )
    # The vectors do not come from the pooler, which some files leave out.
    missing = [key for key in report.get("missing_keys") or () if not key.startswith("pooler.")]
    check_loading_info(name, report | {"missing_keys": missing}, files.file_of)
    network.eval().requires_grad_(False).to(device.name)
    longest = context_length(config.to_dict())
    if longest is not None and longest < layout.max_tokens:
        layout = SentenceEmbedder(layout.pooling, longest, layout.question, layout.passage)
    job.check()
    return LoadedEmbedder(network, tokenizer, layout, device, files.elements * dtype.itemsize)


def _pooled(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return one vector (rows, width) of the states (rows, tokens, width) of each row."""
    match pooling:
        case "cls":
            return states[:, 0]
        case "last":
            last = (mask.sum(1) - 1).clamp(min=0)
            return states[torch.arange(len(states), device=states.device), last]
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
