"""Puts LoRAs and embeddings onto a loaded pipeline, and takes them off again.

The weights of the base model are never changed: LoRAs stay beside them (PEFT), so that a picture
without them is the same as before they were used. Switching them does not load the base again.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct

from studio.engine.local.devices import is_out_of_memory
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.tasks.image.model.load import LoadedAdapter, LoadedPipeline, apply_placement
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.protocol import Adapter, ModelRef, ProblemError, UsedModel, problem, sentence

_MAX_LOADED = 8
"""LoRAs kept beside a base model, used or not."""


class WantedAdapter(Struct, frozen=True):
    """A LoRA or an embedding with its weight; embeddings have none."""

    ref: ModelRef
    weight: float


def is_adapter(model: ModelRef) -> bool:
    """Return whether a model is put onto a pipeline, rather than being a part of it."""
    return model.role in ("lora", "embedding")


def wanted_adapters(
    adapters: Sequence[Adapter], models: Sequence[ModelRef]
) -> tuple[WantedAdapter, ...]:
    """Return the adapters of a request with their models, which have the same order."""
    pairs = zip(adapters, (each for each in models if is_adapter(each)), strict=True)
    return tuple(WantedAdapter(ref, adapter.weight) for adapter, ref in pairs)


def apply_adapters(
    loaded: LoadedPipeline, base: ModelRef, wanted: Sequence[WantedAdapter], job: Job
) -> tuple[UsedModel, ...]:
    """Put exactly these adapters onto a pipeline; return what was used, for recipes.

    Raises:
        ProblemError: `bad_input` if an adapter does not match the model or is damaged, if the
            pipeline does not support it, or if an embedding's word is taken.
        JobCancelledError: the job was cancelled.
    """
    loras = [each for each in wanted if each.ref.role == "lora"]
    embeddings = [each for each in wanted if each.ref.role == "embedding"]
    if not wanted and not loaded.adapters:
        return ()
    kept = {each.ref.path for each in embeddings}
    if any(
        old.ref.role == "embedding" and path not in kept for path, old in loaded.adapters.items()
    ):
        _unload_embeddings(loaded)
    for each in wanted:
        job.check()
        if each.ref.path not in loaded.adapters:
            job.loading(sentence("Loading {name}", name=each.ref.name))
            _load(loaded, each.ref, base, job)
    _use(loaded, loras)
    loaded.adapter_state = tuple(f"{each.ref.path} {each.weight}" for each in wanted)
    return tuple(
        UsedModel(each.ref.id, each.ref.name, each.ref.role, loaded.adapters[each.ref.path].sha256)
        for each in wanted
    )


def _load(loaded: LoadedPipeline, ref: ModelRef, base: ModelRef, job: Job) -> None:
    sha256 = weight_hash(ref, job.check)
    name = f"lora_{sha256[:16]}"
    try:
        if ref.role == "lora":
            _load_lora(loaded, ref, name)
        else:
            name = _load_embedding(loaded, ref)
    except (JobCancelledError, ProblemError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise problem(
            "bad_input",
            "{name} cannot be used with {base}: its weights do not match the model. It is damaged "
            "or made for another model.",
            detail=traceback.format_exc(),
            name=ref.name,
            base=base.name,
        ) from error
    loaded.adapters[ref.path] = LoadedAdapter(ref, name, sha256)


def _load_lora(loaded: LoadedPipeline, ref: ModelRef, name: str) -> None:
    pipeline = loaded.pipeline
    if not hasattr(pipeline, "load_lora_weights"):
        raise _unsupported(ref, pipeline)
    file = Path(ref.path)
    try:
        pipeline.load_lora_weights(
            str(file.parent), weight_name=file.name, adapter_name=name, local_files_only=True
        )
    except Exception:
        _forget(pipeline, name)
        raise
    if not any(name in names for names in _adapter_names(pipeline).values()):
        raise ValueError("no layer of the model was adapted")
    for network in loaded.networks().values():
        network.eval().requires_grad_(False)
    if loaded.placement != "whole":
        # The hooks do not know the new layers.
        apply_placement(loaded, loaded.placement)


def _use(loaded: LoadedPipeline, loras: Sequence[WantedAdapter]) -> None:
    """Activate these LoRAs and no others; forget the oldest beyond `_MAX_LOADED`."""
    pipeline = loaded.pipeline
    present = [each for each in loaded.adapters.values() if each.ref.role == "lora"]
    if not present:
        return
    if not loras:
        # Without PEFT's layers, results are equal bit for bit to those before.
        pipeline.unload_lora_weights()
        for each in present:
            del loaded.adapters[each.ref.path]
        return
    names = [loaded.adapters[each.ref.path].name for each in loras]
    pipeline.set_adapters(names, adapter_weights=[each.weight for each in loras])
    unused = [each for each in present if each.name not in names]
    for each in unused[: max(0, len(present) - _MAX_LOADED)]:
        pipeline.delete_adapters(each.name)
        del loaded.adapters[each.ref.path]


def _adapter_names(pipeline: Any) -> dict[str, list[str]]:
    return dict(pipeline.get_list_adapters())


def _forget(pipeline: Any, name: str) -> None:
    """Remove what a failed loading left behind."""
    left = {other for names in _adapter_names(pipeline).values() for other in names}
    if left <= {name}:
        pipeline.unload_lora_weights()
    elif name in left:
        pipeline.delete_adapters(name)


def _load_embedding(loaded: LoadedPipeline, ref: ModelRef) -> str:
    """Load a textual inversion; return its word in prompts."""
    from safetensors.torch import load_file

    pipeline = loaded.pipeline
    if not hasattr(pipeline, "load_textual_inversion"):
        raise _unsupported(ref, pipeline)
    token = (ref.trigger_words or (ref.name,))[0]
    tensors = load_file(ref.path)
    encoders = _encoders(tensors)
    for names, values in encoders:
        tokenizer, encoder = (getattr(pipeline, name, None) for name in names)
        if tokenizer is None or encoder is None:
            raise ValueError(f"the pipeline has no {names}")
        if token in tokenizer.get_vocab():
            raise problem(
                "bad_input",
                "The word {word} of the embedding {name} means something to the model already. "
                "Rename the file.",
                word=token,
                name=ref.name,
            )
        if names not in loaded.without_embeddings:
            own = (copy.deepcopy(tokenizer), encoder.get_input_embeddings())
            loaded.without_embeddings[names] = own
        pipeline.load_textual_inversion(
            {token: values}, token=token, tokenizer=tokenizer, text_encoder=encoder
        )
    return token


def _encoders(tensors: dict[str, torch.Tensor]) -> list[tuple[tuple[str, str], torch.Tensor]]:
    """Return the embedding for each text encoder, named by its tokenizer and itself."""
    first, second = ("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")
    if "clip_l" in tensors and "clip_g" in tensors:
        return [(first, tensors["clip_l"]), (second, tensors["clip_g"])]
    return [(first, next(iter(tensors.values())))]


def _unload_embeddings(loaded: LoadedPipeline) -> None:
    """Put back the tokenizers and word embeddings that the model came with."""
    for (tokenizer, encoder), (own, embeddings) in loaded.without_embeddings.items():
        setattr(loaded.pipeline, tokenizer, own)
        network = getattr(loaded.pipeline, encoder)
        network.set_input_embeddings(embeddings)
        network.config.vocab_size = embeddings.num_embeddings
    loaded.without_embeddings.clear()
    loaded.variants.clear()
    for path, old in list(loaded.adapters.items()):
        if old.ref.role == "embedding":
            del loaded.adapters[path]


def _unsupported(ref: ModelRef, pipeline: Any) -> ProblemError:
    return problem(
        "bad_input",
        "Models of the type {pipeline} cannot be used with {name}: they support no additions of "
        "this kind.",
        pipeline=type(pipeline).__name__,
        name=ref.name,
    )
