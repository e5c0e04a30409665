"""The shared controls, each on its own."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QSize, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from studio.kinds.registry import AnyKind, kinds
from studio.protocol import MAX_SEED
from studio.settings import RESOURCES
from studio.ui.fields.number_field import NumberField, number_field
from studio.ui.fields.prompt_edit import MAX_FILE_BYTES, PromptEdit
from studio.ui.fields.seed_field import SeedField
from studio.ui.messages.message_bar import (
    HIDE_AFTER_MS,
    HIDE_AFTER_MS_WITH_ACTION,
    MAX_MESSAGES,
    MessageBar,
)
from studio.ui.style.icons import icon, icon_pixmap
from studio.ui.style.theme import Scheme, apply_scheme, is_dark
from studio.ui.widgets.buttons import PrimaryButton
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text, time_ago_text
from studio.ui.widgets.tinted_label import TintedLabel


def test_a_number_resets_on_a_double_click_of_its_label(qtbot: QtBot) -> None:
    field = NumberField("Steps", 1, 500, 20, name="image.steps")
    qtbot.addWidget(field)
    field.set_value(77)
    QTest.mouseDClick(field.label, Qt.MouseButton.LeftButton)
    assert field.value() == 20
    assert field.spin.objectName() == "image.steps"


def test_an_optional_number_shows_auto_below_its_minimum(qtbot: QtBot) -> None:
    field = NumberField("Width", 64, 8192, None, 8, optional=True)
    qtbot.addWidget(field)
    assert field.value() is None
    assert field.spin.text() == "Auto"
    field.spin.stepUp()
    assert field.value() == 64
    field.set_value(None)
    assert field.value() is None


def test_a_number_out_of_range_is_clamped(qtbot: QtBot) -> None:
    field = NumberField("Temperature", 0, 5, 0.7, 0.05, 2)
    qtbot.addWidget(field)
    field.set_value(99)
    assert field.value() == 5
    field.set_range(0, 2)
    assert field.value() == 2


def test_a_number_control_takes_range_and_texts_from_its_field(qtbot: QtBot) -> None:
    def made(kind: AnyKind, name: str) -> NumberField:
        field = number_field(kind, name)
        qtbot.addWidget(field)
        return field

    width, top_p = made(kinds()["image"], "width"), made(kinds()["text"], "top_p")
    strength = made(kinds()["image"], "strength")
    assert (width.spin.minimum(), width.spin.maximum(), width.spin.singleStep()) == (0, 8192, 64)
    assert (width.label.text(), width.spin.suffix(), width.value()) == ("Width", " px", None)
    assert (top_p.spin.minimum(), top_p.value(), top_p.spin.objectName()) == (
        -0.04,
        None,
        "text.top_p",
    )
    assert strength.toolTip() == "0 keeps the picture, 1 redraws it completely"
    assert strength.spin.text() == "0.60"


def test_a_seed_covers_its_whole_range_and_can_be_random(qtbot: QtBot) -> None:
    field = SeedField("text.seed")
    qtbot.addWidget(field)
    assert field.value() is None
    field.set_value(MAX_SEED)
    assert field.value() == MAX_SEED
    field.randomise()
    assert field.value() is None
    field.reuse_last()
    assert field.value() is None
    field.set_last(3_000_000_000)
    field.reuse_last()
    assert field.value() == 3_000_000_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_text_file_dropped_on_the_prompt_is_read(
    qtbot: QtBot, tmp_path: Path, encoding: str
) -> None:
    text = "一只红色的狐狸\n在雪地里"
    file = tmp_path / "提示 🦊.txt"
    file.write_bytes(text.encode(encoding))
    prompt = PromptEdit("", "text.prompt")
    qtbot.addWidget(prompt)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    assert prompt.canInsertFromMimeData(data)
    prompt.insertFromMimeData(data)
    assert prompt.text() == text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_a_pipe_dropped_on_the_prompt_is_not_waited_for(qtbot: QtBot, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    prompt = PromptEdit("", "text.prompt")
    qtbot.addWidget(prompt)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "pipe.txt"))])
    prompt.insertFromMimeData(data)
    assert prompt.text() == ""


def test_a_huge_file_is_no_prompt(qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "huge.txt"
    file.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    prompt = PromptEdit("", "text.prompt")
    qtbot.addWidget(prompt)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    prompt.insertFromMimeData(data)
    assert "xxx" not in prompt.text()


def test_enter_inserts_a_new_line_and_ctrl_enter_submits(qtbot: QtBot) -> None:
    prompt = PromptEdit("", "text.prompt")
    qtbot.addWidget(prompt)
    with qtbot.assertNotEmitted(prompt.submitted):
        qtbot.keyClick(prompt, Qt.Key.Key_Return)
    with qtbot.waitSignal(prompt.submitted):
        qtbot.keyClick(prompt, Qt.Key.Key_Enter, Qt.KeyboardModifier.ControlModifier)
    assert prompt.text() == "\n"


def test_enter_submits_where_that_was_chosen_and_shift_enter_inserts_a_new_line(
    qtbot: QtBot,
) -> None:
    prompt = PromptEdit("", "text.prompt")
    qtbot.addWidget(prompt)
    prompt.submits_on_enter = True
    with qtbot.waitSignal(prompt.submitted):
        qtbot.keyClick(prompt, Qt.Key.Key_Return)
    qtbot.keyClick(prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert prompt.text() == "\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", 2), ("a\n" * 4, 5), ("a\n" * 5000, 10), ("word " * 100_000, 10)],
    ids=["empty", "short", "many lines", "one paragraph"],
)
def test_a_growing_prompt_is_as_high_as_its_text(qtbot: QtBot, text: str, lines: int) -> None:
    prompt = PromptEdit("", "text.prompt")
    qtbot.addWidget(prompt)
    prompt.resize(400, 100)
    prompt.show()
    prompt.grow(2, 10)
    prompt.set_text(text)
    assert prompt.height() == prompt._height_of(lines)
    prompt.set_text("")
    assert prompt.height() == prompt._height_of(2)


def test_a_message_keeps_its_action_until_it_is_used(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    done: list[str] = []
    bar.show_message("The disk is full.", "error", "Open folder", lambda: done.append("opened"))
    height = bar.height()
    assert bar.text() == "The disk is full."
    bar._action.click()
    assert done == ["opened"]
    assert bar.text() == ""
    assert bar.height() == height
    assert bar.messages[-1].text == "The disk is full."


def test_success_messages_disappear_and_errors_stay(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message("It is in the trash.", "info", "Undo", lambda: None)
    assert bar._hide_timer.isActive()
    assert bar._hide_timer.interval() == HIDE_AFTER_MS_WITH_ACTION
    bar._hide_timer.timeout.emit()
    assert bar.text() == ""
    bar.show_message("Saved.", "success")
    assert bar._hide_timer.interval() == HIDE_AFTER_MS
    bar.show_message("The disk is full.", "warning")
    assert not bar._hide_timer.isActive()


def test_a_repeated_error_is_one_message_with_a_count(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    for kind in ("error", "error", "error", "info", "info"):
        bar.show_message("The disk is gone.", kind)
    assert [(message.kind, message.line) for message in bar.messages] == [
        ("error", "The disk is gone. (×3)"),
        ("info", "The disk is gone."),
        ("info", "The disk is gone."),
    ]


def test_the_bell_is_shown_with_the_first_message_and_has_no_frame(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bell = bar.findChild(QToolButton, "messages.list")
    assert bell is not None and bell.isHidden() and bell.autoRaise()
    bar.show_message("saved")
    assert not bell.isHidden()


def test_old_messages_are_dropped(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    for number in range(MAX_MESSAGES + 5):
        bar.show_message(f"no. {number}")
    assert len(bar.messages) == MAX_MESSAGES
    assert bar.messages[0].text == "no. 5"


def test_a_long_status_is_elided_with_the_full_text_as_tooltip(
    qtbot: QtBot,
) -> None:
    bar = RunBar("text")
    qtbot.addWidget(bar)
    whole = " · ".join(["29.7 tokens/s"] * 20)
    bar.resize(400, 100)
    bar.show()
    bar.set_status(whole)
    shown = QLabel.text(bar.status)
    assert shown.endswith("…")
    assert bar.status.fontMetrics().horizontalAdvance(shown) <= bar.status.width()
    assert (bar.status.toolTip().replace("\n", " "), bar.status.text()) == (whole, whole)
    bar.resize(4000, 100)
    assert QLabel.text(bar.status) == whole


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_border_of_an_unchecked_box_is_visible(scheme: Scheme, qtbot: QtBot, qapp: Any) -> None:
    apply_scheme(qapp, "light" if scheme == "dark" else "dark")
    page = QWidget()
    qtbot.addWidget(page)
    box = QCheckBox()
    QVBoxLayout(page).addWidget(box)
    with qtbot.waitExposed(page):
        page.show()
    apply_scheme(qapp, scheme)
    qtbot.waitUntil(lambda: is_dark(page.palette()) == (scheme == "dark"))
    image = page.grab().toImage()
    middle = box.geometry().center().y()
    lights = [image.pixelColor(x, middle).lightness() for x in range(image.width())]
    assert max(abs(light - lights[0]) for light in lights) > 80


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_colours_follow_the_colour_scheme(scheme: Scheme, qtbot: QtBot, qapp: Any) -> None:
    apply_scheme(qapp, "light" if scheme == "dark" else "dark")
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    error, quiet = TintedLabel(), TintedLabel()
    error.show_text("MMMM", "error")
    quiet.show_text("MMMM")
    more, button = CollapsibleSection("MMMM"), PrimaryButton("MMMM", "check", "")
    for part in (more, error, quiet, button):
        layout.addWidget(part)
    with qtbot.waitExposed(page):
        page.show()
    apply_scheme(qapp, scheme)
    qtbot.waitUntil(lambda: is_dark(page.palette()) == (scheme == "dark"))
    for widget in (more.button, error, quiet, button):
        image = widget.grab().toImage()
        lights = [
            image.pixelColor(x, y).lightness()
            for x in range(image.width())
            for y in range(image.height())
        ]
        assert max(lights) - min(lights) > 90, widget
    apply_scheme(qapp, "system")


def test_a_collapsed_section_keeps_its_values(qtbot: QtBot) -> None:
    more = CollapsibleSection("More")
    qtbot.addWidget(more)
    field = NumberField("Steps", 1, 500, 20)
    more.add(field)
    field.set_value(7)
    more.set_open(True)
    more.set_open(False)
    assert field.value() == 7
    assert not more.body.isVisibleTo(more)


def test_the_progress_bar_does_not_change_the_layout(qtbot: QtBot) -> None:
    bar = RunBar("text")
    qtbot.addWidget(bar)
    before = bar.sizeHint().height()
    bar.set_running(True)
    bar.set_progress(3, 10, 12)
    bar.set_status("Writing…")
    assert bar.sizeHint().height() == before
    assert bar.stop.isEnabled()


@pytest.mark.parametrize("file", sorted((RESOURCES / "icons").glob("*.svg")), ids=lambda f: f.stem)
@pytest.mark.usefixtures("qapp")
def test_every_icon_can_be_drawn(file: Path) -> None:
    image = icon(file.stem).pixmap(32, 32).toImage()
    opaque = sum(
        image.pixelColor(x, y).alpha() > 0 for x in range(image.width()) for y in range(32)
    )
    assert opaque > 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_icons_of_selected_rows_are_visible_on_their_ground(scheme: Scheme, qapp: Any) -> None:
    apply_scheme(qapp, scheme)
    selected = icon("film").pixmap(QSize(24, 24), 1.0, QIcon.Mode.Selected)
    assert selected.toImage() == icon("film").pixmap(QSize(24, 24), 1.0).toImage()
    apply_scheme(qapp, "system")


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
@pytest.mark.usefixtures("qapp")
def test_icons_have_all_pixels_of_a_scaled_screen(ratio: float) -> None:
    pixmap = icon("bell").pixmap(QSize(16, 16), ratio)
    assert pixmap.size() == QSize(16, 16) * ratio
    assert pixmap.devicePixelRatio() == ratio
    side = round(16 * ratio)
    expected = icon_pixmap("bell", 16, QGuiApplication.palette().buttonText().color(), ratio)
    assert expected.toImage() == pixmap.toImage()
    assert expected.width() == side


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.84, "0.8 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_shown_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_times_are_shown_relative_to_now() -> None:
    now = datetime(2026, 1, 31, 12, 0)
    assert time_ago_text(now - timedelta(seconds=5), now) == "just now"
    assert time_ago_text(now - timedelta(minutes=5), now) == "5 min ago"
    assert time_ago_text(now - timedelta(days=3), now) == "3 d ago"
    assert time_ago_text(now + timedelta(minutes=5), now) == "just now"


def test_buttons_of_an_empty_view_stand_below_each_other_where_it_is_narrow(qtbot: QtBot) -> None:
    texts = ["Get Qwen3.5 2B (2.0 GB)", "Install the starter models", "Add a model…"]
    view = EmptyState("package", "No model", "", [(text, lambda: None) for text in texts])
    qtbot.addWidget(view)
    view.resize(800, 400)
    view.show()
    buttons = view.findChildren(QPushButton)
    assert len({button.y() for button in buttons}) == 1
    view.resize(320, 400)
    qtbot.waitUntil(lambda: len({button.y() for button in buttons}) == 3)
    assert all(button.width() >= button.sizeHint().width() for button in buttons)
