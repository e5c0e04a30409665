"""Read the header of a safetensors file and check it against the file's size.

Format: header length as 8 bytes little-endian, JSON header, then the data that the offsets in the
header refer to (https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from studio.formats.weights.open_weights import open_weights
from studio.formats.weights.tensors import TensorInfo, Tensors
from studio.protocol import problem

MAX_HEADER = 24 * 2**20
"""Bytes. Headers have some 100 bytes per tensor; the largest models have less than 10 MB."""
_MAX_VALUES = 500_000
"""Values in a header, four for each tensor."""
_MAX_STRINGS = 5 * _MAX_VALUES // 4
"""Names and texts in a header, five for each tensor."""
_MAX_ENTRY = 2_000
"""Bytes of the entry of one tensor, which is some 80 bytes long."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)

_BITS_PER_ELEMENT = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U16": 16,
    "I16": 16,
    "F16": 16,
    "BF16": 16,
    "U32": 32,
    "I32": 32,
    "F32": 32,
    "C64": 64,
    "U64": 64,
    "I64": 64,
    "F64": 64,
}


_Size: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _Entry(Struct, frozen=True):
    dtype: str
    shape: tuple[_Size, ...]
    data_offsets: tuple[_Size, _Size]


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
    with open_weights(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > MAX_HEADER:
            raise _not_safetensors(path)
        if length > size - 8:
            raise _cut_off(path, 8 + length, size)
        raw = file.read(length)
    try:
        # Texts in the metadata may contain any number of colons.
        if raw.count(b":") > _MAX_VALUES and _has_too_many_strings(raw):
            raise _not_safetensors(path, "too many tensors")
        entries = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        metadata_raw = entries.pop("__metadata__", None)
        metadata = msgspec.json.decode(metadata_raw, type=dict[str, str]) if metadata_raw else {}
        if any(memoryview(entry).nbytes > _MAX_ENTRY for entry in entries.values()):
            raise _not_safetensors(path, "the description of a tensor is too long")
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
        bits = _BITS_PER_ELEMENT.get(entry.dtype)
        if end < start or (bits and info.elements * bits // 8 != info.nbytes):
            raise problem(
                "model_broken",
                "The model file {file} is damaged: its header does not match its data. Download it"
                " again.",
                detail=f"{name[:200]}: {entry}",
                file=path,
            )
        tensors[name] = info
    return SafetensorsHeader(tensors, metadata, size)


def _has_too_many_strings(header: bytes) -> bool:
    return any(count > _MAX_STRINGS for count, _ in enumerate(_STRING.finditer(header)))


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
