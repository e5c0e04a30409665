"""Read the header of a safetensors file and check it against the file's size.

Format: header length as 8 bytes little-endian, JSON header, then the data that the offsets in the
header refer to (https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.tensors import TensorInfo, Tensors
from studio.protocol import problem

MAX_HEADER = 100_000_000
"""Bytes. The limit of the safetensors library itself."""

_BYTES_PER_ELEMENT = {
    "BOOL": 1.0,
    "U8": 1.0,
    "I8": 1.0,
    "F8_E4M3": 1.0,
    "F8_E5M2": 1.0,
    "F8_E8M0": 1.0,
    "F8_E4M3FNUZ": 1.0,
    "F8_E5M2FNUZ": 1.0,
    "F4": 0.5,
    "F6_E2M3": 0.75,
    "F6_E3M2": 0.75,
    "U16": 2.0,
    "I16": 2.0,
    "F16": 2.0,
    "BF16": 2.0,
    "U32": 4.0,
    "I32": 4.0,
    "F32": 4.0,
    "C64": 8.0,
    "U64": 8.0,
    "I64": 8.0,
    "F64": 8.0,
}


class _Entry(Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


class SafetensorsHeader(Struct, frozen=True):
    """The tensors and metadata of a file, and its size in bytes."""

    tensors: Tensors
    metadata: dict[str, str]
    size: int


def read_safetensors_header(path: Path) -> SafetensorsHeader:
    """Read and check the header of `path`.

    Raises `ProblemError`: `model_broken` if the file is truncated, is not a safetensors file or
    has a tensor whose offsets do not match its shape, `model_missing` if it cannot be opened.
    Messages contain the full path, since files of different components often share a name.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > MAX_HEADER:
                raise _not_safetensors(path)
            if length > size - 8:
                raise _cut_off(path, 8 + length, size)
            raw = file.read(length)
    except OSError as error:
        raise problem(
            "model_missing",
            "The model file {file} cannot be read. Check that it exists and that you may open it.",
            detail=str(error),
            file=path,
        ) from error
    try:
        entries = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        metadata_raw = entries.pop("__metadata__", None)
        metadata = msgspec.json.decode(metadata_raw, type=dict[str, str]) if metadata_raw else {}
        parsed = {name: msgspec.json.decode(entry, type=_Entry) for name, entry in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_safetensors(path, str(error)) from error
    data_size = size - 8 - length
    tensors: Tensors = {}
    for name, entry in parsed.items():
        start, end = entry.data_offsets
        info = TensorInfo(entry.shape, entry.dtype.lower(), end - start)
        if end > data_size:
            raise _cut_off(path, 8 + length + max(e.data_offsets[1] for e in parsed.values()), size)
        width = _BYTES_PER_ELEMENT.get(entry.dtype)
        if start < 0 or end < start or (width and int(info.elements * width) != info.nbytes):
            raise problem(
                "model_broken",
                "The model file {file} is damaged: its header does not match its data. Download it"
                " again.",
                detail=f"{name}: {entry}",
                file=path,
            )
        tensors[name] = info
    return SafetensorsHeader(tensors, metadata, size)


def _cut_off(path: Path, expected: int, size: int) -> Exception:
    return problem(
        "model_broken",
        "The model file {file} is incomplete: {missing} MB of {expected} MB are missing. Download "
        "it again.",
        detail=f"{path}: {size} of {expected} bytes",
        file=path,
        missing=f"{(expected - size) / 1e6:.1f}",
        expected=f"{expected / 1e6:.1f}",
    )


def _not_safetensors(path: Path, detail: str = "") -> Exception:
    return problem(
        "model_broken",
        "The file {file} is named .safetensors but is not a safetensors file. Download it again.",
        detail=detail or str(path),
        file=path,
    )
