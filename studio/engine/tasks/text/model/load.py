"""Loads language models from disk: safetensors folders and GGUF files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from studio.engine.local.devices import Device, best_dtype, libraries
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.text.decode.decoder import Decoder, has_known_cache
from studio.engine.tasks.text.decode.grammar import Grammars
from studio.engine.tasks.text.decode.text_decoder import TextDecoder
from studio.engine.tasks.text.llama.load import load_llama, memory_need
from studio.engine.tasks.text.model.convert import converted_model
from studio.engine.tasks.text.model.grammar_vocabulary import (
    grammar_vocabulary,
    llama_grammar_vocabulary,
)
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
from studio.formats.chat.chat_template import SPECIAL_TOKENS, default_template
from studio.formats.chat.context_window import context_length
from studio.formats.llama.library import LlamaLibrary, llama_library
from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.split_gguf import split_parts
from studio.protocol import ModelRef, problem, sentence

_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "tekken.json")

_END_OF_TURN_TOKENS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<|eot|>",
    "<end_of_turn>",
    "<turn|>",
    "<|return|>",
    "<|end_of_role|>",
    "<|user|>",
    "<｜end▁of▁sentence｜>",
)
"""Tokens that end a turn in the chat templates of common model families. Many files, especially
converted ones, declare only one of the tokens that their model uses."""


@dataclass
class LoadedText:
    """A language model in memory, with everything needed to run it.

    Attributes:
        decoder: runs the model.
        encode: `encode(text, special=True)` returns token ids; `special` adds the tokenizer's
            special tokens.
        decode: token ids to text, without special tokens.
        template: the chat template, None for a model that only continues text.
        special: names and texts of special tokens, for the template.
        context: length of the context in tokens; None for no limit.
        stop_tokens: tokens that end an answer.
        grammars: compiles the forms that answers may have.
        device: torch's name of the device.
        dtype: the precision of the weights, as torch or llama.cpp names it.
        libraries: name → version of what computes with it.
        nbytes: approximate size of the weights in bytes.
        key: the model's key in the memory arbiter.
    """

    decoder: TextDecoder
    encode: Callable[..., list[int]]
    decode: Callable[[Sequence[int]], str]
    template: str | None
    special: dict[str, str]
    context: int | None
    stop_tokens: frozenset[int]
    grammars: Grammars
    device: str
    dtype: torch.dtype | str
    libraries: dict[str, str]
    nbytes: int
    key: str

    def unload(self) -> None:
        """Release the weights."""
        self.decoder.close()


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
        raise problem(
            "model_missing",
            "The model {name} is no longer at {path}. Put it back, or choose another model.",
            name=ref.name,
            path=ref.path,
        )
    if ref.format == "gguf":
        library = llama_library()
        if library is not None:
            return _acquire_gguf(job, ref, library, memory, device)
        path = converted_model(job, path)
    if not (path / "config.json").is_file():
        raise broken_file(path, "config.json", FileNotFoundError(path / "config.json"))
    files = read_weight_files(path)
    dtype = torch.bfloat16 if saves_memory and device.kind == "cpu" else best_dtype(device)
    key = model_key(path, "text", dtype)
    need = int(files.elements * dtype.itemsize * 1.25) + 50_000_000
    load = _Loader(job, ref.name, path, files, device, key, may_widen=not saves_memory)
    return memory.acquire(key, need, lambda: load.load(dtype), job)


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
        names = _END_OF_TURN_TOKENS if template is not None else ()
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


@dataclass(frozen=True)
class _Loader:
    job: Job
    name: str
    folder: Path
    files: WeightFiles
    device: Device
    key: str
    may_widen: bool = True
    """Whether it may be loaded in float32 where that makes equal rows equal."""

    def load(self, dtype: torch.dtype) -> LoadedText:
        self.job.loading(sentence("Loading {model}", model=self.name), 0.0)
        config = _read_config(self.name, self.folder)
        _check_architecture(self.name, config)
        check_embedding(self.files, config.get_text_config(), self.name)
        tokenizer = _read_tokenizer(self.name, self.folder)
        self.job.check()
        model = self._read_model(config, dtype)
        decoder = Decoder(model, self.device.name)
        is_narrow = self.device.kind == "cpu" and dtype != torch.float32
        if is_narrow and self.may_widen and not decoder.widths.exact:
            # Equal rows of one batch differ on this machine. In float32 the differences are so
            # small that they hardly ever change a text.
            decoder.close()
            del model
            dtype = torch.float32
            model = self._read_model(config, dtype)
            decoder = Decoder(model, self.device.name)
        self.job.check()
        template = default_template(tokenizer.chat_template)
        stop_tokens = _stop_tokens(model, tokenizer, chats=template is not None)
        size = int(config.get_text_config().vocab_size)
        return LoadedText(
            decoder=decoder,
            encode=_encoder(tokenizer),
            decode=_decoder(tokenizer),
            template=template,
            special=_special_tokens(tokenizer),
            context=context_length(model.config.to_dict()),
            stop_tokens=stop_tokens,
            grammars=Grammars(lambda: grammar_vocabulary(tokenizer, size, stop_tokens)),
            device=self.device.name,
            dtype=dtype,
            libraries=libraries(),
            nbytes=self.files.elements * dtype.itemsize,
            key=self.key,
        )

    def _read_model(self, config: Any, dtype: torch.dtype) -> Any:
        from transformers import AutoModelForCausalLM

        with progress_reported(self.job, sentence("Loading {model}", model=self.name)):
            model, report = explain_errors(
                self.name,
                lambda: AutoModelForCausalLM.from_pretrained(
                    self.folder,
                    config=copy.deepcopy(config),
                    dtype=dtype,
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                    output_loading_info=True,
                    # Shapes are checked below, where the file can be named.
                    ignore_mismatched_sizes=True,
                    **_placement(self.device),
                ),
            )
        check_loading_info(self.name, report, self.files.file_of)
        model.eval().requires_grad_(False)
        self.job.check()
        return model


def _placement(device: Device) -> dict[str, Any]:
    return {} if device.kind == "cpu" else {"device_map": {"": device.name}}


def _read_config(name: str, folder: Path) -> Any:
    from transformers import AutoConfig

    return explain_errors(
        name,
        lambda: AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
    )


def _check_architecture(name: str, config: Any) -> None:
    """Reject models that do not generate text, or that have an unknown kind of cache."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    known = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    if known is None or not has_known_cache(known):
        raise problem(
            "bad_input",
            "The model {name} ({family}) does not generate text, or its architecture is not"
            " supported. Choose a chat model.",
            name=name,
            family=config.model_type,
        )


def _read_tokenizer(name: str, folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not any(folder.glob("*.model")) and not any(
        (folder / file).is_file() for file in _TOKENIZERS
    ):
        raise problem(
            "model_broken",
            "The tokenizer is missing from the model {name}. Copy tokenizer.json and"
            " tokenizer_config.json into its folder.",
            name=name,
        )
    return explain_errors(
        name,
        lambda: AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ),
    )


def _encoder(tokenizer: Any) -> Callable[..., list[int]]:
    def encode(text: str, *, special: bool) -> list[int]:
        return list(tokenizer(text, add_special_tokens=special)["input_ids"])

    return encode


def _decoder(tokenizer: Any) -> Callable[[Sequence[int]], str]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and not getattr(tokenizer, "clean_up_tokenization_spaces", False):
        return lambda ids: str(backend.decode(list(ids), skip_special_tokens=True))
    return lambda ids: str(
        tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    )


def _special_tokens(tokenizer: Any) -> dict[str, str]:
    found = {name: getattr(tokenizer, name, None) for name in SPECIAL_TOKENS}
    return {name: str(token) for name, token in found.items() if token is not None}


def _stop_tokens(model: Any, tokenizer: Any, *, chats: bool) -> frozenset[int]:
    """Return the tokens that end an answer."""
    ends: set[int] = set()
    for value in (
        getattr(model.generation_config, "eos_token_id", None),
        getattr(model.config, "eos_token_id", None),
        tokenizer.eos_token_id,
    ):
        if isinstance(value, int):
            ends.add(value)
        elif isinstance(value, list | tuple):
            ends.update(int(token) for token in value)
    if chats:
        known: dict[str, int] = tokenizer.get_added_vocab()
        ends.update(known[token] for token in _END_OF_TURN_TOKENS if token in known)
    return frozenset(ends)
