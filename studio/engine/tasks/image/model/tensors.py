"""What a safetensors file holds, read from its header alone: names, shapes, bytes.

Nothing but safetensors is ever read: a pickle can run code, a safetensors file cannot.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.protocol import ProblemError, problem

_MAX_HEADER = 100_000_000

_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "F64": 8,
    "I64": 8,
    "U64": 8,
}

_INDEX_SUFFIX = ".safetensors.index.json"


@dataclass(frozen=True)
class Tensor:
    """One tensor as the header describes it. `dtype` is the header's own word, e.g. `BF16`."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, Tensor]:
    """Return name → tensor of a safetensors file, having checked that the file is whole.

    Format: https://github.com/huggingface/safetensors#format. Raises `ProblemError`
    (`model_broken`) naming the file when it is missing, cut short or no safetensors file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(_MAX_HEADER, max(0, size - 8)):
                raise ValueError(f"a header of {length} bytes in a file of {size} bytes")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("the header is no JSON object")
        header.pop("__metadata__", None)
        tensors = {
            name: Tensor(tuple(int(side) for side in entry["shape"]), str(entry["dtype"]))
            for name, entry in header.items()
        }
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, str(error)) from error
    if size < 8 + length + end:
        raise damaged(path, f"{size} bytes, of which {8 + length + end} are needed")
    return tensors


def weight_files(folder: Path) -> tuple[tuple[Path, ...], str]:
    """Return the weight files of one component's folder, and their variant (e.g. `fp16`).

    The full-precision files win over a variant. Every shard that an index names is returned,
    whether it exists or not. Raises `ProblemError` (`model_broken`) when there is none, with a
    sentence of its own when there are only pickle files.
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
            raise damaged(index, str(error)) from error
        found.setdefault(_index_variant(index.name), shards)
    sharded = {shard.name for shards in found.values() for shard in shards}
    for file in sorted(folder.glob("*.safetensors")):
        stem = file.name.removesuffix(".safetensors")
        if file.name not in sharded and "-of-" not in stem:
            found.setdefault(stem.partition(".")[2], (file,))
    if found:
        variant = next((name for name in ("", "fp16", "bf16") if name in found), min(found))
        return found[variant], variant
    pickles = [
        file for suffix in ("*.bin", "*.ckpt", "*.pt", "*.pth") for file in folder.glob(suffix)
    ]
    if pickles:
        raise problem(
            "model_broken",
            "{file} is a pickle file, which could run code of its own, so it is not opened. Get"
            " the same model with .safetensors files.",
            file=pickles[0],
        )
    raise missing(folder / "diffusion_pytorch_model.safetensors", folder)


def loaded_bytes(tensors: Mapping[str, Tensor], floating: int) -> int:
    """Return the bytes the tensors take when floating-point ones are loaded as `floating` bytes."""
    return sum(
        tensor.count
        * (floating if tensor.dtype.startswith(("F", "BF")) else _BYTES.get(tensor.dtype, 4))
        for tensor in tensors.values()
    )


def missing(path: Path, folder: Path | None = None) -> ProblemError:
    """Return the error for a weight file that is not there."""
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


def damaged(path: Path, detail: str) -> ProblemError:
    """Return the error for a file that is cut short or is not what it says it is."""
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
