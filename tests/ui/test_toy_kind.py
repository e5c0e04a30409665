"""A new kind has its tab and appears in queue, History, details and menus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from studio.kinds.coding import request_from_json
from studio.kinds.kind import Medium
from studio.kinds.registry import kinds
from studio.ui.gallery.detail_text import detail_text
from studio.ui.main_window import MainWindow
from studio.ui.shell.workspace import TakesFiles
from tests.toy_kind.kind import KIND, ToneRequest
from tests.toy_kind.registration import registered


@pytest.fixture(autouse=True)
def toy_kind() -> Iterator[None]:
    with registered("tests.toy_kind.kind"):
        yield


def test_a_toy_kind_has_a_tab_and_appears_in_queue_and_history(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    titles = [window.tabs.tabText(place) for place in range(window.tabs.count())]
    known = ["Text", "Image", "Upscale", "Voice", "Transcribe", "Video", "Film", "Clip", "Music"]
    assert titles == [*known, "Tone", "Library"]
    window.tabs.setCurrentIndex(9)
    tab: Any = window.tab("tone")
    tab.prompt.set_text("a bell")
    tab.pitch.set_value(880)
    tab.run_bar.count.setValue(2)
    tab.generate()
    qtbot.waitUntil(lambda: tab.run_bar.status.text() == "done", timeout=20_000)
    library = window.state.library
    assert library is not None
    (job,) = library.queue.list()
    assert job.request == ToneRequest(prompt="a bell", pitch=880, count=2, seed=job.request.seed)
    assert request_from_json('{"task":"tone","prompt":"x"}') == ToneRequest(prompt="x")
    queue: Any = window.findChild(object, "queue.view")
    history: Any = window.findChild(object, "history.view")
    qtbot.waitUntil(lambda: "a bell" in rows(queue), timeout=10_000)
    qtbot.waitUntil(lambda: rows(history) == ["a bell", "a bell"], timeout=10_000)
    asset = library.assets.recent()[0]
    assert (asset.task, asset.medium, asset.path.suffix) == ("tone", Medium.AUDIO, ".wav")
    assert "<b>Pitch</b> 880 Hz" in detail_text(asset)
    window.restore(asset)
    assert (tab.prompt.text(), tab.pitch.int_value()) == ("a bell", 880)
    assert KIND.fields["pitch"].maximum == tab.pitch.spin.maximum()


def test_results_are_sent_only_to_kinds_whose_workspace_takes_files(
    open_window: Callable[[], MainWindow],
) -> None:
    assert KIND.action and not KIND.inputs
    window = open_window()
    history: Any = window.findChild(object, "history.view")
    actions = history.parent().commands.results
    targets = [action.name for action in actions if action.name in kinds()]
    assert targets == ["image", "upscale", "transcribe", "describe", "video", "film", "clip"]
    assert all(isinstance(window.tab(task), TakesFiles) for task in targets)


def rows(view: Any) -> list[str]:
    model = view.model()
    return [str(model.index(row, 0).data() or "") for row in range(model.rowCount())]
