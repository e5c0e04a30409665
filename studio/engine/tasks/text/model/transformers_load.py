"""Loads language models from folders with safetensors weights, with transformers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.engine.local.devices import Device, best_dtype, libraries
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.text.decode.decoder import Decoder, has_known_cache
from studio.engine.tasks.text.decode.grammar import Grammars
from studio.engine.tasks.text.model.grammar_vocabulary import grammar_vocabulary
from studio.engine.tasks.text.model.load_progress import (
    check_loading_info,
    explain_errors,
    progress_reported,
)
from studio.engine.tasks.text.model.loaded import END_OF_TURN_TOKENS, LoadedText
from studio.engine.tasks.text.model.weight_files import (
    WeightFiles,
    broken_file,
    check_embedding,
    read_weight_files,
)
from studio.formats.chat.chat_template import SPECIAL_TOKENS, default_template
from studio.formats.chat.context_window import context_length
from studio.protocol import problem, sentence

_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "tekken.json")


def acquire_folder(
    job: Job,
    name: str,
    path: Path,
    memory: MemoryArbiter,
    device: Device,
    *,
    saves_memory: bool,
) -> LoadedText:
    """Return the loaded model of a folder; see `acquire` of `load`."""
    if not (path / "config.json").is_file():
        raise broken_file(path, "config.json", FileNotFoundError(path / "config.json"))
    files = read_weight_files(path)
    dtype = torch.bfloat16 if saves_memory and device.kind == "cpu" else best_dtype(device)
    key = model_key(path, "text", dtype)
    need = int(files.elements * dtype.itemsize * 1.25) + 50_000_000
    load = _Loader(job, name, path, files, device, key, may_widen=not saves_memory)
    return memory.acquire(key, need, lambda: load.load(dtype), job)


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
            dtype=str(dtype).removeprefix("torch."),
            libraries=libraries(),
            nbytes=self.files.elements * dtype.itemsize,
            key=self.key,
            is_narrowed=dtype.itemsize < best_dtype(self.device).itemsize,
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
        ends.update(known[token] for token in END_OF_TURN_TOKENS if token in known)
    return frozenset(ends)
