"""Models copied from this machine: folders, zip files, single files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.downloads.file_names import folder_name_for
from studio.downloads.pack import copy_pack, pack_size
from studio.downloads.queue_folder import FOLDER
from studio.models.registry import Registry
from studio.protocol import ProblemError
from studio.settings import Paths
from tests.unit.model_files import write_gguf, write_llama


def zipped(folder: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return target


def listed(paths: Paths) -> list[str]:
    return [model.id for model in Registry(paths).list()]


@pytest.fixture(autouse=True)
def _models_folder(paths: Paths) -> None:
    paths.models.mkdir(parents=True)


def test_a_folder_a_zip_file_and_a_file_become_models(paths: Paths, tmp_path: Path) -> None:
    usb = tmp_path / "U盘"
    folder = write_llama(usb / "chat")
    (folder / ".DS_Store").write_bytes(b"x")
    packed = zipped(folder, usb / "packed.zip")
    nested = zipped(folder, usb / "nested.zip", "inner/")
    single = write_gguf(usb / "tiny.gguf")
    copied = [copy_pack(pack, paths.models) for pack in (folder, packed, nested, single)]
    assert [copy.name for copy in copied] == ["chat", "packed", "inner", "tiny"]
    assert not (copied[0] / ".DS_Store").exists()
    assert listed(paths) == ["chat", "inner", "packed", "tiny-q4-1"]
    assert copy_pack(folder, paths.models).name == "chat-2"
    assert list((paths.models / FOLDER).glob("pack-*")) == []


def escaping(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.safetensors", b"x")


def absolute(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("/tmp/evil.safetensors", b"x")


def link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("config.json")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("model.safetensors", b"x")


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.safetensors", bytes(1000))
    content = path.read_bytes()
    huge = (2**32 - 2).to_bytes(4, "little")
    at = content.index(b"PK\x01\x02") + 24
    many = content[:at] + huge + content[at + 4 :]
    path.write_bytes(many)


def cut(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.safetensors", bytes(1000))
    path.write_bytes(path.read_bytes()[:-30])


def damaged(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.safetensors", bytes(1000))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("make", [escaping, absolute, link, bomb, cut, damaged])
def test_a_hostile_or_damaged_zip_file_is_refused_and_leaves_nothing(
    paths: Paths, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    pack = tmp_path / "pack.zip"
    make(pack)
    with pytest.raises(ProblemError) as error:
        copy_pack(pack, paths.models)
    assert error.value.problem.kind in ("bad_input", "model_broken")
    left = [file for file in paths.models.rglob("*") if file.is_file() and file.name[0] != "."]
    assert left == []
    assert not (tmp_path / "evil.safetensors").exists()


def test_what_is_not_there_or_no_model_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no model")
    for path in (tmp_path / "none", tmp_path / "empty", tmp_path / "notes", Path("/proc")):
        with pytest.raises(ProblemError):
            pack_size(path)


@pytest.mark.parametrize("name", ["registry.json", "Registry.JSON", "starter", "con", "..."])
def test_no_model_folder_gets_a_name_that_means_something_else(name: str) -> None:
    assert folder_name_for(name) == f"model-{name}".strip(".-")
