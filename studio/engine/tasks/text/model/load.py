"""Loading a language model from disk: safetensors folders and GGUF files, nothing remote."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.engine.local.devices import Device, best_dtype
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.text.decode.decode import Decoder, can_run
from studio.engine.tasks.text.model.convert import converted
from studio.engine.tasks.text.model.load_progress import check_report, read, watched
from studio.engine.tasks.text.model.weight_files import (
    WeightFiles,
    broken_file,
    check_embedding,
    read_weight_files,
)
from studio.formats.chat_template import SPECIAL_TOKENS, default_template
from studio.formats.context_window import context_length
from studio.protocol import ModelRef, problem, sentence

_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "tekken.json")

_ENDS = (
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
"""Tokens that end a turn in the chat templates of the common families. Many files, above all
converted ones, name only one of those that their model ends with."""


@dataclass
class LoadedText:
    """A language model in memory, with what has to be known to run it.

    Attributes:
        decoder: runs it.
        encode: `encode(text, special=True)` gives token ids, with the tokens that the tokenizer
            puts around a text of its own accord if `special`.
        decode: token ids to text, without special tokens.
        template: its chat template, None for a model that only continues text.
        special: names and texts of special tokens, for the template.
        context: tokens of its context; None for no limit.
        ends: tokens that end an answer.
        device: torch's name of where it lies.
        nbytes: bytes of the weights, about.
        key: its name with the memory arbiter.
    """

    decoder: Decoder
    encode: Callable[..., list[int]]
    decode: Callable[[Sequence[int]], str]
    template: str | None
    special: dict[str, str]
    context: int | None
    ends: frozenset[int]
    device: str
    dtype: torch.dtype
    nbytes: int
    key: str

    def unload(self) -> None:
        """Let go of the weights."""
        self.decoder.close()


def acquire(job: Job, ref: ModelRef, memory: MemoryArbiter, device: Device) -> LoadedText:
    """Return the loaded model, loading it if it is not there.

    Raises:
        ProblemError: `model_broken`, `bad_input`, `model_missing` or `out_of_memory`.
        JobCancelledError: between two weights.
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
        path = converted(job, path)
    if not (path / "config.json").is_file():
        raise broken_file(path, "config.json", FileNotFoundError(path / "config.json"))
    files = read_weight_files(path)
    dtype = best_dtype(device)
    key = model_key(path, "text", dtype)
    need = int(files.elements * dtype.itemsize * 1.25) + 50_000_000
    load = _Loader(job, ref.name, path, files, device, key)
    return memory.acquire(key, need, lambda: load.load(dtype), job)


@dataclass(frozen=True)
class _Loader:
    job: Job
    name: str
    folder: Path
    files: WeightFiles
    device: Device
    key: str

    def load(self, dtype: torch.dtype) -> LoadedText:
        self.job.loading(sentence("Loading {model}", model=self.name), 0.0)
        config = _read_config(self.name, self.folder)
        _refuse_other_kinds(self.name, config)
        check_embedding(self.files, config.get_text_config(), self.name)
        tokenizer = _read_tokenizer(self.name, self.folder)
        self.job.check()
        model = self._read_model(config, dtype)
        decoder = Decoder(model, self.device.name)
        if not decoder.agreement.exact and self.device.kind == "cpu" and dtype != torch.float32:
            # Equal rows of one batch differ on this machine. In float32 they do by so little
            # that it next to never changes a text.
            decoder.close()
            del model
            dtype = torch.float32
            model = self._read_model(config, dtype)
            decoder = Decoder(model, self.device.name)
        self.job.check()
        template = default_template(tokenizer.chat_template)
        return LoadedText(
            decoder=decoder,
            encode=_encoder(tokenizer),
            decode=_decoder(tokenizer),
            template=template,
            special=_special_tokens(tokenizer),
            context=context_length(model.config.to_dict()),
            ends=_ends(model, tokenizer, chats=template is not None),
            device=self.device.name,
            dtype=dtype,
            nbytes=self.files.elements * dtype.itemsize,
            key=self.key,
        )

    def _read_model(self, config: Any, dtype: torch.dtype) -> Any:
        from transformers import AutoModelForCausalLM

        with watched(self.job, sentence("Loading {model}", model=self.name)):
            model, report = read(
                self.name,
                lambda: AutoModelForCausalLM.from_pretrained(
                    self.folder,
                    config=copy.deepcopy(config),
                    dtype=dtype,
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                    output_loading_info=True,
                    # Shapes are compared below, where the file can be named.
                    ignore_mismatched_sizes=True,
                    **_placement(self.device),
                ),
            )
        check_report(self.name, report, self.files.place)
        model.eval().requires_grad_(False)
        self.job.check()
        return model


def _placement(device: Device) -> dict[str, Any]:
    return {} if device.kind == "cpu" else {"device_map": {"": device.name}}


def _read_config(name: str, folder: Path) -> Any:
    from transformers import AutoConfig

    return read(
        name,
        lambda: AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
    )


def _refuse_other_kinds(name: str, config: Any) -> None:
    """Refuse what writes no text, or keeps what it read in a way of its own."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    known = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    if known is None or not can_run(known):
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
    return read(
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


def _ends(model: Any, tokenizer: Any, *, chats: bool) -> frozenset[int]:
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
        ends.update(known[token] for token in _ENDS if token in known)
    return frozenset(ends)
