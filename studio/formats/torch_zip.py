"""Read the tensor table of a PyTorch `.pth` file without running code from it.

Unpickling can call any function by name. This reader resolves only a short list of names, to
stubs that record shapes, and raises on any other name before anything is called ("Restricting
Globals" in the documentation of `pickle`). Both the zip container of PyTorch 1.6 and later and
the legacy sequence of pickles are supported.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from studio.formats.tensors import TensorInfo, Tensors
from studio.protocol import ProblemError, problem

MAX_PICKLE = 64 * 2**20
"""Bytes. The pickles of the largest upscalers are far below 1 MB."""

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

_STORAGES = {
    "FloatStorage": ("f32", 4),
    "HalfStorage": ("f16", 2),
    "BFloat16Storage": ("bf16", 2),
    "DoubleStorage": ("f64", 8),
    "LongStorage": ("i64", 8),
    "IntStorage": ("i32", 4),
    "ShortStorage": ("i16", 2),
    "CharStorage": ("i8", 1),
    "ByteStorage": ("u8", 1),
    "BoolStorage": ("bool", 1),
    "UntypedStorage": ("u8", 1),
}
_DTYPES = {"float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "bool"}

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


class _StorageKind(Struct, frozen=True):
    dtype: str
    width: int


class _Storage(Struct, frozen=True):
    dtype: str
    width: int
    key: str
    count: int


def read_torch_tensors(path: Path) -> Tensors:
    """Return the tensors in `path`, unwrapped like spandrel does.

    Raises `ProblemError`: `bad_input` if the file would run code or has an unsupported format,
    `model_broken` if it is truncated or damaged, `model_missing` if it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start.startswith(b"PK"):
                content = _read_zip(path, file)
            elif start.startswith(b"\x80"):
                content = _read_legacy(path, file)
            else:
                raise problem(
                    "bad_input",
                    "The file {file} is not a PyTorch model that can be read. Look for a "
                    ".safetensors or .pth file of the same model.",
                    file=path.name,
                )
    except OSError as error:
        raise problem(
            "model_missing",
            "The model file {file} cannot be read. Check that it exists and that you may open it.",
            detail=str(error),
            file=path,
        ) from error
    tensors = _unwrap(content)
    if not tensors:
        raise problem(
            "bad_input",
            "The file {file} contains no weights. Look for the model's own .pth or .safetensors "
            "file.",
            file=path.name,
        )
    return tensors


def _read_zip(path: Path, file: IO[bytes]) -> object:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise _damaged(path, str(error)) from error
    with archive:
        names = archive.namelist()
        pickles = [name for name in names if name.split("/", 1)[-1] == "data.pkl"]
        if any("/code/" in name for name in names):
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
        if archive.getinfo(pickles[0]).file_size > MAX_PICKLE:
            raise _damaged(path, "the table of contents is too large")
        try:
            table = archive.read(pickles[0])
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise _damaged(path, str(error)) from error
        reader = _TableReader(io.BytesIO(table))
        content = _load(path, reader)
        prefix = pickles[0].removesuffix("data.pkl") + "data/"
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        for storage in reader.storages.values():
            if sizes.get(prefix + storage.key, -1) < storage.count * storage.width:
                raise _damaged(path, f"storage {storage.key} is missing or short")
    return content


def _read_legacy(path: Path, file: IO[bytes]) -> object:
    """Read the legacy format: magic number, version, system info, content, storage keys, data."""
    if _load(path, _TableReader(file)) != _LEGACY_MAGIC:
        raise problem(
            "bad_input",
            "The file {file} is a Python pickle, but not a PyTorch model. Look for a .safetensors "
            "or .pth file of the same model.",
            file=path.name,
        )
    _load(path, _TableReader(file))
    _load(path, _TableReader(file))
    reader = _TableReader(file)
    content = _load(path, reader)
    _load(path, _TableReader(file))
    needed = sum(8 + storage.count * storage.width for storage in reader.storages.values())
    if path.stat().st_size - file.tell() < needed:
        raise _damaged(path, "the weights are cut off")
    return content


def _load(path: Path, reader: _TableReader) -> object:
    try:
        return reader.load()
    except ForbiddenName as error:
        raise problem(
            "bad_input",
            "The file {file} would run Python code ({name}) when opened, so it was refused. "
            "Use a .safetensors file of the same model, from a source you trust.",
            file=path.name,
            name=error.name,
        ) from error
    except (ProblemError, OSError):
        raise
    except Exception as error:  # unpickling damaged data can raise anything
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


class ForbiddenName(pickle.UnpicklingError):
    """A pickle refers to a name that is not allowed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _TableReader(pickle.Unpickler):
    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("collections", "OrderedDict"), ("typing", "OrderedDict")):
            return OrderedDict
        if module == "torch._utils" and name in _REBUILDERS:
            return _REBUILDERS[name]
        if module in ("torch", "torch.storage") and name in _STORAGES:
            return _StorageKind(*_STORAGES[name])
        if module == "torch" and name in _DTYPES:
            return name
        if (module, name) == ("torch", "Size"):
            return tuple
        if (module, name) == ("torch", "device"):
            return _device
        raise ForbiddenName(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        tag, kind, key, _device_name, count = pid[:5]
        if tag != "storage" or not isinstance(kind, _StorageKind) or not isinstance(count, int):
            raise pickle.UnpicklingError("not a storage")
        storage = _Storage(kind.dtype, kind.width, str(key), count)
        self.storages[storage.key] = storage
        return storage


def _rebuild_tensor(
    storage: _Storage, _offset: int, shape: tuple[int, ...], *_: object
) -> TensorInfo:
    info = TensorInfo(tuple(int(side) for side in shape), storage.dtype, 0)
    return TensorInfo(info.shape, info.dtype, info.elements * storage.width)


def _rebuild_parameter(data: TensorInfo, *_: object) -> TensorInfo:
    return data


def _device(*_: object) -> str:
    return "cpu"


_REBUILDERS: dict[str, Callable[..., TensorInfo]] = {
    "_rebuild_tensor": _rebuild_tensor,
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_parameter": _rebuild_parameter,
}


def _unwrap(content: object) -> Tensors:
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
    tensors = {str(k): v for k, v in table.items() if isinstance(v, TensorInfo)}
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name[len(prefix) :]: info for name, info in tensors.items()}
    return tensors


def _damaged(path: Path, detail: str) -> ProblemError:
    return problem(
        "model_broken",
        "The model file {file} is incomplete or damaged. Download it again.",
        detail=f"{path}: {detail}",
        file=path.name,
    )
