"""PyTorch files: pickles, which are programs."""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
import struct
import zipfile
from pathlib import Path

from hypothesis import strategies as st

from studio.formats.weights.torch_zip import read_torch_tensors
from studio.models.identify import describe_path
from studio.protocol import ProblemError
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import damaged, fuzz, is_on_demand


class _Named:
    """Pickled as a global of this name, which need not be there."""

    def __init__(self, module: str, name: str) -> None:
        self.text = f"{module}\n{name}\n".encode()


class _Call:
    """Pickled as the call of a function."""

    def __init__(self, function: _Named, *arguments: object) -> None:
        self.function = function
        self.arguments = arguments


class _Storage:
    def __init__(self, key: str, count: int) -> None:
        self.key = key
        self.count = count


def _table(value: object) -> bytes:
    """Return a pickle of dictionaries, tuples, numbers, texts and the above."""
    return b"\x80\x02" + _program(value) + pickle.STOP


def _program(value: object) -> bytes:
    match value:
        case _Named():
            return pickle.GLOBAL + value.text
        case _Call():
            return _program(value.function) + _program(value.arguments) + pickle.REDUCE
        case _Storage():
            kind = _Named("torch", "FloatStorage")
            return _program(("storage", kind, value.key, "cpu", value.count)) + pickle.BINPERSID
        case tuple():
            return pickle.MARK + b"".join(map(_program, value)) + pickle.TUPLE
        case dict():
            items = b"".join(_program(part) for item in value.items() for part in item)
            return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
        case str():
            text = value.encode()
            return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
        case bool():
            return pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            return pickle.BININT + struct.pack("<i", value)
        case _:
            raise TypeError(type(value).__name__)


def _tensor(key: str, *shape: int) -> _Call:
    count = 1
    for side in shape:
        count *= side
    rebuild = _Named("torch._utils", "_rebuild_tensor_v2")
    return _Call(rebuild, _Storage(key, count), 0, tuple(shape), (1,), False, {})


@functools.cache
def _tables() -> tuple[bytes, ...]:
    weights = {"conv.weight": _tensor("0", 4, 4), "conv.bias": _tensor("1", 4)}
    hostile = {"x": _Call(_Named("os", "system"), "touch /tmp/outside")}
    return _table(weights), _table({"params_ema": weights}), _table(hostile)


def zipped(table: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip as PyTorch writes it, around a table of contents."""
    file = io.BytesIO()
    parts = {"data.pkl": table, "data/0": bytes(64), "data/1": bytes(16)}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            # Of no time, so that the same bytes come out each time.
            archive.writestr(zipfile.ZipInfo(f"model/{name}"), content, method)
    return file.getvalue()


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    def call() -> None:
        with contextlib.suppress(ProblemError):
            read_torch_tensors(path)
        describe_path(path)

    bounded("pickle", path.parent, call, ProblemError, forked=True)


def test_the_whole_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(zipped(_tables()[0]))
    assert read_torch_tensors(path).keys() == {"conv.weight", "conv.bias"}


@fuzz(120, data=st.deferred(lambda: damaged(_tables())))
def test_a_damaged_table_of_tensors_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "model.pth", zipped(data))


_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)


@fuzz(
    120,
    data=st.deferred(
        lambda: damaged([zipped(table, how) for table in _tables() for how in _METHODS])
    ),
)
def test_a_damaged_archive_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "model.pth", data)


_LEGACY_HEAD = (
    pickle.dumps(0x1950A86A20F9469CFC6C, 2),
    pickle.dumps(1001, 2),
    pickle.dumps({}, 2),
)

_OPCODES = st.sampled_from(
    (
        pickle.MARK,
        pickle.POP,
        pickle.DUP,
        pickle.EMPTY_DICT,
        pickle.EMPTY_LIST,
        pickle.EMPTY_TUPLE,
        pickle.TUPLE,
        pickle.TUPLE1,
        pickle.TUPLE2,
        pickle.DICT,
        pickle.LIST,
        pickle.SETITEM,
        pickle.SETITEMS,
        pickle.APPEND,
        pickle.REDUCE,
        pickle.BUILD,
        pickle.BINPERSID,
        pickle.NONE,
        pickle.NEWTRUE,
        pickle.BINPUT + b"\0",
        pickle.BINGET + b"\0",
        pickle.LONG_BINPUT + struct.pack("<I", 2**28),
        pickle.LONG_BINGET + struct.pack("<I", 2**31),
        pickle.BININT + struct.pack("<i", -1),
        pickle.LONG1 + b"\xff" + b"\x7f" * 255,
        pickle.LONG4 + struct.pack("<i", 2**30),
        pickle.BINUNICODE + struct.pack("<I", 3) + b"abc",
        pickle.BINUNICODE8 + struct.pack("<Q", 2**40),
        pickle.BINBYTES8 + struct.pack("<Q", 2**62),
        pickle.BYTEARRAY8 + struct.pack("<Q", 2**31),
        pickle.FRAME + struct.pack("<Q", 2**33),
        pickle.INT + b"9" * 5_000 + b"\n",
        pickle.LONG + b"9" * 5_000 + b"L\n",
        pickle.FLOAT + b"1e999\n",
        pickle.GLOBAL + b"torch._utils\n_rebuild_tensor_v2\n",
        pickle.GLOBAL + b"torch\nFloatStorage\n",
        pickle.GLOBAL + b"torch\nSize\n",
        pickle.GLOBAL + b"collections\nOrderedDict\n",
        pickle.GLOBAL + b"os\nsystem\n",
        pickle.GLOBAL + b"builtins\neval\n",
        pickle.INST + b"collections\nOrderedDict\n",
        pickle.EXT1 + b"\1",
        pickle.STOP,
    )
)


@fuzz(200, opcodes=st.lists(_OPCODES, max_size=25), is_legacy=st.booleans())
def test_any_program_is_read_or_refused(
    tmp_path: Path, opcodes: list[bytes], is_legacy: bool
) -> None:
    program = b"\x80\x02" + b"".join(opcodes) + pickle.STOP
    if is_legacy:
        head = b"".join(_LEGACY_HEAD)
        read(tmp_path / "model.pth", head + program)
    else:
        read(tmp_path / "model.pth", zipped(program))


@fuzz(
    30,
    depth=st.integers(1, 60 if is_on_demand() else 16),
    ending=st.sampled_from((b"}", b"N", b"]")),
)
def test_a_nested_key_is_read_or_refused(tmp_path: Path, depth: int, ending: bytes) -> None:
    # Each tuple holds the one before it twice: its hash takes 2 ** depth steps.
    tuples = (pickle.DUP + pickle.TUPLE2) * depth
    program = b"\x80\x02" + pickle.EMPTY_DICT + pickle.NONE + tuples + ending + pickle.SETITEM
    read(tmp_path / "model.pth", zipped(program + pickle.STOP))
