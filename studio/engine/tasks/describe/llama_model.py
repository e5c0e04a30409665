"""Loads vision models of llama.cpp: the file of a language model, and its projector (`mmproj`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from studio.engine.local.devices import Device
from studio.engine.local.environment import compute_threads
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.local.model_problems import model_missing
from studio.engine.tasks.text.llama.load import load_weights, memory_need
from studio.engine.tasks.text.model.loaded import END_OF_TURN_TOKENS
from studio.formats.chat.chat_template import default_template
from studio.formats.llama.library import LlamaLibrary, llama_library
from studio.formats.llama.pictures import PictureLibrary, node_callback, picture_library
from studio.formats.llama.vocabulary import LlamaVocabulary
from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.split_gguf import split_parts
from studio.formats.weights.vision_projector import language_model_beside, without_language_model
from studio.protocol import ModelRef, problem


@dataclass
class LlamaVision:
    """A language model and its projector in memory.

    Attributes:
        model: the `llama_model`.
        projector: the `mtmd_context`.
        template: the chat template, None for a model that only continues text.
        special: names and texts of special tokens, for the template.
        context: length of the context in tokens; None for no limit.
        precision: the quantisation of the language model.
        nbytes: size of both files in bytes.
    """

    library: LlamaLibrary
    pictures: PictureLibrary
    model: Any
    projector: Any
    vocabulary: LlamaVocabulary
    template: str | None
    special: dict[str, str]
    context: int | None
    stop_tokens: frozenset[int]
    precision: str
    nbytes: int
    key: str
    cancel: _Cancel
    threads: int

    @property
    def is_greedy(self) -> bool:
        """Whether the model picks the likeliest token if nothing else is said."""
        return True

    def unload(self) -> None:
        """Release the weights."""
        if self.model is not None:
            self.pictures.free(self.projector)
            self.library.model_free(self.model)
        self.model = self.projector = None


class _Cancel:
    """Whether the job that uses a model now was cancelled, which its callback asks for."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.callback = node_callback(lambda: self.job is None or not self.job.is_cancelled)


def acquire_llama_vision(
    job: Job, ref: ModelRef, memory: MemoryArbiter, device: Device
) -> LlamaVision:
    """Return the loaded model, loading it if necessary.

    Raises:
        ProblemError: `model_broken`, `bad_input`, `model_missing` or `out_of_memory`.
        JobCancelledError: while loading.
    """
    file = Path(ref.path)
    if not file.is_file():
        raise model_missing(ref)
    library = llama_library()
    pictures = picture_library(library) if library is not None else None
    if library is None or pictures is None:
        raise problem(
            "bad_input",
            "On this system, GGUF models cannot read pictures. Choose a vision model in the"
            " .safetensors format.",
        )
    header = read_gguf_header(file)
    beside = language_model_beside(file, header)
    if beside is None:
        raise without_language_model(file)
    path, text_header = beside
    size = sum(part.stat().st_size for part in split_parts(path))
    key = model_key(file, "describe", f"{library.version} {path.name}")

    def load() -> LlamaVision:
        text = msgspec.structs.replace(text_header, size=size)
        model, vocabulary = load_weights(job, library, path, text, ref.name, device)
        cancel = _Cancel()
        params = pictures.context_params_default()
        params.use_gpu = device.kind != "cpu" and library.supports_gpu_offload()
        params.print_timings = params.warmup = False
        params.n_threads = compute_threads()
        params.cb_eval = cancel.callback
        library.forget_messages()
        projector = pictures.init_from_file(os.fsencode(file), model, params)
        if not projector or not pictures.support_vision(projector):
            messages = library.messages()
            if projector:
                pictures.free(projector)
            library.model_free(model)
            raise problem(
                "model_broken",
                "The file {file} does not fit the language model {model} beside it. Download both"
                " from the same place, into a folder of their own.",
                detail=messages,
                file=file.name,
                model=path.name,
            )
        template = default_template(text.metadata.get("tokenizer.chat_template"))
        names = END_OF_TURN_TOKENS if template is not None else ()
        return LlamaVision(
            library=library,
            pictures=pictures,
            model=model,
            projector=projector,
            vocabulary=vocabulary,
            template=template,
            special=vocabulary.special_tokens(),
            context=text.context,
            stop_tokens=vocabulary.stop_tokens(names),
            precision=text.quantisation or "gguf",
            nbytes=size + header.size,
            key=key,
            cancel=cancel,
            threads=compute_threads(),
        )

    return memory.acquire(key, memory_need(size + header.size), load, job)
