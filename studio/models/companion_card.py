"""What other programs noted beside a LoRA: its base family and trigger words.

Read are `NAME.civitai.info` (Civitai Helper), `NAME.metadata.json` (LoRA Manager) and `NAME.json`
(the user's notes in A1111 and Forge).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file
from studio.formats.weights.base_families import BaseFamily, base_of_name

_MAX_WORDS = 8
_MAX_WORD = 200


class CompanionCard(Struct, frozen=True):
    """What is noted; empty where nothing is."""

    base: BaseFamily = ""
    trigger_words: tuple[str, ...] = ()


def read_companion_card(file: Path) -> CompanionCard:
    """Return the notes beside `file`; files that cannot be read are passed over."""
    base = ""
    words: tuple[str, ...] = ()
    for suffix in (".civitai.info", ".metadata.json", ".json"):
        content = _read(file.with_name(file.stem + suffix))
        nested = content.get("civitai")
        for part in (content, nested if isinstance(nested, dict) else {}):
            for key in ("baseModel", "base_model", "sd version"):
                base = base or base_of_name(_text(part.get(key)))
            words = words or _words(part.get("trainedWords"))
            words = words or _words(_text(part.get("activation text")).split(","))
    return CompanionCard(base, words)


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json_file(path, dict[str, Any]) or {}
    except msgspec.DecodeError:
        return {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    words = (_text(word).strip() for word in value)
    return tuple(dict.fromkeys(word for word in words if word and len(word) <= _MAX_WORD))[
        :_MAX_WORDS
    ]
