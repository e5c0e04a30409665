"""Models in the folders of other programs are found in place and understood."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studio.models.folders.scan import scan_folder
from studio.models.registry import Registry
from studio.protocol import ProblemError
from studio.settings import Paths, default_paths
from tests.unit import other_programs
from tests.unit.model_files import write_gguf, write_safetensors


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "none"))
    return default_paths()


def _found(registry: Registry) -> other_programs.Expected:
    return {model.name: (model.role, model.base) for model in registry.list()}


@pytest.mark.parametrize(
    "program", ["comfyui", "a1111", "lm_studio", "ollama", "hub_cache", "invokeai"]
)
def test_the_models_of_a_program_are_understood_in_place(
    program: str, paths: Paths, tmp_path: Path
) -> None:
    root = tmp_path / program
    write = getattr(other_programs, program)
    expected = write(root, tmp_path / "other disk") if program == "comfyui" else write(root)
    before = sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts)
    registry = Registry(paths)
    report = registry.add_folder(root)
    assert _found(registry) == expected
    assert {model.name for model in report.models} == set(expected)
    assert not registry.problems()
    assert sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts) == before


def test_all_programs_of_a_home_are_found_at_once(paths: Paths, tmp_path: Path) -> None:
    home = tmp_path / "user"
    expected = other_programs.comfyui(home / "ComfyUI", home / "ComfyUI")
    expected |= other_programs.a1111(home / "stable-diffusion-webui")
    expected |= other_programs.lm_studio(home)
    expected |= other_programs.ollama(home / ".ollama")
    expected |= other_programs.hub_cache(home / ".cache" / "huggingface" / "hub")
    registry = Registry(paths)
    report = registry.add_folder(home)
    assert _found(registry) == expected
    assert len(expected) >= 20
    assert report.others == 1, "annotators.bin"


def test_models_that_appear_and_go_are_noticed(paths: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    write_gguf(folder / "a.gguf", general__name="A Q4_1")
    registry = Registry(paths)
    registry.add_folder(folder)
    write_gguf(folder / "below" / "b.gguf", general__name="B Q4_1")
    assert {model.name for model in registry.list()} == {"A Q4_1", "B Q4_1"}
    (folder / "a.gguf").unlink()
    assert {model.name for model in Registry(paths).list()} == {"B Q4_1"}
    assert not registry.problems()


def test_a_removed_folder_takes_its_models_along_and_leaves_the_files(
    paths: Paths, tmp_path: Path
) -> None:
    file = write_gguf(tmp_path / "models" / "a.gguf")
    registry = Registry(paths)
    registry.add_folder(file.parent)
    (ref,) = registry.list()
    registry.remove_folder(str(file.parent))
    assert registry.list() == [] and file.exists()
    registry.add_folder(file.parent)
    assert [model.id for model in registry.list()] == [ref.id], "its id stays"
    registry.remove(ref.id)
    assert registry.list() == [] and file.exists()


def test_a_folder_that_is_not_there_now_is_kept(paths: Paths, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "drive" / "a.gguf")
    registry = Registry(paths)
    registry.add_folder(file.parent)
    file.parent.rename(tmp_path / "unplugged")
    (report,) = registry.folders()
    assert report.is_missing and registry.list() == []
    (tmp_path / "unplugged").rename(file.parent)
    assert len(registry.list()) == 1


def test_what_is_no_model_is_counted_and_not_listed(paths: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    write_gguf(folder / "a.gguf")
    write_safetensors(folder / "odd.safetensors", {"something.weight": (4, 4)})
    (folder / "cut.safetensors").write_bytes(b"\0" * 4)
    (folder / "old.bin").write_bytes(b"\0" * 4)
    report = Registry(paths).add_folder(folder)
    assert (len(report.models), report.others) == (1, 3)
    assert not Registry(paths).problems()


def test_links_in_a_circle_and_pipes_end(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    file = write_gguf(folder / "a.gguf")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "dangling.gguf").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.gguf")
    assert [found.path for found in scan_folder(folder).models] == [str(file)]


def test_a_folder_without_models_is_refused(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(ProblemError) as caught:
            Registry(paths).add_folder(path)
        assert caught.value.problem.kind == "bad_input"
    assert Registry(paths).folders() == ()


@pytest.mark.parametrize(
    "content",
    [
        *("a: [b", "- 1\n- 2", "x: {base_path: 3, loras: [1]}", "x: &a [*a]"),
        *("!!python/name:os.system", "x: {base_path: ~nobody-here/x, loras: m}"),
        *("x: {base_path: /, checkpoints: .}", "x: {base_path: .., checkpoints: .}"),
        "a: &a [x, x]\n"
        + "".join(f"a{n}: &a{n} [*a, *a]\n" for n in range(3))
        + "x: {base_path: *a2, loras: m}",
    ],
)
def test_a_damaged_file_of_comfyui_is_passed_over(content: str, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "models" / "a.gguf")
    (tmp_path / "extra_model_paths.yaml").write_text(content, "utf-8")
    assert [found.path for found in scan_folder(tmp_path).models] == [str(file)]


def test_a_database_of_invokeai_without_end_is_passed_over(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "models" / "a.gguf")
    (tmp_path / "databases").mkdir()
    with closing(sqlite3.connect(tmp_path / "databases" / "invokeai.db")) as database:
        database.execute(
            "CREATE VIEW models AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
            "SELECT n AS path, n AS name FROM c WHERE n < 0"
        )
    assert [found.path for found in scan_folder(tmp_path).models] == [str(file)]
