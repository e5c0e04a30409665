"""Interpret the opcodes of PyTorch's pickles without running code, in bounded time and memory.

Python's unpickler allocates what an opcode asks for, and hashes nested keys for ever. Here only
tensors and the containers that hold them are built. `pickletools.genops` reads the opcodes from
memory, so a length is never more than what is left of the file. A name that is not on a short
list is an error before anything is called ("Restricting Globals" in the documentation of
`pickle`).
"""

from __future__ import annotations

import io
import pickletools
from typing import Any

from msgspec import Struct

from studio.formats.weights.tensors import TensorInfo

MAX_OPCODES = 400_000
"""The largest upscalers have 30,000, checkpoints of Stable Diffusion 60,000."""
_MAX_DIMENSIONS = 64
_MAX_NUMBER = 2**80

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
_REBUILDERS = {"_rebuild_tensor", "_rebuild_tensor_v2"}


class PickleError(ValueError):
    """The pickle is damaged, too large, or contains what no model contains."""


class ForbiddenName(PickleError):
    """A pickle refers to a name that is not allowed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Storage(Struct, frozen=True):
    """The data of one or more tensors. `width` and `count` are bytes per element and elements."""

    dtype: str
    width: int
    key: str
    count: int


class PickledTensor(Struct, frozen=True):
    """A tensor, and where its elements are: offset and strides count elements of the storage."""

    info: TensorInfo
    storage: Storage
    offset: int
    strides: tuple[int, ...]


class _StorageKind(Struct, frozen=True):
    dtype: str
    width: int


class _Callable(Struct, frozen=True):
    name: str


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_IGNORED = {"PROTO", "FRAME"}
_NEW_LISTS = {"EMPTY_LIST", "EMPTY_SET"}
_ARGUMENTS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
"""Opcodes that push their argument."""


class TablePickle:
    """Reads one pickle. `storages` are those that its tensors use."""

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self, data: io.BytesIO) -> object:
        """Return the value of the pickle at the stream's position, which is moved behind it.

        Values of no use are left out or None. Raises `PickleError`.
        """
        try:
            for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
                if count > MAX_OPCODES:
                    raise PickleError("too many opcodes")
                if opcode.name == "STOP":
                    return self._stack.pop()
                self._step(opcode.name, argument)
        except PickleError:
            raise
        except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
            raise PickleError(f"{type(error).__name__}: {error}") from error
        raise PickleError("the pickle has no end")

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _ARGUMENTS:
            if isinstance(argument, int) and abs(argument) > _MAX_NUMBER:
                raise PickleError("a number is too large")
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[int(argument)])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name in _NEW_LISTS:
            stack.append([])
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            size = int(name[-1])
            stack[-size:] = [tuple(stack[-size:])]
        elif name == "POP":
            stack.pop()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name not in _IGNORED:
            self._step_rarer(name, argument)

    def _step_rarer(self, name: str, argument: Any) -> None:
        stack = self._stack
        match name:
            case "TUPLE":
                stack.append(tuple(self._marked()))
            case "LIST" | "FROZENSET":
                stack.append(self._marked())
            case "DICT":
                items = self._marked()
                stack.append({})
                self._set_items(items)
            case "POP_MARK":
                self._marked()
            case "APPEND":
                self._append([stack.pop()])
            case "APPENDS" | "ADDITEMS":
                self._append(self._marked())
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                self._set_items([key, value])
            case "SETITEMS":
                self._set_items(self._marked())
            case "GLOBAL":
                stack.append(_named(*str(argument).split(" ", 1)))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(_named(str(module), str(attribute)))
            case "INST":
                items = self._marked()
                stack.append(_call(_named(*str(argument).split(" ", 1)), tuple(items)))
            case "REDUCE" | "NEWOBJ":
                arguments, called = stack.pop(), stack.pop()
                stack.append(_call(called, arguments))
            case "BUILD":
                stack.pop()  # the state of an object, such as the versions of modules
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case _:
                raise PickleError(f"the opcode {name} is not supported")

    def _marked(self) -> list[Any]:
        """Remove and return what lies above the topmost mark."""
        items: list[Any] = []
        while (top := self._stack.pop()) is not _MARK:
            items.append(top)
        items.reverse()
        return items

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise PickleError("items for something that is not a list")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise PickleError("items for something that is not a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Other keys than texts name no tensors, and may take for ever to hash.
            if isinstance(key, str):
                target[key] = value

    def _storage(self, pid: Any) -> Storage:
        tag, kind, key, _device, count = pid[:5]
        if tag != "storage" or not isinstance(kind, _StorageKind) or not _is_size(count):
            raise PickleError("not a storage")
        if not isinstance(key, str | int):
            raise PickleError("a storage without a key")
        storage = Storage(kind.dtype, kind.width, str(key), count)
        self.storages[storage.key] = storage
        return storage


def _named(module: str, name: str) -> object:
    if (module, name) in (("collections", "OrderedDict"), ("typing", "OrderedDict")):
        return _Callable("OrderedDict")
    if module == "torch._utils" and name in _REBUILDERS:
        return _Callable("tensor")
    if (module, name) == ("torch._utils", "_rebuild_parameter"):
        return _Callable("parameter")
    if module in ("torch", "torch.storage") and name in _STORAGES:
        return _StorageKind(*_STORAGES[name])
    if module == "torch" and name in _DTYPES:
        return name
    if (module, name) == ("torch", "Size"):
        return _Callable("Size")
    if (module, name) == ("torch", "device"):
        return _Callable("device")
    raise ForbiddenName(f"{module}.{name}")


def _call(called: object, arguments: Any) -> object:
    if not isinstance(called, _Callable) or not isinstance(arguments, tuple):
        raise PickleError("a call of something else than a function")
    match called.name:
        case "OrderedDict":
            return {}
        case "tensor":
            return _tensor(*arguments[:4])
        case "parameter" | "Size":
            return arguments[0]
    return None


def _tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...] = ()
) -> PickledTensor:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple):
        raise PickleError("a tensor without a storage or a shape")
    if len(shape) > _MAX_DIMENSIONS or not all(_is_size(side) for side in shape):
        raise PickleError("a tensor with impossible sides")
    if not _is_size(offset) or not isinstance(strides, tuple) or not all(map(_is_size, strides)):
        raise PickleError("a tensor with impossible strides")
    info = TensorInfo(shape, storage.dtype, 0)
    sized = TensorInfo(shape, info.dtype, info.elements * storage.width)
    return PickledTensor(sized, storage, offset, strides)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
