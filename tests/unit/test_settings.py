"""Settings survive damage, a full disk and a newer version."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.settings import Settings, default_paths, load_settings, save_settings


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    settings = Settings()
    settings.text.prompt = "狐狸 🦊"
    settings.image.width = 768
    assert save_settings(tmp_path / "new" / "settings.json", settings) is None
    read, trouble = load_settings(tmp_path / "new" / "settings.json")
    assert (read, trouble) == (settings, None)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"text": 3}', b"[]"])
def test_a_damaged_file_is_set_aside_and_reported(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(damage)
    read, trouble = load_settings(path)
    assert read == Settings()
    assert trouble is not None
    assert [kept.read_bytes() for kept in tmp_path.glob("settings.damaged-*")] == [damage]
    assert save_settings(path, read) is None


def test_a_field_of_a_newer_version_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"version": 99, "threads": 3, "hologram": true}')
    read, trouble = load_settings(tmp_path / "settings.json")
    assert (read.threads, trouble) == (3, None)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trouble = save_settings(tmp_path / "file" / "settings.json", Settings())
    assert trouble is not None
    assert str(tmp_path / "file") in str(trouble.message)


def test_studio_home_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    paths = default_paths()
    for place in (paths.settings, paths.library, paths.models, paths.logs, paths.cache):
        assert place.is_relative_to(tmp_path)
