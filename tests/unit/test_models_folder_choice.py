"""The models folder is moved or changed: every model keeps its id, and nothing is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest
from filelock import FileLock

from studio.cli.main import run
from studio.downloads.pack import copy_pack
from studio.formats import json_file, untrusted_files
from studio.formats.json_file import write_json_file
from studio.models.registry import Registry
from studio.models.registry_file import Content
from studio.models.storage import models_folder_choice
from studio.models.storage.model_trash import remove_with_files, restore_model
from studio.models.storage.models_folder_choice import describe_choice, move_folder, use_folder
from studio.protocol import Problem, ProblemError, problem, sentence
from studio.settings import Paths, default_paths, load_settings, save_settings
from tests.unit.model_files import write_llama


@pytest.fixture
def here() -> Paths:
    paths = default_paths()
    for name in ("fox", "owl", "hare"):
        write_llama(paths.models / name)
    Registry(paths).list()
    return paths


def refused(*_: object) -> None:
    raise OSError(errno.EXDEV, "another disk")


def save_as(folder: Path) -> Problem | None:
    settings, _ = load_settings(default_paths().settings)
    settings.models = str(folder)
    return save_settings(default_paths().settings, settings)


def ids(paths: Paths) -> dict[str, str]:
    return {model.id: model.path for model in Registry(paths).list() if not model.is_starter}


@pytest.mark.parametrize("is_same_disk", [True, False])
def test_everything_moves_and_keeps_its_id(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same_disk: bool
) -> None:
    if not is_same_disk:
        monkeypatch.setattr(os, "link", refused)
    registry = Registry(here)
    assert remove_with_files(registry, here, "hare") is not None
    before = ids(here)
    choice = describe_choice(here, tmp_path / "disk")
    move_folder(here, choice.folder, lambda: save_as(choice.folder))
    paths = default_paths()
    assert paths.models == tmp_path / "disk" and not here.models.exists()
    moved = {id: path.replace(str(here.models), str(paths.models)) for id, path in before.items()}
    assert ids(paths) == moved
    assert restore_model(Registry(paths), paths, "hare").path == str(paths.models / "hare")


def test_models_that_stay_are_still_listed_under_their_ids(here: Paths, tmp_path: Path) -> None:
    before = ids(here)
    choice = describe_choice(here, tmp_path / "disk")
    use_folder(here, choice.folder, lambda: save_as(choice.folder))
    paths = default_paths()
    assert paths.models == tmp_path / "disk"
    assert ids(paths) == before


@pytest.mark.parametrize("is_same_disk", [True, False])
def test_a_move_that_fails_leaves_everything_as_it_was(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same_disk: bool
) -> None:
    if not is_same_disk:
        monkeypatch.setattr(os, "link", refused)
    before = ids(here)
    target = describe_choice(here, tmp_path / "disk").folder
    with pytest.raises(ProblemError):
        move_folder(here, target, lambda: Problem("disk_full", sentence("The disk is full.")))
    assert default_paths().models == here.models
    assert ids(here) == before


def test_a_cancelled_copy_leaves_everything_as_it_was(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refused)
    before = ids(here)
    target = describe_choice(here, tmp_path / "disk").folder

    def stop() -> None:
        raise problem("cancelled", "It was cancelled.")

    with pytest.raises(ProblemError):
        move_folder(here, target, lambda: save_as(target), check=stop)
    assert ids(here) == before and not target.exists()


def test_a_folder_with_other_things_gets_one_of_our_own(here: Paths, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "holiday.txt").touch()
    assert describe_choice(here, tmp_path / "disk").folder == tmp_path / "disk" / (
        models_folder_choice.OWN_NAME
    )
    with pytest.raises(ProblemError, match="already"):
        describe_choice(here, here.models)
    with pytest.raises(ProblemError, match="inside"):
        describe_choice(here, here.models / "fox")


def test_a_chosen_folder_that_is_not_there_is_said_to_be(here: Paths, tmp_path: Path) -> None:
    assert not here.is_models_folder_gone
    assert save_as(tmp_path / "gone") is None
    assert default_paths().is_models_folder_gone
    here.settings.write_bytes(b"{")
    assert default_paths().models == tmp_path / "gone", "the copy of the settings says so"
    here.settings.with_name("settings.json.bak").unlink()
    here.settings.write_bytes(msgspec.json.encode({"models": 3}))
    assert default_paths().models == here.models


def test_the_command_line_chooses_the_folder_too(
    here: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ids(here)
    assert run(["models", "folder", str(tmp_path / "disk"), "--move"], lambda: 0) == 0
    assert run(["models", "folder"], lambda: 0) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "disk")
    assert ids(default_paths()).keys() == before.keys()
    assert not here.models.exists()


@pytest.mark.parametrize("is_same_disk", [True, False])
def test_links_of_every_kind_and_many_files_move_too(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same_disk: bool
) -> None:
    monkeypatch.setattr(untrusted_files, "_MAX_FILES", 5)
    if not is_same_disk:
        monkeypatch.setattr(os, "link", refused)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "weights").write_bytes(b"w")
    old = here.models
    (old / "relative").symlink_to(os.path.relpath(outside, old))
    (old / "absolute").symlink_to(old / "fox" / "config.json")
    (old / "owl" / "blob").symlink_to("config.json")
    (old / "dangling").symlink_to("nowhere")
    (old / "empty").mkdir()
    for number in range(20):
        (old / "many" / str(number)).mkdir(parents=True)
        (old / "many" / str(number) / "file").write_text(str(number))
    target = describe_choice(here, tmp_path / "disk").folder

    move_folder(here, target, lambda: save_as(target))

    assert not old.exists()
    assert (target / "relative" / "weights").read_bytes() == b"w"
    assert (target / "absolute").resolve() == target / "fox" / "config.json"
    assert (target / "owl" / "blob").readlink() == Path("config.json")
    assert (target / "dangling").is_symlink() and (target / "empty").is_dir()
    assert [(target / "many" / str(n) / "file").read_text() for n in range(20)] == [
        str(n) for n in range(20)
    ]


@pytest.mark.parametrize("is_same_disk", [True, False])
def test_what_another_process_adds_or_changes_meanwhile_stays_and_is_listed(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same_disk: bool
) -> None:
    if not is_same_disk:
        monkeypatch.setattr(os, "link", refused)
    target = describe_choice(here, tmp_path / "disk").folder

    def save() -> Problem | None:
        write_llama(here.models / "wolf")
        (here.models / "fox" / "config.json").write_text("{}")
        return save_as(target)

    move_folder(here, target, save)

    paths = default_paths()
    assert Path(ids(paths)["wolf"]) == here.models / "wolf"
    assert (here.models / "fox" / "config.json").read_text() == "{}"


def test_a_move_that_was_killed_is_started_again(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(ids(here))
    target = describe_choice(here, tmp_path / "disk").folder

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(models_folder_choice, "_switch", killed)
        patched.setattr(models_folder_choice, "delete_copies", killed)
        with pytest.raises(KeyboardInterrupt):
            move_folder(here, target, lambda: save_as(target))
    assert set(ids(here)) == before

    target = describe_choice(here, tmp_path / "disk").folder
    move_folder(here, target, lambda: save_as(target))
    assert target == tmp_path / "disk"
    assert set(ids(default_paths())) == before and not here.models.exists()


def test_the_mount_point_of_an_unplugged_disk_is_no_models_folder(
    here: Paths, tmp_path: Path
) -> None:
    disk = describe_choice(here, tmp_path / "disk").folder
    use_folder(here, disk, lambda: save_as(disk))
    (disk / "registry.json").unlink()
    (disk / ".registry.lock").unlink(missing_ok=True)
    gone = default_paths()
    assert gone.is_models_folder_gone
    listing = Registry(gone).listing()
    assert "Connect its disk" in str(listing.problems["registry.json"].message)
    with pytest.raises(ProblemError, match="Connect its disk"):
        Registry(gone).add(write_llama(tmp_path / "bear"))
    assert list(disk.iterdir()) == []
    with pytest.raises(ProblemError, match="Connect its disk"):
        move_folder(gone, tmp_path / "elsewhere", lambda: save_as(tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_list_that_cannot_be_read_for_a_moment_is_not_overwritten(
    here: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Registry(here).add(write_llama(tmp_path / "bear"))
    before = (here.models / "registry.json").read_bytes()
    write_llama(here.models / "wolf")

    def unreadable(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(json_file, "read_start", unreadable)
        assert "cannot be read" in str(Registry(here).listing().problems["registry.json"].message)
    assert (here.models / "registry.json").read_bytes() == before
    assert {"bear", "wolf"} <= set(ids(here))


def _stranger_disk(here: Paths, tmp_path: Path) -> Path:
    """A folder that says that a move into it was begun, and has links to files of the user."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "config.json").write_text("mine")
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "fox").symlink_to(theirs)
    (disk / ".moving").write_text(str(here.models))
    return disk


def test_a_folder_that_only_says_a_move_was_begun_is_one_with_other_things(
    here: Paths, tmp_path: Path
) -> None:
    disk = _stranger_disk(here, tmp_path)
    assert describe_choice(here, disk).folder == disk / models_folder_choice.OWN_NAME
    with pytest.raises(ProblemError, match="not empty"):
        move_folder(here, disk, lambda: save_as(disk))
    (disk / ".moving").unlink()
    (disk / ".moving").symlink_to(tmp_path / "theirs" / "config.json")
    with pytest.raises(ProblemError, match="not empty"):
        move_folder(here, disk, lambda: save_as(disk))
    assert (tmp_path / "theirs" / "config.json").read_text() == "mine"
    (disk / models_folder_choice.OWN_NAME).symlink_to(tmp_path / "theirs")
    with pytest.raises(ProblemError, match="is a link"):
        describe_choice(here, disk)


@pytest.mark.parametrize("in_the_way", ["link to a folder", "link to a file", "file"])
@pytest.mark.parametrize("is_same_disk", [True, False])
def test_a_move_that_goes_on_overwrites_nothing_and_follows_no_link(
    here: Paths,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_the_way: str,
    is_same_disk: bool,
) -> None:
    if not is_same_disk:
        monkeypatch.setattr(os, "link", refused)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "config.json").write_text("mine")
    disk = tmp_path / "disk"
    disk.mkdir()
    models_folder_choice._begin(here.models, disk)
    if in_the_way == "link to a folder":
        (disk / "owl").symlink_to(theirs)
    else:
        (disk / "owl").mkdir()
    if in_the_way == "link to a file":
        (disk / "owl" / "config.json").symlink_to(theirs / "config.json")
    elif in_the_way == "file":
        (disk / "owl" / "config.json").write_text("mine")
    before = ids(here)

    with pytest.raises(ProblemError, match="of this name already"):
        move_folder(here, describe_choice(here, disk).folder, lambda: save_as(disk))

    assert [file.name for file in theirs.iterdir()] == ["config.json"]
    assert (theirs / "config.json").read_text() == "mine"
    assert os.path.lexists(disk / "owl") and (disk / "owl" / "config.json").read_text() == "mine"
    assert ids(here) == before


def test_folders_that_a_stranger_listed_are_not_searched(
    here: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_llama(tmp_path / "added" / "bear")
    Registry(here).add_folder(tmp_path / "added")
    stick = tmp_path / "stick"
    stick.mkdir()
    write_json_file(stick / "registry.json", Content(folders=["/", str(tmp_path / "added")]))
    assert run(["models", "folder", str(stick)], lambda: 0) == 0
    assert "not searched: /." in capsys.readouterr().err
    folders = {report.path for report in Registry(default_paths()).folders()}
    assert folders == {str(tmp_path / "added"), str(here.models)}
    assert {"bear", "fox"} <= set(ids(default_paths()))


@pytest.mark.skipif(os.name == "nt", reason="a disk may be full of models there")
def test_the_whole_system_is_not_searched(here: Paths) -> None:
    with pytest.raises(ProblemError, match="not the whole system"):
        Registry(here).add_path(Path("/"))


@pytest.mark.parametrize("name", [".pack.lock", "some-model.lock"])
def test_the_folder_is_not_moved_while_a_model_is_written_into_it(
    here: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    before = ids(here)
    disk = tmp_path / "disk"
    work = here.models / ".downloading"
    work.mkdir()
    with FileLock(work / name):
        assert run(["models", "folder", str(disk), "--move"], lambda: 0) == 2
    assert "downloaded or copied at the moment" in capsys.readouterr().err
    assert ids(here) == before and not disk.exists()
    assert run(["models", "folder", str(disk), "--move"], lambda: 0) == 0
    assert set(ids(default_paths())) == set(before) and not here.models.exists()


def test_a_window_that_is_open_makes_the_folder_that_was_moved_away_not_anew(
    here: Paths, tmp_path: Path
) -> None:
    window = Registry(here)
    pack = write_llama(tmp_path / "pack")
    assert run(["models", "folder", str(tmp_path / "disk"), "--move"], lambda: 0) == 0
    with pytest.raises(ProblemError, match="moved by another window"):
        window.add(pack)
    with pytest.raises(ProblemError, match="moved by another window"):
        copy_pack(pack, here.models, make_models=here.make_models_folder)
    assert "moved by another" in str(window.listing().problems["registry.json"].message)
    assert not here.models.exists()
