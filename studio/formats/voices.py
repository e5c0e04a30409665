"""The files of a Kokoro model: its network, its alphabet and its voices.

Two layouts are known: that of the starter model (`model.onnx`, `vocab.json`, `voices/*.bin`) and
that of the hub (`onnx/model*.onnx`, `tokenizer.json`, `voices/*.bin`).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.untrusted_files import entries_of, is_file, is_folder, read_start

VOICE_FLOATS = 510 * 256
"""Numbers of a voice: one style for each length of a text in phonemes."""
_VOICE_BYTES = 4 * VOICE_FLOATS
_MAX_VOCABULARY = 20_000_000
_NETWORKS = (
    "model.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
    "onnx/model_uint8.onnx",
    "kokoro.onnx",
)
LANGUAGES = {"a": "en", "b": "en", "z": "zh"}
"""First letter of a voice → the language that it was made for. Others cannot be read here."""


class VoiceFiles(Struct, frozen=True):
    """The files of a model. `voices` are sorted by name."""

    network: Path
    vocabulary: Path
    voices: tuple[Path, ...]


class _TokenizerModel(Struct, frozen=True):
    vocab: dict[str, int] = {}


class _Tokenizer(Struct, frozen=True):
    vocab: dict[str, int] = {}
    model: _TokenizerModel = _TokenizerModel()


def find_voice_files(folder: Path) -> VoiceFiles | None:
    """Return the files of the model in a folder, None if there is none."""
    voices = tuple(
        file
        for file in entries_of(folder / "voices")
        if file.suffix == ".bin" and is_file(file) and file.stat().st_size == _VOICE_BYTES
    )
    network = next((folder / name for name in _NETWORKS if is_file(folder / name)), None)
    names = ("vocab.json", "tokenizer.json")
    vocabulary = next((folder / name for name in names if is_file(folder / name)), None)
    if network is None or vocabulary is None or not voices:
        return None
    return VoiceFiles(network, vocabulary, voices)


def looks_like_voices(folder: Path) -> bool:
    """Return whether a folder has voices beside a network, whole or not."""
    return is_folder(folder / "voices") and any(is_file(folder / name) for name in _NETWORKS)


def readable_voices(names: list[str]) -> list[str]:
    """Return the names of the voices whose language can be read: Mandarin and English."""
    return [name for name in names if language_of(name)]


def language_of(voice: str) -> str:
    """Return the language of a voice by its name, `zf_xiaoxiao` or `af_heart`; "" if unknown."""
    return LANGUAGES.get(voice[:1], "") if voice[2:3] == "_" else ""


def voice_names(folder: Path) -> list[str]:
    """Return the names of the voices in a folder that can be read."""
    return readable_voices([file.stem for file in entries_of(folder / "voices")])


def read_vocabulary(file: Path) -> dict[str, int]:
    """Return phoneme → number. Raises `OSError`, and `ValueError` if there is none in the file."""
    data = read_start(file, _MAX_VOCABULARY)
    try:
        found = msgspec.json.decode(data, type=_Tokenizer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{file.name}: {error}") from error
    vocabulary = found.vocab or found.model.vocab
    if not vocabulary:
        raise ValueError(f"{file.name}: no vocabulary")
    return vocabulary
