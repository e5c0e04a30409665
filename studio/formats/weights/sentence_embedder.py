"""The layout of sentence-transformers: a network, and how its states become one vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from studio.formats.untrusted_files import is_file, read_start
from studio.protocol import ProblemError, problem

MODULES = "modules.json"
_PROMPTS = "config_sentence_transformers.json"
_SENTENCES = "sentence_bert_config.json"
_POOLING = "1_Pooling"
FILES = (MODULES, _PROMPTS, _SENTENCES, f"{_POOLING}/config.json")
"""What a download needs besides the files of the network."""

MAX_TOKENS = 1024
"""Of a text at most, however many a model could read: memory grows with it."""

_MAX_BYTES = 2**20
_MAX_PROMPT = 2_000

Pooling: TypeAlias = Literal["mean", "cls", "last"]

_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
}


class SentenceEmbedder(Struct, frozen=True):
    """How a folder makes vectors.

    Attributes:
        pooling: which states of the network count: the mean of all, that of the first token, or of
            the last.
        max_tokens: of a text; what is longer is cut.
        question, passage: what stands before a question, and before a text that is searched.
    """

    pooling: Pooling
    max_tokens: int = 512
    question: str = ""
    passage: str = ""


class _Module(Struct, frozen=True):
    type: str
    path: str = ""


class _Sentences(Struct, frozen=True):
    max_seq_length: int | None = None


class _Prompts(Struct, frozen=True):
    prompts: dict[str, str] = {}
    default_prompt_name: str | None = None


def looks_like_embedder(folder: Path) -> bool:
    """Whether a folder has the layout of sentence-transformers."""
    return is_file(folder / MODULES)


def read_sentence_embedder(folder: Path) -> SentenceEmbedder:
    """Read how a folder makes vectors.

    Raises `ProblemError`: `model_broken` if a file is missing or damaged, `bad_input` if it makes
    them in a way that is not supported.
    """
    modules = _read(folder, MODULES, list[_Module])
    if modules is None:
        raise _broken(folder, MODULES)
    kinds = [module.type.rpartition(".")[2] for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - {"Normalize"}:
        raise _unsupported(folder, ", ".join(kinds))
    # Not the path that the file names: only the usual one is downloaded.
    if modules[1].path.strip("/") != _POOLING or modules[0].path.strip("/."):
        raise _unsupported(folder, ", ".join(module.path for module in modules))
    sentences = _read(folder, _SENTENCES, _Sentences) or _Sentences()
    named = _read(folder, _PROMPTS, _Prompts) or _Prompts()
    usual = named.prompts.get(named.default_prompt_name or "", "")
    passage = named.prompts.get("document", named.prompts.get("passage", usual))
    question = named.prompts.get("query", usual)
    return SentenceEmbedder(
        pooling=_pooling(folder, has_prompts=bool(question or passage)),
        max_tokens=max(8, min(sentences.max_seq_length or 512, MAX_TOKENS)),
        question=question[:_MAX_PROMPT],
        passage=passage[:_MAX_PROMPT],
    )


def _pooling(folder: Path, *, has_prompts: bool) -> Pooling:
    name = f"{_POOLING}/config.json"
    config = _read(folder, name, dict[str, Any])
    if config is None:
        raise _broken(folder, name)
    if has_prompts and config.get("include_prompt") is False:
        raise _unsupported(folder, "include_prompt")
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode") and value]
    mode = config.get("pooling_mode")
    if isinstance(mode, str):
        chosen = [f"pooling_mode_{mode}"]
        short = {"mean": "mean_tokens", "cls": "cls_token"}.get(mode)
        chosen = [f"pooling_mode_{short}"] if short else chosen
    if len(chosen) != 1 or chosen[0] not in _POOLINGS:
        raise _unsupported(folder, ", ".join(chosen))
    return _POOLINGS[chosen[0]]


def _read(folder: Path, name: str, kind: Any) -> Any:
    """Return the content of a file, None if there is none."""
    if not is_file(folder / name):
        return None
    try:
        return msgspec.json.decode(read_start(folder / name, _MAX_BYTES), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(folder, name, str(error)) from error


def _broken(folder: Path, name: str, detail: str = "missing") -> ProblemError:
    return problem(
        "model_broken",
        "The file {file} in the model's folder {folder} cannot be read. Download the model again.",
        detail=detail,
        file=name,
        folder=folder.name,
    )


def _unsupported(folder: Path, detail: str) -> ProblemError:
    return problem(
        "bad_input",
        "The model {name} makes vectors of texts in a way that is not supported. Choose one such "
        "as Qwen3-Embedding or all-MiniLM-L6-v2.",
        detail=detail,
        name=folder.name,
    )
