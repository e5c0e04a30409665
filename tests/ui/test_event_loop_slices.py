"""Work in slices: what waits for the event loop gets its turn after each slice."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from studio.ui.shell.event_loop_slices import run_in_slices


def test_timers_and_input_get_a_turn_between_slices(qtbot: QtBot) -> None:
    order: list[str] = []
    owner = QObject()
    timer = QTimer(owner)
    timer.timeout.connect(lambda: order.append("turn"))
    timer.start(0)
    names = ["first", "second", "third"]
    run_in_slices(owner, (partial(order.append, name) for name in names), lambda: True)
    qtbot.waitUntil(lambda: "third" in order)
    timer.stop()
    assert "turn" in order[order.index("first") : order.index("second")]
    assert "turn" in order[order.index("second") : order.index("third")]


def test_slices_end_when_they_are_no_longer_wanted(qtbot: QtBot) -> None:
    ran: list[int] = []
    owner = QObject()
    run_in_slices(owner, (partial(ran.append, n) for n in range(100)), lambda: len(ran) < 3)
    qtbot.waitUntil(lambda: len(ran) == 3)
    with qtbot.waitSignal(QTimer(owner).timeout, raising=False, timeout=20):
        pass
    assert ran == [0, 1, 2]
