"""The Image tab: generating, progress, capabilities of the model, start picture, restoring."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from studio.kinds.image import ImageRequest
from studio.library.records import Job
from studio.models.known_words import FILE
from studio.protocol import Capabilities, InputFile, Warned, sentence
from studio.settings import RESOURCES, Paths
from studio.ui.compare.compare_dialog import CompareDialog
from studio.ui.gallery.rerun import VARIATIONS
from studio.ui.main_window import MainWindow
from studio.ui.shell.reports import ModelDescribed
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.workspaces.image.domain_hint import DomainHint
from studio.ui.workspaces.upscale.upscale_tab import UpscaleTab
from tests.unit.model_files import write_json

A1111 = (
    "a red fox <lora:fur:1>\nSteps: 25, Sampler: Euler a, CFG scale: 6.5, Seed: 123, Size: 640x512"
)


@pytest.fixture
def tab(window: MainWindow) -> Any:
    window.tabs.setCurrentIndex(1)
    return window.tab("image")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a 狐 🦊.png"
    Image.new("RGB", (64, 48), "orange").save(path)
    return path


def ask(tab: Any, prompt: str, count: int = 1) -> None:
    tab.run_bar.count.setValue(count)
    tab.prompt.setPlainText(prompt)
    tab.generate()


def ended(tab: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not tab.run_bar.stop.isEnabled(), timeout=20_000)


def states(tab: Any) -> list[str]:
    model = tab.result.model
    return [model.at(row).state for row in range(model.rowCount())]


def stored(tab: Any) -> ImageRequest:
    request = tab._state.library.queue.list()[0].request
    assert isinstance(request, ImageRequest)
    return request


def test_every_variation_is_generated_saved_and_shown(tab: Any, qtbot: QtBot) -> None:
    tab.controls.seed.set_value(11)
    ask(tab, "a fox", count=3)
    ended(tab, qtbot)
    assert states(tab) == ["done", "done", "done"]
    assert [tab.result.model.at(row).seed for row in range(3)] == [11, 12, 13]
    assert all(Path(tab.result.model.at(row).path).is_file() for row in range(3))
    qtbot.waitUntil(lambda: tab.result.canvas.viewport.picture[0] > 0)
    assert tab.result.enlarge.isEnabled()
    assert "3 of 3" in tab.run_bar.status.text()


def test_a_picture_is_generated_without_a_prompt(tab: Any, qtbot: QtBot) -> None:
    ask(tab, " \n")
    ended(tab, qtbot)
    assert states(tab) == ["done"]


def test_the_next_job_runs_after_a_stop(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "[slow] fox", count=2)
    qtbot.waitUntil(lambda: "step" in tab.run_bar.status.text(), timeout=20_000)
    tab.stop()
    ended(tab, qtbot)
    assert "Stopped" in tab.run_bar.status.text()
    ask(tab, "a fox")
    ended(tab, qtbot)
    assert states(tab) == ["done"]


def test_a_crash_is_shown_in_the_row_and_the_next_job_runs(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "[crash] fox", count=2)
    ended(tab, qtbot)
    assert "failed" in states(tab)
    assert tab.run_bar.status.text()
    ask(tab, "a fox")
    ended(tab, qtbot)
    assert states(tab) == ["done"]


def test_only_controls_that_the_model_supports_are_enabled_and_sent(tab: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: tab.controls.scheduler.count() > 1, timeout=20_000)
    tab.controls.negative.set_text("blurry")
    tab.controls.apply_capabilities(
        Capabilities(controls=("prompt", "steps"), width=128, height=128)
    )
    assert not tab.controls.negative.isEnabled()
    assert not tab.controls.guidance.isEnabled()
    assert tab.controls.steps.isEnabled()
    assert tab.request().negative_prompt == ""


def test_a_picture_dropped_on_the_tab_becomes_the_start_picture(
    tab: Any, qtbot: QtBot, picture: Path
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    drop = QDropEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    tab.dropEvent(drop)
    qtbot.waitUntil(lambda: tab.controls.start_picture.path() != "")
    assert tab.controls.strength.isEnabled()
    tab.controls.strength.set_value(0.3)
    ask(tab, "a fox")
    ended(tab, qtbot)
    image = stored(tab).image
    assert image is not None
    assert (image.path, len(image.sha256), stored(tab).strength) == (str(picture), 64, 0.3)


def test_a_start_picture_that_the_model_does_not_support_is_reported(
    window: MainWindow, tab: Any, qtbot: QtBot, picture: Path
) -> None:
    qtbot.waitUntil(lambda: tab.controls.is_known, timeout=20_000)
    model = tab.model.ref().id
    ask(tab, "a fox")
    ended(tab, qtbot)
    assert tab.result.start_from.isEnabled()
    alone = Capabilities(controls=("prompt", "seed"), width=64, height=64)
    window.state.reports.model_described.emit(ModelDescribed(model, alone, None))
    assert not tab.result.start_from.isEnabled()
    assert "does not support a start picture" in tab.result.start_from.toolTip()
    assert window.messages.text() == ""

    window.state.destinations.send("image", [picture])

    assert "does not support a start picture" in window.messages.text()
    assert window.messages.messages[-1].action_text == "Add a model…"


def test_the_hint_for_an_unknown_prompt_offers_another_model(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[str] = []
    for name in ("get_model", "find_models"):  # by name once the catalogue has been read
        monkeypatch.setattr(window, name, wanted.append)
    hint = sentence("This model does not know what the prompt asks for.")
    running = Job(id="job", request=ImageRequest(prompt=""), status="running")
    window.state.reports.job_changed.emit(running)
    window.state.reports.warned.emit(Warned("job", "out_of_domain", hint))
    (shown,) = window.messages.messages
    assert (shown.text, shown.kind) == (str(hint), "warning")
    assert shown.action is not None
    assert shown.action_text.startswith("Get ")
    shown.action()
    assert len(wanted) == 1


def test_a_hint_names_its_prompt_and_is_removed_when_the_next_job_starts(
    window: MainWindow,
) -> None:
    hint = sentence("This model does not know what the prompt asks for.")

    def starts(job: str, prompt: str) -> None:
        request = ImageRequest(prompt=prompt)
        window.state.reports.job_changed.emit(Job(id=job, request=request, status="running"))

    for job, prompt in (("one", "a steam engine"), ("two", "a dam\n" + "of stones " * 20)):
        starts(job, prompt)
    for job in ("one", "two"):
        window.state.reports.warned.emit(Warned(job, "out_of_domain", hint))
    first, second = (message.text for message in window.messages.messages)
    assert first == f"“a steam engine”: {hint}"
    assert second.startswith("“a dam of stones of stones")
    assert second.endswith(f"…”: {hint}")
    starts("three", "a fox")
    assert window.messages.text() == ""


def test_other_messages_stay_when_a_job_starts(window: MainWindow) -> None:
    window.state.reports.warned.emit(Warned("job", "out_of_domain", sentence("Not known.")))
    window.state.show_message("The disk is full.", "warning")
    request = ImageRequest(prompt="a fox")
    window.state.reports.job_changed.emit(Job(id="two", request=request, status="running"))
    assert window.messages.text() == "The disk is full."


def test_settings_are_restored_from_a_picture_of_another_program(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    info = PngInfo()
    info.add_text("parameters", A1111)
    Image.new("RGB", (640, 512)).save(tmp_path / "other.png", pnginfo=info)
    tab.open_settings(tmp_path / "other.png")
    qtbot.waitUntil(lambda: tab.prompt.text() == "a red fox")
    assert (tab.controls.steps.value(), tab.controls.seed.value()) == (25, 123)
    assert "fur" in window.messages.text()
    assert tab.controls.start_picture.path() == ""


def test_a_seed_that_is_too_large_is_kept_as_a_label_of_new_pictures(
    window: MainWindow, tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    info = PngInfo()
    info.add_text("parameters", A1111.replace("Seed: 123", "Seed: 4294967301"))
    Image.new("RGB", (640, 512)).save(tmp_path / "other.png", pnginfo=info)
    tab.open_settings(tmp_path / "other.png")
    qtbot.waitUntil(lambda: tab.prompt.text() == "a red fox")
    tab.generate()
    library = window.state.library
    assert library is not None
    qtbot.waitUntil(lambda: bool(library.queue.list()))
    job = library.queue.list()[0]
    assert (job.request.seed, job.labels) == (5, {"original_seed": "4294967301"})


def test_settings_are_restored_from_a_result(window: MainWindow, tab: Any, qtbot: QtBot) -> None:
    tab.controls.seed.set_value(5)
    tab.controls.steps.set_value(9)
    ask(tab, "a fox", count=2)
    ended(tab, qtbot)
    asset = tab._state.library.assets.recent()[0]
    tab.prompt.set_text("something else")
    tab.controls.steps.set_value(None)
    window.restore(asset)
    assert (tab.prompt.text(), tab.controls.steps.value()) == ("a fox", 9)
    assert tab.controls.seed.value() == asset.recipe.seed


def test_upscale_sends_the_picture_to_the_upscale_tab(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "a fox")
    ended(tab, qtbot)
    path = Path(tab.result.path())
    tab.result.enlarge.click()
    assert window.current_task == "upscale"
    upscale = window.tab("upscale")
    assert isinstance(upscale, UpscaleTab)
    assert [item.path for item in upscale.inputs.inputs()] == [path]
    assert not upscale.drawing.isChecked()


def test_a_picture_of_a_model_that_draws_on_white_is_enlarged_as_a_drawing(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "a fox")
    ended(tab, qtbot)
    tab.controls.apply_capabilities(Capabilities(controls=("prompt", "transparent")))
    shutil.copytree(RESOURCES / "models" / "dat-light-x4", window.state.paths.models / "dat")
    window.state.refresh_models()
    qtbot.waitUntil(lambda: bool(window.state.models("upscale")), timeout=10_000)
    tab.result.enlarge.click()
    upscale: Any = window.tab("upscale")
    assert upscale.drawing.isChecked()
    qtbot.waitUntil(lambda: tab._state.library.queue.list()[0].request.task == "upscale")
    assert tab._state.library.queue.list()[0].request.drawing


def choose(tab: Any, qtbot: QtBot, name: str, at: Any = None) -> None:
    """Open the menu of the picture on show (or of a part of it) and choose an entry."""
    widget = at or tab.result.canvas
    widget.customContextMenuRequested.emit(widget.rect().center())
    qtbot.waitUntil(lambda: tab.findChild(QMenu, "result.menu") is not None, timeout=10_000)
    menu = tab.findChild(QMenu, "result.menu")
    action = menu.findChild(QAction, f"result.menu.{name}")
    assert action.isEnabled()
    action.trigger()
    menu.close()
    qtbot.waitUntil(lambda: tab.findChild(QMenu, "result.menu") is None, timeout=10_000)


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_picture_on_the_canvas_has_a_context_menu(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "a fox", count=2)
    ended(tab, qtbot)
    library = tab._state.library
    shown = tab.result.current()
    choose(tab, qtbot, "star", at=tab.result.strip)
    qtbot.waitUntil(lambda: library.assets.get(shown.asset).starred, timeout=10_000)
    choose(tab, qtbot, "enlarge")
    assert window.current_task == "upscale"


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_deleted_picture_leaves_the_tab_and_undo_restores_it(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    ask(tab, "a fox")
    ended(tab, qtbot)
    path = tab.result.path()
    choose(tab, qtbot, "delete")
    qtbot.waitUntil(lambda: states(tab) == ["deleted"], timeout=10_000)
    assert tab.result.path() == ""
    assert not tab.result.enlarge.isEnabled()
    qtbot.waitUntil(window.messages._action.isVisible, timeout=10_000)
    window.messages._action.click()
    qtbot.waitUntil(lambda: states(tab) == ["done"], timeout=10_000)
    assert tab.result.path() == path


def test_variations_of_a_picture_from_history_are_shown_in_the_tab(
    window: MainWindow, tab: Any, find: Any, qtbot: QtBot
) -> None:
    ask(tab, "a fox")
    ended(tab, qtbot)
    window.tabs.setCurrentIndex(0)
    view = find("history.view")
    qtbot.waitUntil(lambda: view.model().rowCount() == 1, timeout=10_000)
    view.setCurrentIndex(view.model().index(0))
    view.parent().commands.do("more_like")
    qtbot.waitUntil(lambda: states(tab) == ["done"] * VARIATIONS, timeout=20_000)
    assert window.current_task == "image"
    made = tab._state.library.assets.of_job(tab._state.library.queue.list()[0].id)
    assert tab.result.path() in [str(asset.path) for asset in made]


def test_without_a_model_the_tab_says_how_to_add_one(
    open_window: Any, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.rmtree(home.models / "a-pipeline")
    window = open_window()
    wanted: list[str] = []
    monkeypatch.setattr(window, "open_models", wanted.append)
    window.tabs.setCurrentIndex(1)
    ask(window.tab("image"), "a fox")
    assert "image model" in window.messages.text()
    assert window.state.library.queue.list() == []


def test_generate_waits_until_the_models_are_listed(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    state = window.state
    models, state._models, state.models_known = state._models, (), False
    tab.prompt.set_text("a fox")
    tab.run_bar.generate.click()
    tab.run_bar.generate.click()
    assert window.messages.text() == ""
    state._models, state.models_known = models, True
    state.models_changed.emit()
    library = state.library
    assert library is not None
    qtbot.waitUntil(lambda: library.assets.count() == 1)
    state._models, state.models_known = (), True
    tab.generate()
    assert "There is no image model yet" in window.messages.text()


def test_closing_stops_the_loading_of_pictures(window: MainWindow, tab: Any) -> None:
    ended: list[str] = []
    tab.result.stop = lambda: ended.append("image")
    upscale: Any = window.tab("upscale")
    upscale.result.stop = lambda: ended.append("upscale")
    window.close()
    assert sorted(ended) == ["image", "upscale"]


def test_values_are_restored_after_a_restart(open_window: Any) -> None:
    first = open_window()
    first.tab("image").prompt.set_text("一只狐狸")
    first.tab("image").controls.width_field.set_value(256)
    first.close()
    second = open_window()
    assert second.tab("image").prompt.text() == "一只狐狸"
    assert second.tab("image").controls.width_field.value() == 256


def test_used_settings_are_visible_and_removable_while_their_controls_are_folded(
    window: MainWindow, tab: Any, picture: Path
) -> None:
    tab.controls.more.set_open(False)
    tab.prompt.set_text("my own words")
    assert tab.chips.isHidden()
    request = ImageRequest(
        prompt="a fox", seed=5, steps=9, image=InputFile(str(picture)), strength=0.3
    )
    window.restore(request)
    assert tab.chips.texts() == {
        "seed": "Seed: 5",
        "steps": "Steps: 9",
    }
    assert not tab.chips.isHidden()
    assert tab.controls.more.badge.text() == "2"
    # The start picture is a card with its strength, in sight.
    assert tab.controls.start_picture.isVisible()
    for name in tab.chips.texts():
        tab.chips.remove(name)
    assert tab.chips.isHidden()
    assert tab.controls.more.badge.isHidden()
    tab.controls.start_picture.clear_button.click()
    now = tab.request()
    assert (now.seed, now.steps, now.image) == (None, None, None)


def test_what_is_scrolled_out_of_sight_is_named_above_generate(
    window: MainWindow, tab: Any, qtbot: QtBot, picture: Path
) -> None:
    window.resize(1024, 640)
    tab.controls.start_picture.set_path(str(picture))
    tab.controls.more.set_open(True)
    tab.controls.seed.set_value(7)
    qtbot.waitUntil(lambda: "seed" in tab.chips.texts())
    area = tab.prompt.parent().parent().parent()
    assert isinstance(area, ScrollColumn)
    bar = area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > tab.controls.start_picture.height())
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: "seed" not in tab.chips.texts())


def test_the_prompt_grows_with_its_text(tab: Any) -> None:
    low = tab.prompt.height()
    tab.prompt.set_text("\n".join("a long prompt" for _ in range(8)))
    assert tab.prompt.height() > 1.5 * low
    tab.prompt.set_text("\n" * 500)
    highest = tab.prompt.height()
    tab.prompt.set_text("\n" * 1000)
    assert tab.prompt.height() == highest
    tab.prompt.set_text("")
    assert tab.prompt.height() == low


def test_what_will_surprise_is_said_before_generate(tab: Any, find: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: tab.controls.is_known, timeout=20_000)
    hints = find("image.hints")
    assert "no prompt" in hints.text()
    tab.prompt.set_text("a fox")
    assert hints.isHidden()
    tab.controls.apply_capabilities(Capabilities(controls=("prompt", "seed"), alike=True))
    assert hints.isHidden()
    tab.run_bar.count.setValue(4)
    assert not hints.isHidden() and "nearly the same" in hints.text()
    assert tab.run_bar.generate.text() == "Generate 4"
    tab.run_bar.count.setValue(1)
    assert hints.isHidden()


def test_examples_and_styles_fill_the_prompt(tab: Any, find: Any) -> None:
    example, style = find("image.idea.0"), find("image.style.0")
    assert example.isVisible() and style.isVisible()
    style.click()
    assert tab.prompt.text().endswith(f", {style.text()}")
    # Typing replaces the subject that was put in.
    assert tab.prompt.text() == f"{tab.prompt.textCursor().selectedText()}, {style.text()}"
    assert not style.isVisible() and not example.isVisible()
    tab.prompt.set_text("")
    example.click()
    assert tab.prompt.text() == example.text()
    tab.prompt.set_text("a boat")
    style.click()
    assert tab.prompt.text() == f"a boat, {style.text()}"


def test_the_recipe_of_the_shown_picture_stands_beside_it(
    tab: Any, find: Any, qtbot: QtBot
) -> None:
    tab.controls.seed.set_value(11)
    ask(tab, "a fox", count=3)
    ended(tab, qtbot)
    tab.controls.seed.set_value(None)
    tab.prompt.set_text("something else")
    recipe = tab.result.recipe
    qtbot.waitUntil(lambda: ("Seed", "11") in recipe.rows())
    qtbot.keyClick(tab.result.canvas, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: ("Seed", "12") in recipe.rows())
    assert ("Prompt", "a fox") in recipe.rows()
    # Of the path only the end is shown; Copy has all of it.
    path = dict(recipe.rows())["File"]
    texts = [label.text().replace("\u200b", "") for label in recipe.findChildren(QLabel)]
    assert f"…/{Path(path).parent.name}/{Path(path).name}" in texts and path not in texts
    recipe.copy.click()
    assert "Seed: 12" in QGuiApplication.clipboard().text()
    assert path in QGuiApplication.clipboard().text()
    recipe.seed.click()
    assert tab.controls.seed.value() == 12
    find("image.recipe.use").click()
    assert (tab.prompt.text(), tab.controls.seed.value()) == ("a fox", 12)
    # The other pictures of the job are still there.
    assert states(tab) == ["done"] * 3
    toggle = find("image.recipe.toggle")
    was_open = recipe.isVisible()
    toggle.click()
    assert recipe.isVisible() != was_open
    assert tab._values.recipe_open is not was_open


def test_a_picture_is_deleted_and_compared_from_the_bar(
    window: MainWindow, tab: Any, find: Any, qtbot: QtBot
) -> None:
    ask(tab, "a fox")
    ended(tab, qtbot)
    assert not find("image.compare").isEnabled()
    ask(tab, "a fox", count=3)
    ended(tab, qtbot)
    find("image.compare").click()
    qtbot.waitUntil(lambda: window.findChild(CompareDialog) is not None)
    dialog = window.findChild(CompareDialog)
    assert dialog is not None and len(dialog.canvases) == 2
    dialog.close()
    find("image.delete").click()
    qtbot.waitUntil(lambda: states(tab) == ["deleted", "done", "done"])
    qtbot.waitUntil(window.messages._action.isVisible)
    window.messages._action.click()
    qtbot.waitUntil(lambda: states(tab) == ["done"] * 3)


def test_finished_pictures_are_dragged_out_as_files(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "a fox", count=2)
    ended(tab, qtbot)
    model = tab.result.model
    indexes = [model.index(row) for row in range(2)]
    assert all(index.flags() & Qt.ItemFlag.ItemIsDragEnabled for index in indexes)
    files = [url.toLocalFile() for url in model.mimeData(indexes).urls()]
    assert files == [model.at(row).path for row in range(2)]
    model.set_state(1, "deleted")
    assert not model.index(1).flags() & Qt.ItemFlag.ItemIsDragEnabled


def test_what_a_stopped_job_did_not_make_is_marked(tab: Any, qtbot: QtBot) -> None:
    ask(tab, "[slow] fox", count=3)
    qtbot.waitUntil(lambda: "step" in tab.run_bar.status.text())
    qtbot.waitUntil(lambda: "running" in states(tab))
    tab.stop()
    ended(tab, qtbot)
    assert set(states(tab)) <= {"done", "stopped"}


def test_taken_over_settings_can_be_taken_back(window: MainWindow, tab: Any, picture: Path) -> None:
    tab.prompt.set_text("my own words")
    tab.run_bar.count.setValue(3)
    window.restore(ImageRequest(prompt="a fox", seed=5, image=InputFile(str(picture))))
    assert tab.prompt.text() == "a fox"
    action = window.messages.messages[-1].action
    assert action is not None
    action()
    now = tab.request()
    assert (now.prompt, now.seed, now.image, now.count) == ("my own words", None, None, 3)


def test_while_typing_it_is_said_what_the_model_does_not_know(
    home: Paths, open_window: Any, qtbot: QtBot
) -> None:
    words = {"names": ["cat", "dog", "猫"], "besides": ["a", "cute", "一只"]}
    (home.models / "a-pipeline" / FILE).write_text(json.dumps(words), encoding="utf-8")
    window = open_window()
    window.tabs.setCurrentIndex(1)
    tab = window.tab("image")
    hint = window.findChild(DomainHint)

    def said(prompt: str, *parts: str) -> None:
        tab.prompt.set_text(prompt)
        qtbot.waitUntil(
            lambda: hint.isVisible() and all(part in hint.label.text() for part in parts),
            timeout=10_000,
        )

    assert hint.isHidden()
    said("a cute cat on the moon", "“on”, “the”, “moon”")
    assert hint.offer.isVisible()
    # It stays while it is true, also over a job.
    tab.generate()
    ended(tab, qtbot)
    assert hint.isVisible()
    said("一只橘猫", "“橘”")
    said("a cat a dog", "several", "“cat”, “dog”")
    tab.prompt.set_text("a cute cat")
    qtbot.waitUntil(hint.isHidden, timeout=10_000)
    said("fog", "“fog”")
    tab.prompt.set_text("")
    qtbot.waitUntil(hint.isHidden, timeout=10_000)


def test_a_model_that_does_not_say_what_it_knows_gets_no_hint(
    window: MainWindow, tab: Any, qtbot: QtBot
) -> None:
    hint = window.findChild(DomainHint)
    assert hint is not None
    tab.prompt.set_text("anything at all")
    qtbot.waitUntil(lambda: hint._asked[1] == "anything at all", timeout=10_000)
    ask(tab, "anything at all")
    ended(tab, qtbot)
    assert hint.isHidden()


def test_a_chinese_prompt_for_a_family_that_reads_english_offers_another_model(
    home: Paths, open_window: Callable[[], MainWindow]
) -> None:
    unet = home.models / "a-pipeline" / "unet" / "config.json"
    write_json(unet, {"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768})
    window = open_window()
    tab: Any = window.tab("image")
    offer = window.findChild(QPushButton, "image.language_offer")
    assert offer is not None
    tab.prompt.set_text("a fox")
    assert not offer.isVisibleTo(tab)
    tab.prompt.set_text("雪中的狐狸")
    assert offer.isVisibleTo(tab)
    assert offer.text().startswith("Get ")
