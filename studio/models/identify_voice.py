"""Describe a folder with a model that speaks: a Kokoro network and its voices."""

from __future__ import annotations

from pathlib import Path

from studio.formats.untrusted_files import read_start
from studio.formats.voices import find_voice_files, looks_like_voices, readable_voices
from studio.kinds.registry import task_of_format
from studio.models.model_card import folder_name, languages_of, licence_of
from studio.protocol import ModelRef, problem

FORMAT = "kokoro"


def describe_voice(folder: Path) -> ModelRef | None:
    """Return the description of the voice model in a folder, None if it is something else.

    Raises `ProblemError` (model_broken) if files are missing or damaged.
    """
    if not looks_like_voices(folder):
        return None
    files = find_voice_files(folder)
    voices = readable_voices([file.stem for file in files.voices]) if files is not None else []
    if files is None or not voices:
        raise problem(
            "model_broken",
            "The voice model {folder} is incomplete: it needs its network (.onnx), vocab.json or "
            "tokenizer.json, and Chinese or English voices in the folder voices.",
            folder=folder.name,
        )
    if not read_start(files.network, 1) == b"\x08":
        raise problem(
            "model_broken",
            "The file {file} of the voice model {folder} is no ONNX network. Download it again.",
            file=files.network.name,
            folder=folder.name,
        )
    return ModelRef(
        id="",
        name=folder_name(folder),
        task=task_of_format(FORMAT),
        format=FORMAT,
        path=str(folder),
        family="kokoro",
        size=files.network.stat().st_size + sum(file.stat().st_size for file in files.voices),
        licence=licence_of(folder),
        languages=languages_of(folder) or ("en", "zh"),
        role="voice",
        voices=tuple(voices),
    )
