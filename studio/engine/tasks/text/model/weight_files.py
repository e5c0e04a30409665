"""The weight files of a model folder, checked by their headers before anything is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.formats.safetensors import read_safetensors_header
from studio.formats.tensors import Tensors, count_parameters
from studio.protocol import ProblemError, problem

_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", ".embeddings.weight")


@dataclass(frozen=True)
class WeightFiles:
    """What the headers say: tensor name → file name, → shape; the number of all elements."""

    places: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    elements: int

    def place(self, tensor: str) -> str:
        """Return the file that holds a tensor, or should: the model may name it differently."""
        if tensor in self.places:
            return self.places[tensor]
        ending = next((name for name in self.places if tensor.endswith(name)), "")
        return self.places.get(ending) or next(iter(self.places.values()), "model.safetensors")


def read_weight_files(folder: Path) -> WeightFiles:
    """Read the headers of a transformers folder's weights.

    Raises:
        ProblemError: `model_broken`, naming the file that is missing, cut short or damaged;
            `bad_input`, where the weights are only there in a format that may carry code.
    """
    places: dict[str, str] = {}
    tensors: Tensors = {}
    for name in _names(folder):
        if not (folder / name).is_file():
            raise _missing(folder, name)
        found = read_safetensors_header(folder / name).tensors
        tensors |= found
        places |= dict.fromkeys(found, name)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    return WeightFiles(places, shapes, count_parameters(tensors))


def check_embedding(files: WeightFiles, config: Any, name: str) -> None:
    """Compare the size of the vocabulary's table with the configuration.

    Weights of another model are found so, before a model of the wrong size fills the memory.

    Args:
        files: the headers.
        config: transformers' configuration of the language model.
        name: the model's.

    Raises:
        ProblemError: `model_broken`, naming the file.
    """
    wanted = getattr(config, "vocab_size", None), getattr(config, "hidden_size", None)
    # OPT projects a narrower table; None is nothing to compare with.
    if hasattr(config, "word_embed_proj_dim") or None in wanted:
        return
    for tensor, shape in files.shapes.items():
        if tensor.endswith(_EMBEDDINGS) and len(shape) == 2 and shape != wanted:
            raise problem(
                "model_broken",
                "The weights in {file} do not match the config.json of {name}: {tensor} has a"
                " different shape. They belong to another model. Copy or download the model again.",
                detail=f"{tensor}: {shape} instead of {wanted}",
                file=files.places[tensor],
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
            "The folder {folder} has its weights only in the old pickle format (.bin), which can"
            " run code and is not loaded. Look for .safetensors weights.",
            folder=folder.name,
        )
    raise _missing(folder, "model.safetensors")


def broken_file(folder: Path, name: str, error: Exception) -> ProblemError:
    """Return what to say about a file that cannot be read."""
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
