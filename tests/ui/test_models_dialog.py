"""The models dialog: the list, adding, removing, verifying, the starter pack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.models import installed_list
from studio.ui.models.installed_page import InstalledPage
from studio.ui.models.models_dialog import ModelsDialog
from studio.ui.workspaces.text.text_tab import TextTab
from tests.unit.model_files import write_llama, write_safetensors


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> InstalledPage:
    window.open_models("text")
    found = window.findChild(ModelsDialog)
    assert isinstance(found, ModelsDialog)
    qtbot.waitUntil(lambda: bool(names(found.installed)))
    return found.installed


def names(dialog: InstalledPage) -> list[str]:
    items = dialog.view.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive)
    return [item.text(0) for item in items if item.parent() is not None]


def choose(dialog: InstalledPage, name: str) -> None:
    flags = Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive
    dialog.view.setCurrentItem(dialog.view.findItems(name, flags)[0])


def test_models_are_listed_by_task_and_whether_they_fit(dialog: InstalledPage) -> None:
    assert len([name for name in names(dialog) if name != "None yet"]) == 2
    assert "None yet" in names(dialog)
    current = dialog.view.currentItem()
    assert current is not None
    assert current.text(4) == "Fits"


def test_a_folder_with_any_name_can_be_added_used_and_removed(
    window: MainWindow, dialog: InstalledPage, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = write_llama(tmp_path / "my model 模型 🦊")
    dialog.add_paths([str(folder)])
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 2, timeout=10_000)
    tab = window.tab("text")
    assert isinstance(tab, TextTab)
    assert tab.model.combo.findText(folder.name) >= 0
    choose(dialog, folder.name)
    dialog.remove.click()
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 1, timeout=10_000)
    assert folder.is_dir()


def test_a_file_that_is_no_model_is_refused_with_a_reason(
    window: MainWindow, dialog: InstalledPage, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "notes.safetensors"
    file.write_text("not a model", encoding="utf-8")
    dialog.add_paths([str(file)])
    qtbot.waitUntil(lambda: "notes.safetensors" in dialog.about.text(), timeout=10_000)
    assert len(window.state.models()) == 2


def test_verifying_reports_what_is_wrong(dialog: InstalledPage, home: Paths, qtbot: QtBot) -> None:
    write_safetensors(
        home.starter / "smollm2-135m-instruct" / "model.safetensors",
        {"model.embed_tokens.weight": (16, 8)},
        cut=9,
    )
    dialog.verify.click()
    qtbot.waitUntil(lambda: "Check" not in dialog.about.text(), timeout=10_000)
    assert "model.safetensors" in dialog.about.text()


def test_a_starter_model_cannot_be_removed(dialog: InstalledPage) -> None:
    assert not dialog.remove.isEnabled()


def test_missing_starter_models_are_offered(dialog: InstalledPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(dialog.starter.install.isEnabled, timeout=10_000)
    assert "DAT" in dialog.starter.text.text()


def test_add_a_model_in_the_picker_opens_the_dialog(
    window: MainWindow, find: Callable[[str], Any]
) -> None:
    combo = find("text.model")
    before = combo.currentText()
    combo.activated.emit(combo.count() - 1)
    assert window.findChild(ModelsDialog) is not None
    assert combo.currentText() == before


def test_a_pickle_that_is_refused_is_converted_with_one_click(
    window: MainWindow, dialog: InstalledPage, tmp_path: Path, qtbot: QtBot
) -> None:
    import torch

    file = tmp_path / "ink.bin"
    rank = torch.zeros(4, 768)
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    torch.save({f"{name}.lora_down.weight": rank, f"{name}.lora_up.weight": rank.t()}, file)
    dialog.add_paths([str(file)])
    qtbot.waitUntil(dialog.convert.isVisible, timeout=10_000)
    dialog.convert.click()
    qtbot.waitUntil(lambda: bool(window.state.companions("image")), timeout=10_000)
    assert file.with_suffix(".safetensors").is_file()
    assert not dialog.convert.isVisible()


def test_a_list_filled_in_slices_keeps_the_selection_and_ends_complete(
    window: MainWindow,
    dialog: InstalledPage,
    home: Paths,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installed_list, "_AT_ONCE", 1)
    for name in ("fox", "owl", "wolf"):
        write_llama(home.models / name)
    window.state.refresh_models()
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 4 and "wolf" in names(dialog))
    dialog.view.clearSelection()
    for name in ("fox", "wolf"):
        dialog.view.findItems(name, Qt.MatchFlag.MatchRecursive)[0].setSelected(True)
    with qtbot.waitSignal(dialog.view.rebuilt):
        dialog.refresh()
        seen = len(names(dialog))
        dialog.refresh()  # another one in the middle of the first
    assert seen == 1
    assert len([name for name in names(dialog) if name != "None yet"]) == 5
    assert dialog.view.chosen_ids() == ["fox", "wolf"]
    assert dialog.about.text().startswith("2 models selected")
