"""Installed models: size and last use, remove with undo, move, convert, duplicates, the trash."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from studio.models.storage import duplicates as duplicates_module
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.models.duplicates_dialog import DuplicatesDialog
from studio.ui.models.installed_page import InstalledPage
from studio.ui.models.models_dialog import ModelsDialog
from studio.ui.models.trash_dialog import TrashDialog
from tests.unit.model_files import write_llama

LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


@pytest.fixture
def page(window: MainWindow, home: Paths, qtbot: QtBot) -> InstalledPage:
    """The dialog with two models of our own and one elsewhere."""
    write_llama(home.models / "fox")
    write_llama(home.models / "owl")
    window.state.refresh_models()
    window.open_models("text")
    dialog = window.findChild(ModelsDialog)
    assert isinstance(dialog, ModelsDialog)
    page = dialog.installed
    qtbot.waitUntil(lambda: page.view.usage_of("owl") is not None, timeout=10_000)
    return page


def rows(page: InstalledPage, name: str) -> list[QTreeWidgetItem]:
    flags = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
    return page.view.findItems(name, flags)


def choose(page: InstalledPage, *names: str) -> None:
    page.view.clearSelection()
    for name in names:
        rows(page, name)[0].setSelected(True)


def ended(page: InstalledPage, qtbot: QtBot, text: str) -> None:
    qtbot.waitUntil(lambda: text in page.about.text() and not page._work.is_running, timeout=10_000)


def test_size_and_last_use_are_shown(page: InstalledPage) -> None:
    row = rows(page, "fox")[0]
    assert row.text(2).endswith("B") and row.text(3) == "Not yet"


def test_removed_models_come_back_with_undo(
    window: MainWindow, page: InstalledPage, home: Paths, qtbot: QtBot
) -> None:
    choose(page, "fox", "owl")
    assert page.about.text().startswith("2 models selected")
    page.remove.click()
    ended(page, qtbot, "Removed: fox, owl")
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 1, timeout=10_000)
    assert not (home.models / "fox").exists()
    qtbot.waitUntil(lambda: not rows(page, "fox"), timeout=10_000)
    assert page.undo.isVisible()
    page.undo.click()
    ended(page, qtbot, "Restored: fox, owl")
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 3, timeout=10_000)
    assert (home.models / "fox").is_dir() and (home.models / "owl").is_dir()


def test_files_of_other_programs_stay_and_come_back_to_the_list(
    window: MainWindow, page: InstalledPage, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = write_llama(tmp_path / "theirs")
    page.add_paths([str(folder)])
    qtbot.waitUntil(lambda: bool(rows(page, "theirs")), timeout=10_000)
    choose(page, "theirs")
    assert not page.move_to.isEnabled()
    page.remove.click()
    ended(page, qtbot, "Off the list: theirs")
    assert folder.is_dir()
    page.undo.click()
    ended(page, qtbot, "Restored")
    qtbot.waitUntil(lambda: bool(rows(page, "theirs")), timeout=10_000)
    assert window.state.open_registry().get("theirs") is not None


def test_models_are_moved_to_another_disk_and_keep_their_ids(
    window: MainWindow, page: InstalledPage, tmp_path: Path, qtbot: QtBot
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    choose(page, "fox", "owl")
    page.move_chosen(str(disk))
    ended(page, qtbot, "Moved to")
    assert (disk / "fox").is_dir() and (disk / "owl").is_dir()
    found = window.state.open_registry().get("fox")
    assert found is not None and found.path == str(disk / "fox")


def test_one_that_cannot_be_moved_does_not_stop_the_others(
    page: InstalledPage, tmp_path: Path, qtbot: QtBot
) -> None:
    disk = tmp_path / "disk"
    (disk / "fox").mkdir(parents=True)
    choose(page, "fox", "owl")
    page.move_chosen(str(disk))
    ended(page, qtbot, "Moved to")
    assert "There is a file or folder of this name already" in page.about.text()
    assert (disk / "owl").is_dir()


def test_a_pickle_that_is_listed_as_unusable_is_converted_and_keeps_its_id(
    window: MainWindow, page: InstalledPage, home: Paths, qtbot: QtBot
) -> None:
    import torch

    rank = torch.zeros(4, 768)
    file = home.models / "ink.pt"
    torch.save({f"{LORA}.lora_down.weight": rank, f"{LORA}.lora_up.weight": rank.t()}, file)
    qtbot.waitUntil(lambda: "ink" in window.state.model_problems(), timeout=30_000)
    page.select("ink")
    qtbot.waitUntil(page.convert.isVisible, timeout=10_000)
    page.convert.click()
    ended(page, qtbot, "Converted: ink")
    registry = window.state.open_registry()
    found = registry.get("ink")
    assert found is not None and found.path == str(file.with_suffix(".safetensors"))
    assert file.is_file()
    assert [model.id for model in registry.list() if "ink" in model.id] == ["ink"]
    qtbot.waitUntil(lambda: len(rows(page, "ink")) == 1, timeout=10_000)
    choose(page, "fox")
    choose(page, "ink")
    assert not page.convert.isVisible()


def test_weights_that_are_there_twice_lead_to_the_model(
    page: InstalledPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates_module, "_LEAST", 1)
    page.find_duplicates()
    dialog = page.findChild(DuplicatesDialog)
    assert isinstance(dialog, DuplicatesDialog)
    qtbot.waitUntil(lambda: dialog.view.topLevelItemCount() == 2, timeout=10_000)
    group = dialog.view.findItems("3 copies of", Qt.MatchFlag.MatchStartsWith)[0]
    files = [file for place in range(3) if (file := group.child(place)) is not None]
    dialog.view.setCurrentItem(next(file for file in files if file.text(0).startswith("owl")))
    dialog.show_model.click()
    assert page.view.chosen_ids() == ["owl"]


def test_the_trash_is_shown_restored_and_emptied(
    page: InstalledPage, home: Paths, qtbot: QtBot
) -> None:
    choose(page, "fox", "owl")
    page.remove.click()
    ended(page, qtbot, "Removed")
    page.show_trash()
    dialog = page.findChild(TrashDialog)
    assert isinstance(dialog, TrashDialog)
    qtbot.waitUntil(lambda: dialog.view.topLevelItemCount() == 2, timeout=10_000)
    dialog.restore.click()
    qtbot.waitUntil(lambda: dialog.view.topLevelItemCount() == 1, timeout=10_000)
    dialog.delete_all()
    qtbot.waitUntil(lambda: dialog.about.text() == "The trash is empty.", timeout=10_000)
    assert sum((home.models / name).is_dir() for name in ("fox", "owl")) == 1
