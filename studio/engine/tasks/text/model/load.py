"""Loads language models from disk: GGUF files, and safetensors folders.

torch and transformers are imported only for what llama.cpp does not run.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.local.model_problems import model_missing
from studio.engine.tasks.text.decode.grammar import Grammars
from studio.engine.tasks.text.llama.load import load_llama, memory_need
from studio.engine.tasks.text.model.grammar_vocabulary import llama_grammar_vocabulary
from studio.engine.tasks.text.model.loaded import END_OF_TURN_TOKENS, LoadedText
from studio.formats.chat.chat_template import default_template
from studio.formats.llama.library import LlamaLibrary, llama_library
from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.split_gguf import split_parts
from studio.protocol import ModelRef


def acquire(
    job: Job,
    ref: ModelRef,
    memory: MemoryArbiter,
    device: Device,
    *,
    saves_memory: bool = False,
) -> LoadedText:
    """Return the loaded model, loading it if necessary; in 16 bits if it `saves_memory`.

    Raises:
        ProblemError: `model_broken`, `bad_input`, `model_missing` or `out_of_memory`.
        JobCancelledError: between two tensors.
    """
    path = Path(ref.path)
    if not path.exists():
        raise model_missing(ref)
    if ref.format == "gguf":
        library = llama_library()
        if library is not None:
            return _acquire_gguf(job, ref, library, memory, device)
        from studio.engine.tasks.text.model.convert import converted_model

        path = converted_model(job, path)
    from studio.engine.tasks.text.model.transformers_load import acquire_folder

    return acquire_folder(job, ref.name, path, memory, device, saves_memory=saves_memory)


def _acquire_gguf(
    job: Job, ref: ModelRef, library: LlamaLibrary, memory: MemoryArbiter, device: Device
) -> LoadedText:
    path = Path(ref.path)
    size = sum(part.stat().st_size for part in split_parts(path))
    key = model_key(path, "text", library.version)

    def load() -> LoadedText:
        # Not for a model that is loaded already: a vocabulary takes a tenth of a second to read.
        header = msgspec.structs.replace(read_gguf_header(path), size=size)
        model = load_llama(job, library, path, header, ref.name, device)
        template = header.metadata.get("tokenizer.chat_template")
        template = default_template(template)
        names = END_OF_TURN_TOKENS if template is not None else ()
        stop_tokens = model.vocabulary.stop_tokens(names)
        return LoadedText(
            decoder=model.decoder,
            encode=model.vocabulary.encode,
            decode=model.vocabulary.decode,
            template=template,
            special=model.vocabulary.special_tokens(),
            context=header.context,
            stop_tokens=stop_tokens,
            grammars=Grammars(lambda: llama_grammar_vocabulary(model.vocabulary, stop_tokens)),
            device=device.name,
            dtype=header.quantisation or "gguf",
            libraries=dict([library.version.split(" ", 1)]),
            nbytes=header.size,
            key=key,
        )

    return memory.acquire(key, memory_need(size), load, job)
