"""Sampling values that come with a language model: `generation_config.json`, GGUF metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from studio.formats.json_file import read_json_file
from studio.formats.weights.gguf import read_gguf_header
from studio.protocol import ProblemError

_NEUTRAL = {"temperature": 1.0, "top_p": 1.0, "top_k": 50, "repetition_penalty": 1.0}
"""What transformers uses for values that a file does not name."""

_NAMES = (*_NEUTRAL, "min_p")

_GGUF_KEYS = {
    "general.sampling.temp": "temperature",
    "general.sampling.top_p": "top_p",
    "general.sampling.top_k": "top_k",
    "general.sampling.min_p": "min_p",
    "general.sampling.penalty_repeat": "repetition_penalty",
}
_GGUF_NEUTRAL = {"repetition_penalty": 1.0}


def read_generation_config(folder: Path) -> dict[str, Any]:
    """Return the sampling values in the generation config of a folder, empty if it has none.

    If it names some, the others are neutral. `do_sample: false` is a temperature of 0.
    """
    try:
        config = read_json_file(folder / "generation_config.json", dict[str, Any])
    except msgspec.DecodeError:
        return {}
    if config is None:
        return {}
    named = {name: config[name] for name in _NAMES if _is_number(config.get(name))}
    if config.get("do_sample") is False:
        return {**_NEUTRAL, **named, "temperature": 0.0}
    return {**_NEUTRAL, **named} if named else {}


def read_gguf_sampling(file: Path) -> dict[str, Any]:
    """Return the sampling values in the metadata of a GGUF file, empty if it has none."""
    try:
        metadata = read_gguf_header(file).metadata
    except (ProblemError, OSError):
        return {}
    named = {
        name: _shortest(value)
        for key, name in _GGUF_KEYS.items()
        if _is_number(value := metadata.get(key))
    }
    return {**_GGUF_NEUTRAL, **named} if named else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shortest(value: Any) -> Any:
    """Return 0.2 for a 32-bit float of 0.20000000298."""
    return round(value, 6) if isinstance(value, float) else value
