"""What models weigh, copies of the same weights, removal with undo, and moving to a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from studio.cli.main import run
from studio.models.registry import Registry
from studio.models.source_file import SourceFile, source_text
from studio.models.storage import duplicates as duplicates_module
from studio.models.storage.duplicates import find_duplicates
from studio.models.storage.model_files import files_of, own_files, size_on_disk
from studio.models.storage.model_trash import (
    empty_trash,
    remove_with_files,
    removed_models,
    restore_model,
)
from studio.models.storage.move_model import move_model
from studio.protocol import ModelSource, ProblemError
from studio.settings import Paths, default_paths
from tests.unit.model_files import write_gguf, write_llama


@pytest.fixture
def registry(paths: Paths) -> Registry:
    write_llama(paths.models / "Alpha")
    return Registry(paths)


def test_a_removed_model_comes_back_under_its_id(registry: Registry, paths: Paths) -> None:
    before = {
        path.relative_to(paths.models): path.read_bytes() for path in files_of(registry.list()[0])
    }
    removed = remove_with_files(registry, paths, "alpha")
    assert removed is not None and removed.size == sum(len(data) for data in before.values())
    assert registry.list() == [] and not (paths.models / "Alpha").exists()
    assert [each.id for each in removed_models(paths)] == ["alpha"]
    back = restore_model(Registry(paths), paths, "alpha")
    assert back.id == "alpha"
    after = {path.relative_to(paths.models): path.read_bytes() for path in files_of(back)}
    assert after == before and removed_models(paths) == ()


def test_a_file_in_a_folder_comes_back_under_its_id_even_if_another_took_its_name(
    paths: Paths,
) -> None:
    for folder in ("One", "Two"):
        (paths.models / folder).mkdir(parents=True)
        write_gguf(paths.models / folder / "fox.gguf")
    registry = Registry(paths)
    ids = {Path(model.path).parent.name: model.id for model in registry.list()}
    for folder, id in reversed(ids.items()):
        assert remove_with_files(registry, paths, id) is not None, folder
    for folder, id in reversed(ids.items()):
        registry.list()
        back = restore_model(registry, paths, id)
        assert (back.id, Path(back.path).parent.name) == (id, folder)
    assert {model.id for model in Registry(paths).list()} == set(ids.values())


def test_files_of_other_programs_are_only_taken_off_the_list(paths: Paths, tmp_path: Path) -> None:
    theirs = write_llama(tmp_path / "other program" / "Beta")
    registry = Registry(paths)
    registry.add(theirs)
    paths.models.mkdir(exist_ok=True)
    linked = paths.models / "Linked"
    linked.symlink_to(write_llama(tmp_path / "elsewhere" / "Gamma"), target_is_directory=True)
    for id in [model.id for model in registry.list()]:
        assert remove_with_files(registry, paths, id) is None
    assert registry.list() == []
    assert files_of(Registry(paths).add(theirs)) and linked.is_symlink()


def test_nothing_is_overwritten_when_a_model_comes_back(
    registry: Registry, paths: Paths, tmp_path: Path
) -> None:
    remove_with_files(registry, paths, "alpha")
    (paths.models / "Alpha").mkdir()
    with pytest.raises(ProblemError, match="something else"):
        restore_model(registry, paths, "alpha")
    (paths.models / "Alpha").rmdir()
    record = paths.models / ".trash" / removed_models(paths)[0].key / "removed.json"
    aim = tmp_path / "Alpha"
    text = record.read_text("utf-8").replace(str(paths.models / "Alpha"), str(aim))
    record.write_text(text, "utf-8")
    with pytest.raises(ProblemError):
        restore_model(registry, paths, "alpha")
    assert not aim.exists()
    assert empty_trash(paths) > 0 and removed_models(paths) == ()


def test_a_downloaded_file_goes_with_its_folder_but_not_with_a_neighbour(paths: Paths) -> None:
    folder = paths.models / "owner--name"
    write_gguf(folder / "a-Q4_K_M.gguf")
    source = SourceFile(ModelSource("hub", "owner/name"))
    (folder / "source.json").write_text(source_text(source), "utf-8")
    (model,) = Registry(paths).list()
    assert own_files(paths, model) == folder
    write_gguf(folder / "b-Q8_0.gguf")
    for model in Registry(paths).list():
        assert own_files(paths, model) == Path(model.path)


def test_starter_models_stay(paths: Paths) -> None:
    write_llama(paths.models / "starter" / "smollm2-135m-instruct")
    registry = Registry(paths)
    with pytest.raises(ProblemError, match="starter model"):
        remove_with_files(registry, paths, "smollm2-135m-instruct")
    assert registry.list()


def test_a_moved_model_keeps_its_id_and_leaves_nothing_behind(
    registry: Registry, paths: Paths, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = size_on_disk(files_of(registry.list()[0]))
    moved = move_model(registry, paths, "alpha", disk)
    assert (moved.id, moved.path) == ("alpha", str(disk / "Alpha"))
    assert not (paths.models / "Alpha").exists() and size_on_disk(files_of(moved)) == size
    again = Registry(paths).get("alpha")
    assert again is not None and again.path == moved.path


def test_a_move_that_fails_or_is_cancelled_changes_nothing(
    registry: Registry, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()

    def cancel() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_model(registry, paths, "alpha", disk, check=cancel)
    usage = shutil.disk_usage(disk)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3))
    with pytest.raises(ProblemError, match="free space"):
        move_model(registry, paths, "alpha", disk)
    monkeypatch.undo()
    (disk / "Alpha").mkdir()
    with pytest.raises(ProblemError, match="already"):
        move_model(registry, paths, "alpha", disk)
    assert list(disk.iterdir()) == [disk / "Alpha"] and files_of(registry.list()[0])


def test_equal_weights_are_found_once_each_and_links_do_not_count(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates_module, "_LEAST", 1)
    first = write_llama(paths.models / "Alpha")
    write_llama(paths.models / "Beta")
    third = write_llama(paths.models / "Gamma")
    changed = bytearray((third / "model.safetensors").read_bytes())
    changed[-1] ^= 1
    (third / "model.safetensors").write_bytes(changed)
    linked = write_llama(paths.models / "Linked")
    (linked / "model.safetensors").unlink()
    os.link(first / "model.safetensors", linked / "model.safetensors")
    registry = Registry(paths)
    (found,) = find_duplicates(registry.list(), paths.cache)
    assert {model for file in found.files for model in file.models} == {"alpha", "beta", "linked"}
    assert found.wasted == found.size and len(found.files) == 2
    monkeypatch.setattr(duplicates_module, "sha256_of", lambda *_: pytest.fail("read again"))
    assert find_duplicates(registry.list(), paths.cache) == [found]


def test_the_commands_show_remove_restore_and_move(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = default_paths()
    write_llama(paths.models / "Alpha")
    assert run(["models", "usage"], lambda: 0) == 0
    assert "alpha" in capsys.readouterr().out
    assert run(["models", "duplicates"], lambda: 0) == 0
    assert run(["models", "remove", "--files", "alpha"], lambda: 0) == 0
    assert run(["models", "usage"], lambda: 0) == 0
    assert "in the trash: alpha" in capsys.readouterr().out
    assert run(["models", "restore", "alpha"], lambda: 0) == 0
    assert run(["models", "move", "alpha", str(tmp_path)], lambda: 0) == 0
    assert (tmp_path / "Alpha" / "config.json").exists()
    assert run(["models", "move", "alpha", str(tmp_path)], lambda: 0) == 2
