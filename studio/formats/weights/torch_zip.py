"""Read the tensor table of a PyTorch `.pth` file without running code from it.

Unpickling can call any function by name; `torch_pickle` interprets the opcodes instead. Both the
zip container of PyTorch 1.6 and later and the legacy sequence of pickles are supported.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from studio.formats.weights.open_weights import open_weights
from studio.formats.weights.tensors import Tensors
from studio.formats.weights.torch_pickle import (
    ForbiddenName,
    PickledTensor,
    PickleError,
    TablePickle,
)
from studio.formats.weights.zip_directory import ZipError, data_offset, read_directory, read_member
from studio.protocol import ProblemError, problem

MAX_PICKLE = 8 * 2**20
"""Bytes. The pickles of the largest upscalers are far below 1 MB."""

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

_WRAPPERS = (
    "model_state_dict",
    "state_dict",
    "params_ema",
    "params-ema",
    "params",
    "model",
    "net",
)
"""Keys under which training scripts store the weights, in spandrel's order of lookup."""

_PREFIXES = ("module.", "netG.")


def read_torch_tensors(path: Path) -> Tensors:
    """Return the tensors in `path`, unwrapped like spandrel does.

    Raises `ProblemError`: `bad_input` if the file would run code or has an unsupported format,
    `model_broken` if it is truncated or damaged, `model_missing` if it cannot be opened.
    """
    found = read_torch_file(path).tensors
    for prefix in _PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name[len(prefix) :]: tensor for name, tensor in found.items()}
    return {name: tensor.info for name, tensor in found.items()}


class TorchFile(Struct, frozen=True):
    """The tensors of a file by name, and where the data of each storage begins in it."""

    tensors: dict[str, PickledTensor]
    storages: dict[str, int]


def read_torch_file(path: Path) -> TorchFile:
    """Return the tensors in `path` and their places. Raises as `read_torch_tensors`."""
    with open_weights(path) as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(b"PK"):
            content, storages = _read_zip(path, file)
        elif start.startswith(b"\x80"):
            content, storages = _read_legacy(path, file)
        else:
            raise problem(
                "bad_input",
                "The file {file} is not a PyTorch model that can be read. Look for a "
                ".safetensors or .pth file of the same model.",
                file=path.name,
            )
    tensors = _unwrap(content)
    if not tensors:
        raise problem(
            "bad_input",
            "The file {file} contains no weights. Look for the model's own .pth or .safetensors "
            "file.",
            file=path.name,
        )
    return TorchFile(tensors, storages)


def _read_zip(path: Path, file: BinaryIO) -> tuple[object, dict[str, int]]:
    try:
        members = read_directory(file)
        pickles = [name for name in members if name.split("/", 1)[-1] == "data.pkl"]
        if any("/code/" in name for name in members):
            raise problem(
                "bad_input",
                "The file {file} is a TorchScript program, which could run code. "
                "Look for plain weights of the same model (.safetensors or .pth).",
                file=path.name,
            )
        if len(pickles) != 1:
            raise problem(
                "bad_input",
                "The file {file} is a zip archive without PyTorch weights. "
                "Unpack it and add the model that is inside.",
                file=path.name,
            )
        table = read_member(file, members[pickles[0]], MAX_PICKLE)
    except ZipError as error:
        raise _damaged(path, str(error)) from error
    reader = TablePickle()
    content = _load(path, reader, io.BytesIO(table))
    prefix = pickles[0].removesuffix("data.pkl")
    places: dict[str, int] = {}
    try:
        order = members.get(f"{prefix}byteorder")
        if order is not None and read_member(file, order, 10) != b"little":
            raise ZipError("the numbers are not little-endian")
        for storage in reader.storages.values():
            member = members.get(f"{prefix}data/{storage.key}")
            if member is None or member.size < storage.count * storage.width:
                raise _damaged(path, f"storage {storage.key} is missing or short")
            places[storage.key] = data_offset(file, member)
    except ZipError as error:
        raise _damaged(path, str(error)) from error
    return content, places


def _read_legacy(path: Path, file: BinaryIO) -> tuple[object, dict[str, int]]:
    """Read the legacy format: magic number, version, system info, content, storage keys, data."""
    size = file.seek(0, 2)
    file.seek(0)
    data = io.BytesIO(file.read(MAX_PICKLE))
    if _load(path, TablePickle(), data) != _LEGACY_MAGIC:
        raise problem(
            "bad_input",
            "The file {file} is a Python pickle, but not a PyTorch model. Look for a .safetensors "
            "or .pth file of the same model.",
            file=path.name,
        )
    _load(path, TablePickle(), data)
    _load(path, TablePickle(), data)
    reader = TablePickle()
    content = _load(path, reader, data)
    keys = _load(path, TablePickle(), data)
    needed = sum(8 + storage.count * storage.width for storage in reader.storages.values())
    if size - data.tell() < needed:
        raise _damaged(path, "the weights are cut off")
    places: dict[str, int] = {}
    at = data.tell()
    for key in keys if isinstance(keys, list) else []:
        storage = reader.storages.get(str(key))
        if storage is None:
            raise _damaged(path, f"storage {str(key)[:100]} is unknown")
        places[storage.key] = at + 8  # after the number of elements
        at += 8 + storage.count * storage.width
    return content, places


def _load(path: Path, reader: TablePickle, data: io.BytesIO) -> object:
    try:
        return reader.load(data)
    except ForbiddenName as error:
        raise problem(
            "bad_input",
            "The file {file} would run Python code ({name}) when opened, so it was refused. "
            "Use a .safetensors file of the same model, from a source you trust.",
            file=path.name,
            name=error.name,
        ) from error
    except PickleError as error:
        raise _damaged(path, str(error)) from error


def _unwrap(content: object) -> dict[str, PickledTensor]:
    if not isinstance(content, dict):
        return {}
    table: dict[object, object] = content
    for key in _WRAPPERS:
        inner = table.get(key)
        if isinstance(inner, dict):
            table = inner
            break
    if len(table) == 1:
        (only,) = table.values()
        table = only if isinstance(only, dict) else table
    return {str(k): v for k, v in table.items() if isinstance(v, PickledTensor)}


def _damaged(path: Path, detail: str) -> ProblemError:
    return problem(
        "model_broken",
        "The model file {file} is incomplete or damaged. Download it again.",
        detail=f"{path}: {detail}",
        file=path.name,
    )
