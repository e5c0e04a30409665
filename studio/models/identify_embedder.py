"""Describe a folder with a model that turns texts into vectors, by which they are searched."""

from __future__ import annotations

from pathlib import Path

from studio.formats.weights.sentence_embedder import looks_like_embedder, read_sentence_embedder
from studio.kinds.registry import task_of_format
from studio.models.identify_folder import (
    check_tokenizer,
    refuse_custom_code,
    transformers_weights,
)
from studio.models.model_card import folder_name, languages_of, licence_of, read_config
from studio.protocol import ModelRef

FORMAT = "sentence-transformers"


def describe_embedder(folder: Path) -> ModelRef | None:
    """Return the description of the embedder in a folder, None if it is something else.

    Raises `ProblemError` as `describe_path` does.
    """
    if not looks_like_embedder(folder):
        return None
    layout = read_sentence_embedder(folder)
    config = read_config(folder / "config.json")
    refuse_custom_code(folder, config)
    files = transformers_weights(folder)
    check_tokenizer(folder)
    return ModelRef(
        id="",
        name=folder_name(folder),
        task=task_of_format(FORMAT),
        format=FORMAT,
        path=str(folder),
        family=str(config.get("model_type", "")),
        size=sum(file.stat().st_size for file in files),
        context=layout.max_tokens,
        licence=licence_of(folder),
        languages=languages_of(folder),
        role="embedder",
    )
