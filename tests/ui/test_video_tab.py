"""The Video tab: files are listed, worked on, and compared with what was made of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from studio.kinds.kind import Medium
from studio.kinds.video import VideoRequest
from studio.ui.gallery.history_model import PICTURE_ROLE
from studio.ui.main_window import MainWindow
from studio.ui.media.video.player import VideoPlayer
from tests.video_files import write_mixing_rife, write_video


@pytest.fixture
def tab(open_window: Callable[[], MainWindow], qtbot: QtBot) -> Any:
    from studio.settings import default_paths

    write_mixing_rife(default_paths().models / "rife" / "rife.pth")
    window = open_window()
    qtbot.waitUntil(lambda: window.state.models_known and window.tabs.is_complete, timeout=20_000)
    window.tabs.show_task("video")
    return window.tab("video")


def listed(tab: Any, qtbot: QtBot, *paths: Path) -> None:
    tab.take(paths)
    rows = tab.inputs.list
    qtbot.waitUntil(
        lambda: (
            rows.count() == len(paths)
            and all("\n" in rows.item(row).text() for row in range(rows.count()))
        ),
        timeout=20_000,
    )


def choose(tab: Any, name: str, value: object) -> None:
    box = tab.controls.boxes[name]
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def test_a_video_is_smoothed_and_shown_beside_its_original(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "holiday.mp4", count=6)
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    listed(tab, qtbot, video, text)
    rows = tab.inputs.list
    assert rows.item(0).text() == "holiday.mp4\n96 × 64, 12 fps, 0:00"
    assert "is not a video" in rows.item(1).text()
    qtbot.waitUntil(lambda: not tab.panel.canvas.picture.isNull(), timeout=10_000)
    choose(tab, "scale", 1)
    choose(tab, "smooth", 2)
    assert not tab.controls.model.isEnabled() and tab.controls.interpolator.isEnabled()
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=20_000)
    library = tab._state.library
    (asset,) = library.assets.recent()
    request = asset.recipe.request
    assert isinstance(request, VideoRequest)
    assert (request.scale, request.smooth, asset.medium) == (1, 2, Medium.VIDEO)
    assert (asset.width, asset.height) == (160, 96)
    assert asset.duration == pytest.approx(1.0)
    qtbot.waitUntil(tab.panel.comparison.is_comparing, timeout=10_000)
    assert tab.panel.time.text() == "0:00 / 0:01"
    tab.panel.place.setValue(900)
    assert tab.panel.seconds == pytest.approx(0.9)
    history: Any = tab.window().findChild(object, "history.view")
    model = history.model()
    qtbot.waitUntil(lambda: model.rowCount() == 1, timeout=10_000)
    qtbot.waitUntil(lambda: model.index(0, 0).data(PICTURE_ROLE) is not None, timeout=10_000)
    actions = history.parent().commands.results
    assert actions["compare_videos"].is_enabled([asset])
    actions.do("compare_videos", [asset])
    dialog: Any = tab.window().findChild(object, "compare.videos")
    qtbot.waitUntil(dialog.panel.comparison.is_comparing, timeout=10_000)
    dialog.close()


def test_a_preview_is_one_second_and_what_makes_no_sense_is_said(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    listed(tab, qtbot, write_video(tmp_path / "a.mp4", count=6))
    choose(tab, "scale", 1)
    tab.generate()
    messages = tab.window().messages.messages
    assert "Choose what to do with the video" in messages[-1].text
    choose(tab, "smooth", 4)
    tab.make_preview()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "Finished", timeout=20_000)
    (job,) = tab._state.library.queue.list()
    assert (job.request.length, job.request.smooth) == (1.0, 4)


def test_settings_of_a_result_are_shown_again_and_models_follow_the_scale(
    tab: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "a.mp4", count=2)
    listed(tab, qtbot, video)
    wanted = tab.controls.request(video).with_values(
        scale=1, fps=50.0, quality=90, encoder="vp9", format="mkv", model=""
    )
    tab.restore(wanted)
    assert tab.controls.request(video) == wanted.with_values(interpolator="")
    assert not tab.controls.boxes["smooth"].isEnabled()
    assert tab.inputs.list.count() == 1


def test_where_a_library_of_the_system_is_missing_for_playing_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtMultimedia", None)
    owner = QObject()
    player = VideoPlayer(owner)
    said: list[str] = []
    player.failed.connect(said.append)
    video = write_video(tmp_path / "film.mp4")
    player.set_files(video, None)
    player.play()
    assert said and said[0].startswith("The video cannot be played: ")
    assert not player.is_playing
