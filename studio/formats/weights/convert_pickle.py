"""Writes the tensors of a PyTorch file as safetensors, without running code from it.

Tensors are copied bit for bit and one after the other, so that memory does not grow with the file.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from studio.formats.atomic_write import publish, temporary_file, write_atomic
from studio.formats.suffixes import CONVERTIBLE_WEIGHTS
from studio.formats.untrusted_files import is_file, is_folder, open_regular, user_path
from studio.formats.weights.torch_pickle import PickledTensor
from studio.formats.weights.torch_zip import TorchFile, read_torch_file
from studio.protocol import problem

_BLOCK = 4 * 2**20
_MAX_GROWTH = 4
"""A tensor may be stored once for several names; a file that grows more is not a model."""
_DTYPES = {
    "f32": "F32",
    "f16": "F16",
    "bf16": "BF16",
    "f64": "F64",
    "i64": "I64",
    "i32": "I32",
    "i16": "I16",
    "i8": "I8",
    "u8": "U8",
    "bool": "BOOL",
}


def convertible_files(path: Path) -> tuple[Path, ...]:
    """Return the PyTorch files at `path`, a file or a folder, that have no safetensors beside."""
    path = user_path(path)
    if is_file(path):
        return (path,) if path.suffix.lower() in CONVERTIBLE_WEIGHTS else ()
    if not is_folder(path):
        return ()
    found = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in CONVERTIBLE_WEIGHTS)
    return tuple(file for file in found if is_file(file) and not target_of(file).exists())


def target_of(source: Path, folder: Path | None = None) -> Path:
    """Return the path of the converted file, named as transformers and diffusers expect."""
    stem = source.stem
    if stem.startswith("pytorch_model"):
        stem = "model" + stem.removeprefix("pytorch_model")
    return (folder or source.parent) / f"{stem}.safetensors"


def convert_to_safetensors(
    source: Path, folder: Path | None = None, check: Callable[[], None] = lambda: None
) -> Path:
    """Write a PyTorch file as safetensors; return the new path, in `folder` or beside the file.

    `check` is called every few megabytes and may raise to cancel. Raises `ProblemError`:
    `bad_input` if the file would run code, has no weights, or the new file exists already;
    `model_broken` if it is damaged; `disk_full` or others if the new one cannot be written.
    """
    source = user_path(source)
    target = target_of(source, folder)
    if target.exists():
        raise problem("bad_input", "There is already a file {path}.", path=target)
    content = read_torch_file(source)
    tensors = content.tensors
    size = sum(tensor.info.nbytes for tensor in tensors.values())
    for name, tensor in tensors.items():
        if not _is_inside(tensor, content):
            raise problem(
                "model_broken",
                "The model file {file} is incomplete or damaged. Download it again.",
                detail=f"{name[:200]} lies outside its storage",
                file=source.name,
            )
    if size > _MAX_GROWTH * source.stat().st_size:
        raise problem(
            "bad_input",
            "The file {file} says that it contains {size} MB, more than it can. It is not a model.",
            file=source.name,
            size=f"{size / 1e6:.0f}",
        )
    try:
        if shutil.disk_usage(target.parent).free < size:
            raise OSError(28, os.strerror(28))
        with open_regular(source) as file, temporary_file(target) as (out, temporary):
            out.write(_header(tensors))
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                for tensor in tensors.values():
                    for block in _blocks(data, tensor, content.storages[tensor.storage.key]):
                        check()
                        out.write(block)
            publish(out, temporary, target)
    except OSError as error:
        raise problem(
            "disk_full" if error.errno == 28 else "bad_input",
            "The file {path} cannot be written: {reason}.",
            path=target,
            reason=error.strerror or str(error),
        ) from error
    return target


def convert_index(source: Path) -> Path | None:
    """Write the index of a sharded model for its converted files; None if there is none.

    Raises `ProblemError` (`bad_input`) if it cannot be read or written.
    """
    for name in ("pytorch_model.bin.index.json", "diffusion_pytorch_model.bin.index.json"):
        index = source.parent / name
        if not is_file(index) or not source.name.startswith(name.partition(".")[0]):
            continue
        target = index.with_name(
            target_of(Path(name.removesuffix(".index.json"))).name + ".index.json"
        )
        try:
            content = json.loads(index.read_text("utf-8"))
            weight_map = {
                str(key): target_of(Path(str(file))).name
                for key, file in content["weight_map"].items()
            }
            # Not through a link in the place of the file.
            write_atomic(
                target, json.dumps({"metadata": {}, "weight_map": weight_map}).encode("utf-8")
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise problem(
                "bad_input",
                "The file {path} cannot be written: {reason}.",
                path=target,
                reason=str(error),
            ) from error
        return target
    return None


def _is_inside(tensor: PickledTensor, content: TorchFile) -> bool:
    shape, strides = tensor.info.shape, tensor.strides
    if tensor.storage.key not in content.storages or len(strides) != len(shape):
        return False
    if tensor.info.elements == 0:
        return True
    last = sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    return tensor.offset + last < tensor.storage.count


def _header(tensors: dict[str, PickledTensor]) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        end = at + tensor.info.nbytes
        dtype, shape = _DTYPES[tensor.info.dtype], list(tensor.info.shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _blocks(data: mmap.mmap, tensor: PickledTensor, place: int) -> Iterator[bytes]:
    """Yield the elements in the order of the shape, a few megabytes at a time."""
    import numpy as np

    width = tensor.storage.width
    if tensor.info.elements == 0:
        return
    start = place + tensor.offset * width
    if _is_contiguous(tensor):
        for at in range(start, start + tensor.info.nbytes, _BLOCK):
            yield data[at : min(at + _BLOCK, start + tensor.info.nbytes)]
        return
    values: np.ndarray[tuple[int, ...], np.dtype[np.void]] = np.ndarray(
        tensor.info.shape,
        np.dtype(f"V{width}"),
        data,
        start,
        tuple(stride * width for stride in tensor.strides),
    )
    try:
        rows = max(1, _BLOCK // max(1, tensor.info.nbytes // tensor.info.shape[0]))
        for row in range(0, tensor.info.shape[0], rows):
            yield np.ascontiguousarray(values[row : row + rows]).tobytes()
    finally:
        del values  # which keeps the file mapped


def _is_contiguous(tensor: PickledTensor) -> bool:
    expected = 1
    for side, stride in zip(reversed(tensor.info.shape), reversed(tensor.strides), strict=True):
        if side != 1 and stride != expected:
            return False
        expected *= side
    return True
