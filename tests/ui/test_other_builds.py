"""Results of a newer version are shown; only actions that need their kind are disabled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from studio.kinds.registry import kind_if_known
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.settings import Paths
from studio.ui.compare.differences import differences
from studio.ui.gallery.detail_text import detail_text
from studio.ui.gallery.history_menu import fill_menu
from studio.ui.main_window import MainWindow
from studio.ui.queue.queue_menu import fill_menu as fill_queue_menu
from studio.ui.queue.queue_model import JOB_ROLE, STATUS_ROLE
from studio.ui.shell.kind_labels import asset_icon
from tests.unit.newer_build import FIELD, FILES, FILM, SPEECH, STEPS, asset_of, write_library

NEEDS_THE_KIND = {"use", "more_like", "reproduce"}


@pytest.fixture
def newer(home: Paths, open_window: Callable[[], MainWindow]) -> MainWindow:
    """The window over a library that a newer version wrote."""
    write_library(home.library)
    return open_window()


@pytest.fixture
def library(newer: MainWindow) -> Library:
    assert newer.state.library is not None
    return newer.state.library


@pytest.fixture
def history(newer: MainWindow, qtbot: QtBot) -> Any:
    view: Any = newer.findChild(object, "history.view")
    qtbot.waitUntil(lambda: view.model().rowCount() == len(FILES), timeout=10_000)
    return view


def asset(library: Library, name: str) -> Asset:
    found = library.assets.get(asset_of(name))
    assert found is not None
    return found


def enabled(menu: QMenu) -> dict[str, bool]:
    return {
        action.objectName().rpartition(".")[2]: action.isEnabled()
        for action in menu.actions()
        if action.objectName()
    }


def off(newer: MainWindow, history: Any, chosen: list[Asset]) -> set[str]:
    menu = QMenu(newer)
    fill_menu(menu, history.parent().commands, chosen)
    return {name for name, is_on in enabled(menu).items() if not is_on}


def test_its_results_are_listed_by_prompt_or_file_name(library: Library, history: Any) -> None:
    model = history.model()
    titles = {model.index(row).data() for row in range(model.rowCount())}
    assert {"Read the sea aloud", "Waves at the sea", "a fox, lit well"} <= titles
    for row in range(model.rowCount()):
        assert history.itemDelegate().picture(model.index(row)) is not None
    assert asset_icon(asset(library, "hologram.wav")) == "audio-lines"
    assert asset_icon(asset(library, "film.png")) == "image"


def test_its_details_show_the_known_fields(library: Library) -> None:
    sound = detail_text(asset(library, "hologram.wav"))
    assert "<b>Prompt</b> Read the sea aloud" in sound
    assert "<b>Kind</b> hologram" in sound
    assert "<b>voice</b> anna" in sound
    assert "another version of Prompt Studio" in sound
    assert "<b>lighting</b> {&quot;from&quot;:&quot;left&quot;}" in detail_text(
        asset(library, "field.png")
    )
    assert "<b>Steps</b> 9000" in detail_text(asset(library, "steps.png"))


def test_only_actions_that_need_its_kind_are_disabled(
    newer: MainWindow, library: Library, history: Any
) -> None:
    sound, film, fox = (asset(library, f"{n}") for n in ("hologram.wav", "film.png", "steps.png"))
    of_others = {"speech", "music", "subtitles", "text", "transcribe", "video", "compare_videos"}
    assert off(newer, history, [film]) == {*NEEDS_THE_KIND, *of_others, "compare", "sheet"}
    assert off(newer, history, [sound]) >= {*NEEDS_THE_KIND, "image", "upscale"}
    on = {"star", "tags", "copy", "open", "folder", "export", "delete"}
    assert not off(newer, history, [sound]) & on
    # Its settings can be shown although it cannot run unchanged.
    assert off(newer, history, [fox]) & NEEDS_THE_KIND == {"more_like", "reproduce"}


def test_its_files_are_copied_starred_and_deleted(
    newer: MainWindow, library: Library, history: Any, qtbot: QtBot
) -> None:
    results = history.parent().commands.results
    sound = asset(library, "hologram.wav")
    results.do("copy", [sound])
    assert [url.toLocalFile() for url in QGuiApplication.clipboard().mimeData().urls()] == [
        str(sound.path)
    ]
    results.do("star", [sound])
    qtbot.waitUntil(lambda: asset(library, "hologram.wav").starred, timeout=10_000)
    results.do("use", [sound])
    assert "Another version" in newer.messages.text()
    results.do("delete", [sound])
    qtbot.waitUntil(lambda: len(library.trash.list()) == 1, timeout=10_000)


def test_its_pictures_are_compared_by_the_known_fields(library: Library) -> None:
    film, fox = asset(library, "film.png"), asset(library, "steps.png")
    of_film, of_fox = map(dict, differences([film, fox]))
    assert of_film == {"Steps": "–", "Prompt": "Waves at the sea"}
    assert of_fox == {"Steps": "9000", "Prompt": "a very patient fox"}


def test_its_jobs_show_why_they_wait_also_on_a_double_click(
    newer: MainWindow, qtbot: QtBot
) -> None:
    view: Any = newer.findChild(object, "queue.view")
    model = view.model()
    wanted = {SPEECH, FILM, STEPS, FIELD}
    qtbot.waitUntil(lambda: model.rowCount() >= len(wanted), timeout=10_000)
    for row in range(model.rowCount()):
        index = model.index(row)
        job: Job = index.data(JOB_ROLE)
        if job.status == "queued":
            assert job.unsupported_reason is not None
            assert str(job.unsupported_reason) in index.data(STATUS_ROLE)
        menu = QMenu(newer)
        fill_queue_menu(menu, view.parent().queue_actions, [job], lambda _: None, lambda _: None)
        assert enabled(menu)["use"] == (kind_if_known(job.request) is not None)
    first = next(
        model.index(row)
        for row in range(model.rowCount())
        if model.index(row).data(JOB_ROLE).request.task == "hologram"
    )
    view.doubleClicked.emit(first)
    assert "another version" in newer.messages.text()
