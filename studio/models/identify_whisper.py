"""Describe a folder with a Whisper model that was converted for CTranslate2."""

from __future__ import annotations

from pathlib import Path

import msgspec

from studio.formats.sounds.spoken_languages import CODES
from studio.formats.untrusted_files import is_file, open_regular, read_start
from studio.kinds.registry import task_of_format
from studio.models.model_card import folder_name, licence_of
from studio.protocol import ModelRef, problem

FORMAT = "ctranslate2"
_WEIGHTS = "model.bin"
_SPECIFICATION = b"WhisperSpec"
_HEAD = 64
_ENGLISH_WORDS = 51_864
"""Size of the vocabulary of models that know English only; others have more."""
_MOST_VOCABULARY = 16 * 1024 * 1024


def describe_whisper(folder: Path) -> ModelRef | None:
    """Return the description of the Whisper model in a folder, None if it is something else.

    Raises `ProblemError` (model_broken) if files are missing or damaged.
    """
    weights = folder / _WEIGHTS
    if not is_file(weights) or not is_file(folder / "config.json"):
        return None
    try:
        if _SPECIFICATION not in read_start(weights, _HEAD):
            return None
        words = _vocabulary_size(folder)
    except OSError:
        return None
    missing = [] if words else ["vocabulary.txt"]
    if not is_file(folder / "tokenizer.json"):
        missing.append("tokenizer.json")
    if missing:
        raise problem(
            "model_broken",
            "The Whisper model {folder} is incomplete: {files} is missing. Download it again.",
            folder=folder.name,
            files=", ".join(missing),
        )
    return ModelRef(
        id="",
        name=folder_name(folder),
        task=task_of_format(FORMAT),
        format=FORMAT,
        path=str(folder),
        family="whisper",
        size=weights.stat().st_size,
        licence=licence_of(folder),
        languages=("en",) if words <= _ENGLISH_WORDS else CODES,
        role="transcriber",
    )


def _vocabulary_size(folder: Path) -> int:
    """Return the number of words that a model can write, 0 if it is unknown."""
    for name in ("vocabulary.json", "vocabulary.txt"):
        if not is_file(folder / name):
            continue
        with open_regular(folder / name) as file:
            data = file.read(_MOST_VOCABULARY)
        if name.endswith(".txt"):
            return data.count(b"\n") + (not data.endswith(b"\n"))
        try:
            return len(msgspec.json.decode(data, type=list[str]))
        except msgspec.DecodeError:
            return 0
    return 0
