"""Loads language models from GGUF files with llama.cpp."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.engine.local.devices import Device, available_bytes
from studio.engine.local.environment import compute_threads
from studio.engine.local.job import Job
from studio.engine.tasks.text.llama.decoder import LlamaDecoder
from studio.formats.llama.library import LlamaLibrary, ProgressCallback
from studio.formats.llama.vocabulary import LlamaVocabulary
from studio.formats.weights.gguf import GgufHeader
from studio.protocol import ProblemError, problem, sentence

_OVERHEAD = 50_000_000
"""Bytes for the buffers of the calculation."""

_REPACKED = ("q4_0", "q8_0", "iq4_nl", "mxfp4", "q1_0", "q2_k", "q4_k", "q5_k", "q6_k")
"""Types of weights that the library brings into another order for the processor."""

_COPIED = 0
"""`load_mode`: the file is read, not mapped."""

_UNKNOWN_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']*)'")
_REASON = re.compile(r"error loading model: (.+)")


@dataclass(frozen=True)
class LlamaModel:
    """A model in memory, and its vocabulary."""

    decoder: LlamaDecoder
    vocabulary: LlamaVocabulary


def memory_need(size: int) -> int:
    """Return the peak memory of loading files of this size, in bytes."""
    return int(size * 1.05) + _OVERHEAD


def load_llama(
    job: Job, library: LlamaLibrary, file: Path, header: GgufHeader, name: str, device: Device
) -> LlamaModel:
    """Load a model and its decoder. See `load_weights`."""
    model, vocabulary = load_weights(job, library, file, header, name, device)
    decoder = LlamaDecoder(library, model, vocabulary.size, compute_threads(), header.context)
    return LlamaModel(decoder, vocabulary)


def load_weights(
    job: Job, library: LlamaLibrary, file: Path, header: GgufHeader, name: str, device: Device
) -> tuple[Any, LlamaVocabulary]:
    """Load a model: its `llama_model`, to be freed, and its vocabulary.

    `file` may be the first part of a split one; `header` is its header.

    Raises:
        ProblemError: `model_broken` or `bad_input`.
        JobCancelledError: while loading.
        MemoryError: there is not enough memory.
    """
    stage = sentence("Loading {model}", model=name)
    job.loading(stage, 0.0)
    reported = 0.0

    def report(fraction: float, _data: object) -> bool:
        nonlocal reported
        if fraction - reported >= 0.02:
            reported = fraction
            job.loading(stage, fraction)
        return not job.is_cancelled

    params = library.model_default_params()
    params.progress_callback = ProgressCallback(report)
    params.n_gpu_layers = _gpu_layers(library, header, device)
    if params.n_gpu_layers == 0 and _is_repacked(header):
        # A mapped file would stay in memory beside the weights in their new order.
        params.load_mode = _COPIED
    library.forget_messages()
    model = library.model_load_from_file(os.fsencode(file), params)
    job.check()
    if not model:
        raise _explain(file, header, name, library.messages())
    try:
        vocabulary = LlamaVocabulary(library, model, header)
        _check_use(library, model, vocabulary, name, header)
    except ProblemError:
        library.model_free(model)
        raise
    return model, vocabulary


def _gpu_layers(library: LlamaLibrary, header: GgufHeader, device: Device) -> int:
    """Return how many layers fit into the free memory of the GPU; -1 for all."""
    if device.kind == "cpu" or not library.supports_gpu_offload():
        return 0
    layers = header.metadata.get(f"{header.architecture}.block_count", 0)
    free = 0.9 * available_bytes(device) - _OVERHEAD
    if free >= header.size or not isinstance(layers, int):
        return -1
    return max(0, int(layers * free / header.size))


def _is_repacked(header: GgufHeader) -> bool:
    """Return whether most weights are of types that are brought into another order."""
    tensors = header.tensors.values()
    repacked = sum(tensor.nbytes for tensor in tensors if tensor.dtype in _REPACKED)
    return 2 * repacked > sum(tensor.nbytes for tensor in tensors)


def _check_use(
    library: LlamaLibrary, model: Any, vocabulary: LlamaVocabulary, name: str, header: GgufHeader
) -> None:
    if library.model_has_encoder(model) or not library.model_has_decoder(model):
        raise problem(
            "bad_input",
            "The model {name} ({family}) does not generate text, or its architecture is not"
            " supported. Choose a chat model.",
            name=name,
            family=header.architecture,
        )
    if vocabulary.is_empty:
        raise problem(
            "model_broken",
            "The file {file} has no tokenizer. Download the model again, or look for another"
            " GGUF file of it.",
            file=name,
        )


def _explain(file: Path, header: GgufHeader, name: str, messages: str) -> Exception:
    if "failed to allocate" in messages:
        return MemoryError(messages)
    if _UNKNOWN_ARCHITECTURE.search(messages):
        return problem(
            "bad_input",
            "The file {file} has the architecture {architecture}, which cannot be read from GGUF."
            " Use the same model as a folder with .safetensors weights.",
            detail=messages,
            file=file.name,
            architecture=header.architecture or "?",
        )
    found = _REASON.search(messages)
    return problem(
        "model_broken",
        "The model {name} cannot be loaded: {reason}. Copy or download it again.",
        detail=messages,
        name=name,
        reason=(found[1] if found else "?").strip().rstrip(".")[:200],
    )
