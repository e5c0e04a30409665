"""Checks the headers of a model folder's weight files before anything is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.formats.weights.safetensors import read_safetensors_header
from studio.formats.weights.tensors import Tensors, count_parameters
from studio.protocol import ProblemError, problem

_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", ".embeddings.weight")


@dataclass(frozen=True)
class WeightFiles:
    """Contents of the headers: tensor name → file name and → shape; total number of elements."""

    files_by_tensor: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    elements: int

    def file_of(self, tensor: str) -> str:
        """Return the file that contains a tensor, or should; tolerates a missing name prefix."""
        if tensor in self.files_by_tensor:
            return self.files_by_tensor[tensor]
        ending = next((name for name in self.files_by_tensor if tensor.endswith(name)), "")
        return self.files_by_tensor.get(ending) or next(
            iter(self.files_by_tensor.values()), "model.safetensors"
        )


def read_weight_files(folder: Path) -> WeightFiles:
    """Read the headers of a transformers folder's weights.

    Raises:
        ProblemError: `model_broken`, naming the file that is missing, truncated or damaged;
            `bad_input`, if there are only weights in a format that can run code.
    """
    files_by_tensor: dict[str, str] = {}
    tensors: Tensors = {}
    for name in _names(folder):
        if not (folder / name).is_file():
            raise _missing(folder, name)
        found = read_safetensors_header(folder / name).tensors
        tensors |= found
        files_by_tensor |= dict.fromkeys(found, name)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    return WeightFiles(files_by_tensor, shapes, count_parameters(tensors))


def check_embedding(files: WeightFiles, config: Any, name: str) -> None:
    """Compare the size of the embedding table with the configuration.

    This detects weights of another model before a model of the wrong size fills the memory.

    Args:
        files: the headers.
        config: transformers' configuration of the language model.
        name: the model's name.

    Raises:
        ProblemError: `model_broken`, naming the file.
    """
    wanted = getattr(config, "vocab_size", None), getattr(config, "hidden_size", None)
    # OPT projects a narrower table; without a size there is nothing to compare.
    if hasattr(config, "word_embed_proj_dim") or None in wanted:
        return
    for tensor, shape in files.shapes.items():
        if tensor.endswith(_EMBEDDINGS) and len(shape) == 2 and shape != wanted:
            raise problem(
                "model_broken",
                "The weights in {file} do not match the config.json of {name}: {tensor} has a"
                " different shape. They belong to another model. Copy or download the model again.",
                detail=f"{tensor}: {shape} instead of {wanted}",
                file=files.files_by_tensor[tensor],
                name=name,
                tensor=tensor,
            )


def _names(folder: Path) -> list[str]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            return sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise broken_file(folder, index.name, error) from error
    if (folder / "model.safetensors").is_file():
        return ["model.safetensors"]
    if any(folder.glob("*.bin")):
        raise problem(
            "bad_input",
            "The folder {folder} contains weights only in the old pickle format (.bin), which can "
            "run code and is not loaded. Look for .safetensors weights.",
            folder=folder.name,
        )
    raise _missing(folder, "model.safetensors")


def broken_file(folder: Path, name: str, error: Exception) -> ProblemError:
    """Return the problem for a file that cannot be read."""
    return problem(
        "model_broken",
        "The file {file} of the model {folder} is damaged or incomplete. Copy or download it"
        " again.",
        detail=f"{type(error).__name__}: {error}",
        file=name,
        folder=folder.name,
    )


def _missing(folder: Path, name: str) -> ProblemError:
    return problem(
        "model_broken",
        "The file {file} is missing from the model {folder}. Copy or download it again.",
        file=name,
        folder=folder.name,
    )
