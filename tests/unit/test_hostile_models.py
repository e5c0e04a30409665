"""Files that are damaged, malicious or unreadable do not keep other models from being listed."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.models.identify import describe_path
from studio.models.registry import Registry
from studio.protocol import ProblemError
from studio.settings import Paths
from tests.unit.model_files import write_gguf, write_json, write_llama, write_pipeline

MEMORY = 1_000_000_000
"""Bytes of address space for a process that lists models: Python and its libraries included."""


def write_pth(path: Path, table: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("model/data.pkl", table)
    return path


def overwrite(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def safetensors(path: Path, header: bytes) -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def tensor(shape: str, name: str = "w", offsets: str = "0,0") -> bytes:
    return f'{{"{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{offsets}]}}}}'.encode()


def dangling_link(folder: Path) -> None:
    (folder / "gone").symlink_to(folder / "nothing")


def link_loop(folder: Path) -> None:
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "loop.gguf").symlink_to(folder / "loop.gguf")


def folder_loop(folder: Path) -> None:
    snapshots = folder / "models--a--b" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "main").symlink_to(folder / "models--a--b", target_is_directory=True)


def pipes(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.gguf")
    for place in (folder / "x" / "config.json", folder / "y" / "README.md"):
        place.parent.mkdir()
        os.mkfifo(place)
    write_llama(folder / "z")
    os.mkfifo(folder / "z" / "README.md")
    pipeline = write_pipeline(folder / "p")
    (pipeline / "scheduler" / "scheduler_config.json").unlink()
    os.mkfifo(pipeline / "scheduler" / "scheduler_config.json")


def deep_config(folder: Path) -> None:
    write_llama(folder / "x")
    (folder / "x" / "config.json").write_text('{"a":' + "[" * 200_000 + "]" * 200_000 + "}")


def deep_index(folder: Path) -> None:
    write_pipeline(folder / "x")
    (folder / "x" / "model_index.json").write_text("[" * 200_000)


def long_component(folder: Path) -> None:
    pipeline = write_pipeline(folder / "x")
    index = json.loads((pipeline / "model_index.json").read_text())
    write_json(pipeline / "model_index.json", {**index, "c" * 300: ["diffusers", "X"]})


def component_outside(folder: Path) -> None:
    pipeline = write_pipeline(folder / "x")
    index = json.loads((pipeline / "model_index.json").read_text())
    write_json(pipeline / "model_index.json", {**index, "../x/unet": ["diffusers", "X"]})


def long_model_type(folder: Path) -> None:
    write_llama(folder / "x", model_type="m" * 300, auto_map={"a": "b"})


def lone_surrogate(folder: Path) -> None:
    write_llama(folder / "x", model_type="\ud800")
    write_llama(folder / "y", architectures=["\ud800ForCausalLM"])


def huge_context(folder: Path) -> None:
    write_llama(folder / "x", max_position_embeddings=10**400)


def names_that_are_not_utf8(folder: Path) -> None:
    name = os.fsdecode("模型".encode("gbk"))
    write_gguf(folder / f"{name}.gguf")
    write_llama(folder / name)
    write_llama(folder / "x")
    (folder / "x" / name).write_bytes(b"")


def names_in_the_starter_folder(folder: Path) -> None:
    write_llama(folder / "starter" / os.fsdecode("模型".encode("gbk")))
    (folder / "starter" / "gone").symlink_to(folder / "nothing")


def huge_sides(folder: Path) -> None:
    safetensors(folder / "x.safetensors", tensor(",".join([str(2**62)] * 20)))


def huge_offsets(folder: Path) -> None:
    safetensors(folder / "x.safetensors", tensor("1", offsets="0,1" + "0" * 400))


def huge_layer_number(folder: Path) -> None:
    names = ("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight", "model.99999999999999.weight")
    entry = {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}
    safetensors(folder / "x.safetensors", json.dumps(dict.fromkeys(names, entry)).encode())


def no_input_channels(folder: Path) -> None:
    names = ("conv_first.weight", "layers.0.residual_group.td", "upsample.0.weight")
    entry = {"dtype": "F32", "shape": [4, 0], "data_offsets": [0, 0]}
    entries = dict.fromkeys((*names, "upsample.2.weight"), entry)
    safetensors(folder / "x.safetensors", json.dumps(entries).encode())


def damaged_deflate(folder: Path) -> None:
    path = write_pth(folder / "x.pth", b"a" * 5000, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    data[45:55] = b"\xff" * 10
    path.write_bytes(data)


def damaged_lzma(folder: Path) -> None:
    path = write_pth(folder / "x.pth", b"a" * 5000, zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    data[44:60] = b"\xff" * 16
    path.write_bytes(data)


def zip_name_not_utf8(folder: Path) -> None:
    path = folder / "x.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("模型/data.pkl", pickle.dumps({}, 2))
    overwrite(path, "模型".encode(), b"\xff" * 6)


def pickled_text_not_utf8(folder: Path) -> None:
    write_pth(folder / "x.pth", b"\x80\x02}X\x02\x00\x00\x00\xff\xffNs.")


RAISING: list[Callable[[Path], None]] = [
    dangling_link,
    link_loop,
    folder_loop,
    pipes,
    deep_config,
    deep_index,
    long_component,
    component_outside,
    long_model_type,
    lone_surrogate,
    huge_context,
    names_that_are_not_utf8,
    names_in_the_starter_folder,
    huge_sides,
    huge_offsets,
    huge_layer_number,
    no_input_channels,
    damaged_deflate,
    damaged_lzma,
    zip_name_not_utf8,
    pickled_text_not_utf8,
]


def nested_key(folder: Path) -> None:
    """A tuple of two references to the tuple before, 100 times: its hash takes 2**100 steps."""
    pairs = b"".join(
        b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) + b"0" for n in range(100)
    )
    key = b"Nq\x000" + pairs + b"h\x64"
    write_pth(folder / "key.pth", b"\x80\x02}" + key + b"Ns.")


def huge_memo(folder: Path) -> None:
    write_pth(folder / "memo.pth", b"\x80\x02}r" + struct.pack("<I", 2**28) + b".")


def huge_text(folder: Path) -> None:
    """Legacy format: the length of the text is checked against the file before it is read."""
    path = folder / "text.pth"
    path.write_bytes(b"\x80\x04\x8d" + struct.pack("<Q", 2**33))
    os.truncate(path, 2**34)  # sparse


def many_sides(folder: Path) -> None:
    safetensors(folder / "sides.safetensors", tensor(",".join(["1234567890123456789"] * 200_000)))


def many_entries(folder: Path) -> None:
    entries = ",".join(f'"{n:x}":0' for n in range(4_000_000))
    safetensors(folder / "entries.safetensors", f"{{{entries}}}".encode())


def many_lists(folder: Path) -> None:
    write_llama(folder / "lists")
    (folder / "lists" / "config.json").write_text('{"a":[' + "[]," * 9_000_000 + "1]}")


def many_zip_entries(folder: Path) -> None:
    """A zip directory with 600,000 entries."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"a") * 600_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(directory), 4, 0)
    (folder / "entries.pth").write_bytes(b"PK\3\4" + directory + end)


def zip_bomb(folder: Path) -> None:
    path = write_pth(folder / "bomb.pth", bytes(400_000_000), zipfile.ZIP_DEFLATED)
    # The size in the directory is a lie.
    overwrite(path, struct.pack("<I", 400_000_000), struct.pack("<I", 1000))


def many_empty_lists(folder: Path) -> None:
    write_pth(folder / "empty.pth", b"\x80\x02(" + b"]" * 30_000_000 + b"t.", zipfile.ZIP_DEFLATED)


def long_name(folder: Path) -> None:
    write_gguf(folder / "name.gguf", general__name="n" * 40_000_000)


def many_values(folder: Path) -> None:
    """A GGUF header of 4 million values, and one with an array of 40 million empty texts."""
    values = b"".join(struct.pack("<QII", 0, 0, 0)[:13] for _ in range(4_000_000))
    (folder / "values.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2**40) + values)
    array = struct.pack("<QIIQ", 0, 9, 8, 40_000_000)
    path = folder / "texts.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + array)
    os.truncate(path, 400_000_000)


def endless_config(folder: Path) -> None:
    write_pipeline(folder / "endless")
    config = folder / "endless" / "scheduler" / "scheduler_config.json"
    config.unlink()
    config.symlink_to("/dev/zero")


COSTLY: list[Callable[[Path], None]] = [
    nested_key,
    huge_memo,
    huge_text,
    many_sides,
    many_entries,
    many_lists,
    many_zip_entries,
    zip_bomb,
    many_empty_lists,
    long_name,
    many_values,
    endless_config,
]

_LIST = """
import resource, sys
from studio.cli.main import run
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
sys.exit(run(["models", "list"], lambda: 1))
"""


def listed(home: Path, memory: int = MEMORY) -> subprocess.CompletedProcess[str]:
    """Run `studio models list` in a process with limited memory."""
    return subprocess.run(
        [sys.executable, "-c", _LIST, str(memory)],
        env={**os.environ, "STUDIO_HOME": str(home), "STUDIO_STARTER": str(home / "none")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("make", RAISING, ids=lambda make: make.__name__)
def test_a_hostile_file_does_not_hide_other_models(
    paths: Paths, make: Callable[[Path], None]
) -> None:
    write_llama(paths.models / "good")
    make(paths.models)
    for _ in range(2):
        registry = Registry(paths)
        assert "good" in [model.id for model in registry.list()]
        for problem in registry.problems().values():
            assert problem.kind in ("model_broken", "bad_input", "model_missing")
            str(problem.message).encode()


@pytest.mark.parametrize("make", COSTLY, ids=lambda make: make.__name__)
def test_a_costly_file_is_refused_within_bounds(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    models = tmp_path / "models"
    write_llama(models / "good")
    make(models)
    before = os.times().children_user
    found = listed(tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("good ")
    assert os.times().children_user - before < 6


def test_unreadable_folders_are_problems(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    write_llama(paths.models / "good")
    closed = write_llama(paths.models / "closed")
    if os.geteuid():
        closed.chmod(0)
    else:  # root may read everything
        real: tuple[Callable[..., object], ...] = (os.stat, os.scandir, os.listdir)

        def refuse(call: Callable[..., object]) -> Callable[..., object]:
            def checked(path: object = ".", *rest: object, **named: object) -> object:
                if isinstance(path, str | Path) and Path(path).parent == closed:
                    raise PermissionError(13, "Permission denied", str(path))
                if call is not real[0] and isinstance(path, str | Path) and Path(path) == closed:
                    raise PermissionError(13, "Permission denied", str(path))
                return call(path, *rest, **named)

            return checked

        for name, call in zip(("stat", "scandir", "listdir"), real, strict=True):
            monkeypatch.setattr(os, name, refuse(call))
    registry = Registry(paths)
    assert [model.id for model in registry.list()] == ["good"]
    if not os.geteuid():
        monkeypatch.undo()
    closed.chmod(0o700)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".pth", "~no-such-user/x", "a\0b"])
def test_a_path_that_cannot_exist_is_missing(paths: Paths, name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        Registry(paths).add(Path(name))
    assert caught.value.problem.kind == "model_missing"
    with pytest.raises(ProblemError):
        describe_path(Path(name))
