"""Loading a language model from disk: safetensors folders and GGUF files, nothing remote."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.engine.devices import Device, best_dtype, is_out_of_memory
from studio.engine.job import Job
from studio.engine.memory import MemoryArbiter, model_key
from studio.engine.text.agreement import least_width
from studio.protocol import ModelRef, ProblemError, problem, sentence

_DEFAULT_CONTEXT = 4096


@dataclass
class LoadedText:
    """A language model in memory, with what has to be known to run it.

    `width` is the smallest number of rows at which rows do not influence each other's rounding
    (see `agreement`). `ends` are the tokens that end an answer.
    """

    model: Any
    tokenizer: Any
    device: str
    dtype: torch.dtype
    context: int
    width: int
    ends: frozenset[int]

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(tensor.nbytes for tensor in self.model.parameters())

    def unload(self) -> None:
        """Let go of the weights."""
        self.model = None
        self.tokenizer = None


def acquire(job: Job, ref: ModelRef, memory: MemoryArbiter, device: Device) -> LoadedText:
    """Return the loaded model, loading it if it is not there.

    Raises:
        ProblemError: `model_broken` or `out_of_memory`.
    """
    dtype = best_dtype(device)
    found = memory.acquire(
        model_key(ref.path, dtype), _need(ref, dtype), lambda: _load(job, ref, device, dtype), job
    )
    if found.dtype != dtype:
        # The probe of this machine chose float32; that model is kept under the same key.
        job.check()
    return found


def _need(ref: ModelRef, dtype: torch.dtype) -> int:
    """Return the bytes that loading takes at its peak; GGUF weights are unpacked."""
    size = ref.size or sum(f.stat().st_size for f in Path(ref.path).rglob("*") if f.is_file())
    if ref.format == "gguf":
        return int(size * dtype.itemsize * 2.2)
    return int(size * max(1.0, dtype.itemsize / 2) * 1.2)


def _load(job: Job, ref: ModelRef, device: Device, dtype: torch.dtype) -> LoadedText:
    loaded = _load_as(job, ref, device, dtype)
    width = least_width(loaded.model, loaded.device)
    if width is None and device.kind == "cpu" and dtype != torch.float32:
        loaded.unload()
        loaded = _load_as(job, ref, device, torch.float32)
        width = 1
    loaded.width = width or 1
    return loaded


def _load_as(job: Job, ref: ModelRef, device: Device, dtype: torch.dtype) -> LoadedText:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = Path(ref.path)
    folder, source = (path.parent, {"gguf_file": path.name}) if path.is_file() else (path, {})
    if not source:
        _check_files(path)
    job.loading(sentence("Reading the tokenizer"), 0.05)
    tokenizer = _reading(
        ref,
        lambda: AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **source
        ),
    )
    job.check()
    if source:
        job.loading(sentence("Unpacking the GGUF weights"))
    else:
        job.loading(sentence("Loading {model}", model=ref.name), 0.2)
    options: dict[str, Any] = dict(source)
    if source:
        from transformers import GgufConfig

        options["quantization_config"] = GgufConfig(dequantize=True)
    else:
        options["use_safetensors"] = True
    model, report = _reading(
        ref,
        lambda: AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            **options,
        ),
    )
    _check_report(ref, report)
    job.check()
    model = model.eval().requires_grad_(False).to(device.name)
    job.loading(sentence("Loading {model}", model=ref.name), 1.0)
    return LoadedText(
        model, tokenizer, device.name, dtype, _context(model.config), 1, _ends(model, tokenizer)
    )


def _reading(ref: ModelRef, read: Callable[[], Any]) -> Any:
    """Run a loader of transformers; what it raises becomes a sentence about the files."""
    try:
        return read()
    except Exception as error:
        if isinstance(error, ProblemError) or is_out_of_memory(error):
            raise
        if ref.format == "gguf" and "not supported" in str(error):
            raise problem(
                "model_broken",
                "{name} holds a model of an architecture that cannot be read from GGUF."
                " Use the same model as a safetensors folder.",
                detail=str(error),
                name=Path(ref.path).name,
            ) from error
        raise problem(
            "model_broken",
            "{name} cannot be loaded: {reason}. Check it with Verify, or copy it again.",
            detail=f"{type(error).__name__}: {error}",
            name=Path(ref.path).name,
            reason=_reason(error),
        ) from error


def _reason(error: Exception) -> str:
    """Return the first line of an error, short enough for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text.rstrip(".")[:200]


def _check_files(folder: Path) -> None:
    """Refuse a folder whose weights are not all there or were cut short, naming the file."""
    from safetensors import SafetensorError, safe_open

    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise _broken(index.name, "it is no index of weights") from error
    else:
        names = sorted(file.name for file in folder.glob("*.safetensors"))
        if not names:
            raise problem(
                "model_broken",
                "The folder {name} has no .safetensors weights. Other formats are not loaded,"
                " since they may carry code.",
                name=folder.name,
            )
    for name in names:
        file = folder / name
        if not file.is_file():
            raise _broken(name, "it is missing")
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise _broken(name, "it is damaged or was cut short") from error


def _broken(name: str, reason: str) -> ProblemError:
    return problem(
        "model_broken",
        "{name} cannot be loaded: {reason}. Check it with Verify, or copy it again.",
        name=name,
        reason=reason,
    )


def _check_report(ref: ModelRef, report: dict[str, Any]) -> None:
    """Refuse weights that do not fill the model: transformers would make the rest up."""
    wrong = [
        *(str(key) for key in report.get("missing_keys") or ()),
        *(str(key) for key in report.get("mismatched_keys") or ()),
    ]
    if wrong:
        raise problem(
            "model_broken",
            "The weights of {name} do not fit its configuration: {number} are missing or have"
            " another shape, {first} for one. Copy the model again.",
            detail="\n".join(wrong),
            name=ref.name,
            number=len(wrong),
            first=wrong[0],
        )


def _context(config: Any) -> int:
    """Return the tokens that fit, prompt and answer together."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(text, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return _DEFAULT_CONTEXT


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
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
    return frozenset(ends)
