"""Describe a folder with a model that draws icons."""

from __future__ import annotations

from pathlib import Path

from studio.formats.icons.model_folder import looks_like_icons, read_vocabulary
from studio.formats.weights.safetensors import read_safetensors_header
from studio.kinds.registry import task_of_format
from studio.models.identify_folder import transformers_weights
from studio.models.model_card import folder_name, licence_of, read_config
from studio.protocol import ModelRef, problem

FORMAT = "icon_tokens"
_EMBEDDING = "model.embed_tokens.weight"


def describe_icons(folder: Path) -> ModelRef | None:
    """Return the description of the icon model in a folder, None if it is something else.

    Raises `ProblemError` (model_broken) if files are missing, damaged, or do not belong together.
    """
    if not looks_like_icons(folder):
        return None
    config = read_config(folder / "config.json")
    if config.get("model_type") != "llama":
        return None
    files = transformers_weights(folder)
    vocabulary = read_vocabulary(folder)
    if vocabulary is None:
        raise problem(
            "model_broken",
            "The file {file} in the model's folder {folder} cannot be read. "
            "Download the model again.",
            file="tokenizer.json",
            folder=folder.name,
        )
    if not vocabulary.is_current:
        raise problem(
            "bad_input",
            "The icon model {folder} is for another version of Prompt Studio: it draws with other "
            "tokens. Get the version of the model for this one.",
            folder=folder.name,
        )
    headers = [read_safetensors_header(file) for file in files]
    shapes = [each.tensors[_EMBEDDING].shape for each in headers if _EMBEDDING in each.tensors]
    if not shapes or shapes[0][0] != len(vocabulary.ids):
        raise problem(
            "model_broken",
            "The weights in {folder} do not belong to its tokenizer.json. Download the model "
            "again.",
            detail=f"{shapes}, {len(vocabulary.ids)} tokens",
            folder=folder.name,
        )
    return ModelRef(
        id="",
        name=folder_name(folder),
        task=task_of_format(FORMAT),
        format=FORMAT,
        path=str(folder),
        family="icons",
        size=sum(file.stat().st_size for file in files),
        licence=licence_of(folder),
        languages=("en", "zh"),
        role="icons",
    )
