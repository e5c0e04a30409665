"""Where a model does not fit, one button gets a version that does."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from studio.models.catalogue.smaller import SmallerVersion
from studio.models.fit import Fit
from studio.protocol import ModelRef, ModelSource, Sentence
from studio.settings import Settings, default_paths
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.main_window import MainWindow
from studio.ui.shell.destinations import NullDestinations
from studio.ui.shell.state import AppState
from studio.ui.widgets.tinted_label import TintedLabel

GB = 10**9


def model(id: str, size: int, **values: object) -> ModelRef:
    ref = ModelRef(id=id, name=id, task="text", format="gguf", path=f"/{id}", size=size)
    return msgspec.structs.replace(ref, **values)


class Asked(NullDestinations):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_model(self, entry: str) -> None:
        self.calls.append(f"entry {entry}")

    def get_smaller(self, model: ModelRef) -> None:
        self.calls.append(f"smaller {model.id}")


@pytest.fixture
def picker(qtbot: QtBot) -> ModelPicker:
    state = AppState(default_paths(), Settings())
    state.destinations = Asked()
    picker = ModelPicker(state, "text")
    state.setParent(picker)
    qtbot.addWidget(picker)
    picker.show()
    return picker


def list_models(picker: ModelPicker, *models: ModelRef, smaller: SmallerVersion | None) -> None:
    state = picker._state
    tight = Fit("will_not_fit", 20 * GB, 8 * GB, Sentence("Will not fit"))
    state._models = models
    state._fits = {models[0].id: tight}
    state._smaller = {} if smaller is None else {models[0].id: smaller}
    state.models_known = True
    state.models_changed.emit()


def press(qtbot: QtBot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_variant_of_the_catalogue_is_named_with_its_size(
    qtbot: QtBot, picker: ModelPicker
) -> None:
    found = SmallerVersion("Big & fast Q4_K_M", 6 * GB, entry="big", precision="Q4_K_M")
    list_models(picker, model("large", 20 * GB), smaller=found)
    assert picker.smaller.text() == "Get Big && fast Q4_K_M (6.0 GB)"
    press(qtbot, picker.smaller)
    assert isinstance(picker._state.destinations, Asked)
    assert picker._state.destinations.calls == ["entry big"]


def test_an_installed_version_is_chosen(qtbot: QtBot, picker: ModelPicker) -> None:
    found = SmallerVersion("small", 3 * GB, installed="small")
    list_models(picker, model("large", 20 * GB), model("small", 3 * GB), smaller=found)
    assert picker.smaller.text() == "Use small"
    with qtbot.waitSignal(picker.changed):
        press(qtbot, picker.smaller)
    assert picker.model_id() == "small"
    assert not picker.smaller.isVisible()


def test_the_hub_is_asked_for_a_model_that_came_from_there(
    qtbot: QtBot, picker: ModelPicker
) -> None:
    list_models(picker, model("mine", 20 * GB), smaller=None)
    assert not picker.smaller.isVisible()
    source = ModelSource("hub", "maker/big-GGUF")
    list_models(picker, model("large", 20 * GB, source=source), smaller=None)
    assert picker.smaller.text() == "Get a smaller version"
    press(qtbot, picker.smaller)
    assert isinstance(picker._state.destinations, Asked)
    assert picker._state.destinations.calls == ["smaller large"]


@pytest.mark.parametrize("task", ["text", "image", "upscale"])
def test_a_model_that_does_not_fit_is_said_beside_generate_where_nothing_scrolls(
    window: MainWindow, task: str
) -> None:
    window.resize(1024, 700)
    window.tabs.show_task(task)
    state = window.state
    verdict = Fit("will_not_fit", 20 * GB, 8 * GB, Sentence("Will not fit"))
    state._models = (msgspec.structs.replace(model("large", 20 * GB), task=task),)
    state._fits = {"large": verdict}
    state.models_changed.emit()
    generate = window.findChild(QWidget, f"{task}.generate")
    assert generate is not None
    # Another tab may have a picker for the same task.
    labels = window.findChildren(TintedLabel, f"{task}.fit")
    (said,) = (label for label in labels if label.isVisible())
    assert not said.visibleRegion().isEmpty()
    below = generate.mapTo(window, QPoint()).y() - said.mapTo(window, said.rect().bottomLeft()).y()
    assert 0 < below < 200
