"""LoRAs in the Image tab: cards, trigger words, other base families, restored settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.protocol import Adapter
from studio.settings import Paths
from studio.ui.fields.adapter_cards import AdapterValue
from studio.ui.main_window import MainWindow
from tests.unit.model_files import write_json, write_safetensors

_LAYER = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"


@pytest.fixture
def window(home: Paths, open_window: Callable[[], MainWindow]) -> MainWindow:
    unet = home.models / "a-pipeline" / "unet" / "config.json"
    write_json(unet, {"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768})
    write_safetensors(home.models / "ink.safetensors", {_LAYER: (4, 768)})
    write_json(home.models / "ink.civitai.info", {"trainedWords": ["inkstyle"]})
    write_safetensors(home.models / "night.safetensors", {_LAYER: (4, 2048)})
    return open_window()


@pytest.fixture
def tab(window: MainWindow) -> Any:
    window.tabs.setCurrentIndex(1)
    return window.tab("image")


def _menu(tab: Any) -> dict[str, bool]:
    menu = tab.controls.adapters.add.menu()
    menu.aboutToShow.emit()
    return {action.text(): action.isEnabled() for action in menu.actions() if action.text()}


def test_a_lora_is_added_weighted_and_sent(tab: Any) -> None:
    cards = tab.controls.adapters
    assert _menu(tab)["ink"] is True
    next(action for action in cards.add.menu().actions() if action.text() == "ink").trigger()
    (card,) = cards._cards
    card.slider.setValue(card.slider.value() - 5)
    assert card.weight.value() == 0.75
    assert tab.request().adapters == (Adapter("ink", 0.75),)
    card.switch.setChecked(False)
    assert tab.request().adapters == ()
    assert cards.values() == (AdapterValue("ink", 0.75, False),)
    card.remove.click()
    assert cards.values() == ()


def test_a_lora_of_another_base_is_shown_with_its_family_and_cannot_be_added(tab: Any) -> None:
    assert _menu(tab)["night (Stable Diffusion XL)"] is False
    cards = tab.controls.adapters
    cards.set_values([AdapterValue("night"), AdapterValue("gone")])
    notes = [card.note.text() for card in cards._cards]
    assert notes == ["It is made for Stable Diffusion XL.", "It is not installed."]


def test_a_trigger_word_is_inserted_into_the_prompt(tab: Any) -> None:
    cards = tab.controls.adapters
    cards.set_values([AdapterValue("ink")])
    tab.prompt.set_text("a fox")
    cards._cards[0]._words.itemAt(0).widget().click()
    assert tab.prompt.text() == "a fox, inkstyle"


def test_loras_survive_a_restart(open_window: Callable[[], MainWindow]) -> None:
    first = open_window()
    tab: Any = first.tab("image")
    tab.controls.adapters.set_values([AdapterValue("ink", 0.5, False)])
    tab.values_to_settings()
    first.close()
    again: Any = open_window().tab("image")
    assert again.controls.adapters.values() == (AdapterValue("ink", 0.5, False),)


def test_loras_of_another_program_are_restored_by_name(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text(
        "parameters", "a fox <lora:Ink:0.6> <lora:lost:1>\nSteps: 25, Sampler: Euler a, Seed: 1"
    )
    path = tmp_path / "old.png"
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    tab.open_settings(path)
    qtbot.waitUntil(lambda: bool(tab.controls.adapters.values()))
    request: ImageRequest = tab.request()
    assert request.adapters == (Adapter("ink", 0.6),)
    assert request.prompt == "a fox"
    assert "The LoRA lost is not installed." in window.messages.text()
