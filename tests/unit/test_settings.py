"""Settings survive damage, a full disk and a newer version."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from studio.kinds.registry import tasks
from studio.settings import Settings, default_paths, load_settings, save_settings
from studio.ui.shell.tab_values import tab_values
from studio.ui.workspaces.image.values import ImageValues
from studio.ui.workspaces.text.values import TextValues
from studio.ui.workspaces.upscale.values import UpscaleValues


def test_saved_settings_are_read_back(tmp_path: Path) -> None:
    settings = Settings()
    settings.language = "zh_CN"
    settings.tab("text", TextValues).prompt = "狐狸 🦊"
    settings.tab("image", ImageValues).width = 768
    assert save_settings(tmp_path / "new" / "settings.json", settings) is None
    read, trouble = load_settings(tmp_path / "new" / "settings.json")
    assert trouble is None
    assert read.tab("text", TextValues) == settings.tab("text", TextValues)
    assert read.tab("image", ImageValues) == settings.tab("image", ImageValues)
    assert read == settings


DAMAGED = [b"", b"{", b"\xff\xfe", b'{"library": 3}', b"[]", b'{"library": "/dis']


@pytest.mark.parametrize("damage", DAMAGED)
def test_the_copy_takes_the_place_of_a_damaged_file_which_is_kept(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "settings.json"
    assert save_settings(path, Settings(library="/disk/library")) is None
    path.write_bytes(damage)
    read, trouble = load_settings(path)
    assert read.library == "/disk/library"
    (kept,) = tmp_path.glob("settings.damaged-*")
    assert kept.read_bytes() == damage
    assert trouble is not None
    assert str(kept) in str(trouble.message)
    assert load_settings(path) == (read, None)


@pytest.mark.parametrize("damage", DAMAGED)
def test_without_a_valid_copy_a_damaged_file_stays_and_the_library_is_not_known(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "settings.json"
    path.with_name("settings.json.bak").write_bytes(b"{")
    path.write_bytes(damage)
    for _ in range(2):
        read, trouble = load_settings(path)
        assert read.is_unknown
        assert trouble is not None
        assert str(path) in str(trouble.message)
        assert save_settings(path, read) is None
        assert path.read_bytes() == damage


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", None)])
@pytest.mark.parametrize("has_copy", [True, False])
def test_what_is_no_file_in_the_place_of_the_settings_is_reported(
    tmp_path: Path, make: Callable[[Path], None], has_copy: bool
) -> None:
    path = tmp_path / "settings.json"
    if has_copy:
        assert save_settings(path, Settings(library="/disk/library")) is None
        path.unlink()
    make(path)
    read, trouble = load_settings(path)
    assert trouble is not None
    assert (read.library, read.is_unknown) == (("/disk/library", False) if has_copy else ("", True))


def test_a_choice_that_is_not_valid_is_reported_and_the_library_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"library": "/x", "language": "de", "threads": 99999999999, "window": 3}')
    read, trouble = load_settings(path)
    assert (read.library, read.language, read.threads) == ("/x", "", 0)
    assert trouble is not None
    assert "language, threads, window" in str(trouble.message)


def test_numbers_of_the_tabs_are_brought_into_range(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    numbers = {"width": 10**14, "height": -(10**14), "seed": 10**18, "count": 10**10}
    path.write_bytes(msgspec.json.encode({"image": numbers, "text": {"temperature": 1e300}}))
    settings, _ = load_settings(path)
    values = tab_values(settings, "image", ImageValues)
    assert (values.width, values.height, values.seed, values.count) == (8192, 64, 2**32 - 1, 1000)
    assert tab_values(settings, "text", TextValues).temperature == 5.0


def test_a_field_of_a_newer_version_does_not_count_as_damage(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"version": 99, "threads": 3, "hologram": true}')
    read, trouble = load_settings(tmp_path / "settings.json")
    assert (read.threads, trouble) == (3, None)


def test_unknown_settings_are_written_back(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    newer = {
        "hologram": True,
        "speech": {"voice": "calm"},
        "text": {"prompt": "a poem", "beams": 4},
        "window": {"tab": "speech", "zoom": 2},
    }
    path.write_bytes(msgspec.json.encode(newer))
    read, _ = load_settings(path)
    read.tab("text", TextValues).prompt = "a song"
    read.window.tab = "text"
    assert save_settings(path, read) is None
    kept = msgspec.json.decode(path.read_bytes())
    assert kept["hologram"] is True
    assert kept["speech"] == {"voice": "calm"}
    assert (kept["text"]["prompt"], kept["text"]["beams"]) == ("a song", 4)
    assert (kept["window"]["tab"], kept["window"]["zoom"]) == ("text", 2)


def test_settings_of_a_tab_that_was_not_opened_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"image": {"prompt": "a fox", "width": 512}, "upscale": {"scale": 4}}')
    read, trouble = load_settings(path)
    assert trouble is None
    assert read.tab("image", ImageValues).width == 512
    assert save_settings(path, read) is None
    again, _ = load_settings(path)
    assert again.tab("upscale", UpscaleValues).scale == 4


def test_a_value_of_the_wrong_type_loses_only_that_value(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"text": {"prompt": "a poem", "seed": "many"}}')
    read, trouble = load_settings(tmp_path / "settings.json")
    assert trouble is None
    assert read.tab("text", TextValues) == TextValues(prompt="a poem")


def test_no_kind_has_the_name_of_a_setting() -> None:
    assert not set(tasks()) & set(Settings.__struct_fields__)


def test_a_settings_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trouble = save_settings(tmp_path / "file" / "settings.json", Settings())
    assert trouble is not None
    assert str(tmp_path / "file") in str(trouble.message)


def test_studio_home_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    paths = default_paths()
    for place in (paths.settings, paths.library, paths.models, paths.logs, paths.cache):
        assert place.is_relative_to(tmp_path)


def test_the_copy_of_damaged_settings_says_where_the_models_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    file = tmp_path / "settings.json"
    assert save_settings(file, Settings(models=str(tmp_path / "disk"))) is None
    file.write_bytes(b"{")
    assert default_paths().models == tmp_path / "disk"
    if hasattr(os, "mkfifo"):
        file.unlink()
        os.mkfifo(file)
        assert default_paths().models == tmp_path / "disk"


def test_what_another_process_has_saved_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    window, _ = load_settings(file)
    command, _ = load_settings(file)
    command.models = "/other"
    command.threads = 2
    assert save_settings(file, command) is None

    window.colour_scheme = "dark"
    assert save_settings(file, window) is None
    both, _ = load_settings(file)
    assert (both.models, both.threads, both.colour_scheme) == ("/other", 2, "dark")

    window.threads = 3
    assert save_settings(file, window) is None
    window.threads = 0
    assert save_settings(file, window) is None
    both, _ = load_settings(file)
    assert (both.models, both.threads) == ("/other", 0)
