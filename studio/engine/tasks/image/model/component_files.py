"""Finds the weight files of a pipeline's component and the memory that their tensors need.

Only safetensors files are read: pickle files can run code.
"""

from __future__ import annotations

import json
from pathlib import Path

from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.formats.weights.tensors import Tensors
from studio.protocol import ProblemError, problem

_INDEX_SUFFIX = ".safetensors.index.json"


def weight_files(folder: Path) -> tuple[tuple[Path, ...], str]:
    """Return the weight files in a component's folder, and their variant (e.g. `fp16`).

    Prefers full-precision files to a variant. All shards in an index are returned, whether they
    exist or not. Raises `ProblemError` (`model_broken`) if there are none, with a separate
    message if there are only pickle files.
    """
    indexes = sorted(folder.glob(f"*{_INDEX_SUFFIX}")) + sorted(
        folder.glob("*.safetensors.index.*.json")
    )
    found: dict[str, tuple[Path, ...]] = {}
    for index in indexes:
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            shards = tuple(folder / Path(str(name)).name for name in sorted(names))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(index, str(error)) from error
        found.setdefault(_index_variant(index.name), shards)
    sharded = {shard.name for shards in found.values() for shard in shards}
    for file in sorted(folder.glob("*.safetensors")):
        stem = file.name.removesuffix(".safetensors")
        if file.name not in sharded and "-of-" not in stem:
            found.setdefault(stem.partition(".")[2], (file,))
    if found:
        variant = next((name for name in ("", "fp16", "bf16") if name in found), min(found))
        return found[variant], variant
    pickles = [file for suffix in (".bin", *PICKLED_WEIGHTS) for file in folder.glob(f"*{suffix}")]
    if pickles:
        raise problem(
            "model_broken",
            "{file} is a pickle file, which can run code when it is loaded, so it was not opened."
            " Convert it to .safetensors, which runs nothing in it.",
            file=pickles[0],
        )
    raise missing_file(folder / "diffusion_pytorch_model.safetensors", folder)


def loaded_bytes(tensors: Tensors, floating: int) -> int:
    """Return the tensors' size in bytes if floating-point elements take `floating` bytes each."""
    return sum(
        tensor.elements * floating if tensor.dtype.startswith(("f", "bf")) else tensor.nbytes
        for tensor in tensors.values()
    )


def missing_file(path: Path, folder: Path | None = None) -> ProblemError:
    """Return the error for a missing file, or for a `folder` without weight files."""
    if folder is not None:
        return problem(
            "model_broken",
            "There is no .safetensors file in {folder}. Copy or download the model again.",
            folder=folder,
        )
    return problem(
        "model_broken",
        "{file} is missing. Copy or download the model again.",
        file=path,
    )


def _damaged(path: Path, detail: str) -> ProblemError:
    return problem(
        "model_broken",
        "{file} is damaged or incomplete. Copy or download it again.",
        detail=detail,
        file=path,
    )


def _index_variant(name: str) -> str:
    # `diffusion_pytorch_model.fp16.safetensors.index.json` in older files,
    # `diffusion_pytorch_model.safetensors.index.fp16.json` in newer ones.
    if name.endswith(_INDEX_SUFFIX):
        return name.removesuffix(_INDEX_SUFFIX).partition(".")[2]
    return name.removesuffix(".json").rpartition(".")[2]
