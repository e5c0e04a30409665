"""The settings dialog: changes that apply at once, and those that need a restart."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import keyring
import pytest
from pytestqt.qtbot import QtBot

from studio.formats.recipes.aigc import AigcLabel
from studio.kinds.text import TextRequest
from studio.library.folder.chosen_folders import ChosenFolders
from studio.settings import Paths, default_paths, load_settings
from studio.ui.main_window import MainWindow
from studio.ui.settings.models_folder_dialog import ModelsFolderDialog
from studio.ui.settings.settings_dialog import SettingsDialog
from studio.ui.style.theme import _EXTRA, _PALETTES, _SEVERITY_COLOURS, apply_scheme, is_dark


@pytest.fixture
def dialog(window: MainWindow) -> SettingsDialog:
    window.open_settings()
    found = window.findChild(SettingsDialog)
    assert isinstance(found, SettingsDialog)
    return found


def test_the_colour_scheme_changes_at_once(
    window: MainWindow, dialog: SettingsDialog, qapp: Any, qtbot: QtBot
) -> None:
    dialog.scheme.setCurrentIndex(dialog.scheme.findData("dark"))
    qtbot.waitUntil(lambda: is_dark(window.palette()))
    dialog.scheme.setCurrentIndex(dialog.scheme.findData("light"))
    qtbot.waitUntil(lambda: not is_dark(window.palette()))
    apply_scheme(qapp, "system")


def test_a_new_language_opens_another_window_at_once(
    window: MainWindow, dialog: SettingsDialog, home: Paths, qtbot: QtBot
) -> None:
    dialog.language.setCurrentIndex(dialog.language.findData("zh_CN"))
    qtbot.waitUntil(lambda: window.reopen_requested)
    assert not window.isVisible()
    assert load_settings(home.settings)[0].language == "zh_CN"


def test_a_new_language_waits_for_the_running_job_and_says_so(
    window: MainWindow, dialog: SettingsDialog, home: Paths, qtbot: QtBot
) -> None:
    window.state.submit([TextRequest(prompt="a fox [slow]", seed=1)])
    qtbot.waitUntil(lambda: bool(window.state.worker.running_jobs))
    dialog.language.setCurrentIndex(dialog.language.findData("zh_CN"))
    qtbot.waitUntil(dialog.restart.isVisible)
    assert "restart" in dialog.note.text()
    qtbot.waitUntil(lambda: load_settings(home.settings)[0].language == "zh_CN")
    assert not window.reopen_requested
    job = window.state.worker.running_jobs[0]
    assert window.state.worker.cancel_running(job)
    qtbot.waitUntil(lambda: window.reopen_requested)
    assert not window.isVisible()


def test_a_language_that_is_chosen_back_while_a_job_runs_opens_no_window(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    window.state.submit([TextRequest(prompt="a fox [slow]", seed=1)])
    qtbot.waitUntil(lambda: bool(window.state.worker.running_jobs))
    dialog.language.setCurrentIndex(dialog.language.findData("zh_CN"))
    qtbot.waitUntil(dialog.restart.isVisible)
    dialog.language.setCurrentIndex(dialog.language.findData("en"))
    with qtbot.waitSignal(window.state.jobs_changed):
        window.state.worker.cancel_running(window.state.worker.running_jobs[0])
    qtbot.waitUntil(lambda: not window.state.worker.running_jobs)
    assert not window.reopen_requested and window.isVisible()


def test_a_new_library_folder_is_used_after_a_restart(
    dialog: SettingsDialog, open_window: Any, window: MainWindow, tmp_path: Path
) -> None:
    # The disk with the library that was there is gone for good.
    ChosenFolders(default_paths().chosen_folders).add_library(tmp_path / "结果 folder")
    dialog.set_library(str(tmp_path / "结果 folder"))
    dialog.threads.setValue(2)
    window.close()
    again = open_window()
    assert again.state.library.root == tmp_path / "结果 folder"
    assert again.state.settings.threads == 2


@pytest.fixture
def models_dialog(
    dialog: SettingsDialog, home: Paths, tmp_path: Path, qtbot: QtBot
) -> ModelsFolderDialog:
    """The question about the models, after another folder was chosen for them."""
    qtbot.waitUntil(lambda: "free on this disk" in dialog.models.about.text(), timeout=10_000)
    dialog.models.choose(str(tmp_path / "disk"))
    qtbot.waitUntil(lambda: dialog.findChild(ModelsFolderDialog) is not None, timeout=10_000)
    found = dialog.findChild(ModelsFolderDialog)
    assert isinstance(found, ModelsFolderDialog) and str(home.models) in found.what.text()
    return found


def test_models_move_to_another_folder_and_the_app_restarts(
    window: MainWindow,
    models_dialog: ModelsFolderDialog,
    open_window: Any,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    models_dialog.move_all.click()
    qtbot.waitUntil(lambda: window.restart_requested and not window.isVisible(), timeout=20_000)
    assert (tmp_path / "disk" / "a-pipeline").is_dir()
    again = open_window()
    assert again.state.paths.models == tmp_path / "disk"
    assert [model.id for model in again.state.models("image")] == ["a-pipeline"]


def test_models_can_stay_where_they_are_when_new_ones_go_elsewhere(
    window: MainWindow,
    dialog: SettingsDialog,
    models_dialog: ModelsFolderDialog,
    home: Paths,
    open_window: Any,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    models_dialog.leave.click()
    qtbot.waitUntil(dialog.restart.isVisible, timeout=10_000)
    window.close()
    again = open_window()
    assert again.state.paths.models == tmp_path / "disk"
    kept = again.state.models("image")
    assert [model.path for model in kept] == [str(home.models / "a-pipeline")]


def test_a_move_that_fails_says_why_and_changes_nothing(
    models_dialog: ModelsFolderDialog, home: Paths, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "late.txt").touch()
    models_dialog.move_all.click()
    qtbot.waitUntil(lambda: "is not empty" in models_dialog.status.text(), timeout=10_000)
    assert models_dialog.cancel.isEnabled()
    assert load_settings(home.settings)[0].models == ""
    assert (home.models / "a-pipeline").is_dir()


def test_a_models_folder_on_an_unplugged_disk_is_said_to_be_missing(
    home: Paths, open_window: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    home.settings.parent.mkdir(parents=True, exist_ok=True)
    home.settings.write_text(json.dumps({"models": str(tmp_path / "unplugged")}))
    window = open_window()
    qtbot.waitUntil(lambda: "unplugged" in window.messages.text(), timeout=10_000)
    assert not (tmp_path / "unplugged").exists()


def test_the_proxy_is_checked_and_kept(
    dialog: SettingsDialog, home: Paths, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "no_proxy"):
        monkeypatch.setenv(name, "")
    hub = dialog.hub
    hub.proxy.setText("socks5://127.0.0.1:1080")
    hub.proxy.editingFinished.emit()
    assert "is not the address of a proxy" in hub.note.text()
    assert load_settings(home.settings)[0].proxy == ""
    hub.proxy.setText("127.0.0.1:7890")
    hub.proxy.editingFinished.emit()
    qtbot.waitUntil(
        lambda: load_settings(home.settings)[0].proxy == "127.0.0.1:7890", timeout=10_000
    )
    assert "mainland China" in hub.note.text()
    hub.proxy.clear()
    hub.proxy.editingFinished.emit()
    assert os.environ["HTTPS_PROXY"] == ""


def test_an_address_of_the_hub_that_is_none_is_refused_and_a_mirror_is_kept(
    dialog: SettingsDialog, home: Paths, qtbot: QtBot
) -> None:
    hub = dialog.hub
    hub.endpoint.setCurrentText("ftp://somewhere")
    assert "is not the address of a model hub" in hub.note.text()
    hub.endpoint.setCurrentIndex(1)
    assert "hf-mirror.com" in hub.note.text()
    qtbot.waitUntil(
        lambda: load_settings(home.settings)[0].hub_endpoint == "https://hf-mirror.com",
        timeout=10_000,
    )


def test_an_access_token_goes_to_the_keyring_and_never_to_the_settings(
    dialog: SettingsDialog, home: Paths, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    kept = MemoryKeyring()
    monkeypatch.setattr(keyring, "set_password", kept.set_password)
    monkeypatch.setattr(keyring, "get_password", kept.get_password)
    monkeypatch.setattr(keyring, "delete_password", kept.delete_password)
    hub = dialog.hub
    hub.token.setText("hf_secret_token")
    hub.save_token.click()
    qtbot.waitUntil(hub.clear_token.isEnabled, timeout=10_000)
    assert list(kept.content.values()) == ["hf_secret_token"]
    assert hub.token.text() == ""
    assert "keyring" in hub.token.placeholderText()
    hub.clear_token.click()
    qtbot.waitUntil(lambda: not kept.content and not hub.clear_token.isEnabled(), timeout=10_000)
    assert not home.settings.exists() or "hf_secret" not in home.settings.read_text()


class MemoryKeyring:
    """A keyring for the test alone."""

    def __init__(self) -> None:
        self.content: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, name: str, password: str) -> None:
        self.content[(service, name)] = password

    def get_password(self, service: str, name: str) -> str | None:
        return self.content.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        del self.content[(service, name)]


def test_the_aigc_label_takes_effect_at_once_and_is_saved(
    dialog: SettingsDialog, open_window: Any, window: MainWindow
) -> None:
    def label(window: MainWindow) -> AigcLabel | None:
        assert window.state.library is not None
        return window.state.library.label

    assert label(window) is None
    dialog.aigc.setChecked(True)
    dialog.producer.setText("Anna ")
    assert label(window) == AigcLabel("Anna")
    window.close()
    again = open_window()
    assert label(again) == AigcLabel("Anna")
    again.open_settings()
    kept = again.findChild(SettingsDialog)
    assert kept is not None and kept.aigc.isChecked()
    kept.aigc.setChecked(False)
    assert again.state.library.label is None
    assert not kept.producer.isEnabled()


def luminance(colour: str) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast_with_its_background(dark: bool) -> None:
    palette = _PALETTES[dark] | _EXTRA[dark]
    pairs = [
        ("WindowText", "Window"),
        ("Text", "Base"),
        ("Text", "AlternateBase"),
        ("ButtonText", "Button"),
        ("PlaceholderText", "Window"),
        ("PlaceholderText", "Base"),
        ("HighlightedText", "Highlight"),
        ("HighlightedText", "Accent"),
        ("Link", "Base"),
        ("ToolTipText", "ToolTipBase"),
        ("Text", "Card"),
        ("Text", "Soft"),
        ("Text", "Hover"),
        ("PlaceholderText", "Card"),
        ("PlaceholderText", "Soft"),
        ("HighlightedText", "AccentHover"),
    ]
    poor = [pair for pair in pairs if contrast(palette[pair[0]], palette[pair[1]]) < 4.5]
    poor += [
        (kind, "Window")
        for kind, colour in _SEVERITY_COLOURS[dark].items()
        if contrast(colour, palette["Window"]) < 4.5
    ]
    assert not poor
