"""Work in slices: what waits for the event loop gets its turn after each slice."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from studio.ui.shell import event_loop_slices
from studio.ui.shell.event_loop_slices import import_slices, run_in_slices


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


def test_each_slice_of_imports_brings_one_module_if_modules_are_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "sliced" / "parts"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package.parent / "deep.py").touch()
    (package / "a.py").write_text("from sliced.parts.b import x\n")
    (package / "b.py").write_text("import sliced.deep\nx = 1\n")
    (package / "c.py").write_text("from sliced.parts.a import (\n    x,\n)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(event_loop_slices, "_IMPORT_S", 0)
    monkeypatch.setattr(event_loop_slices, "_OURS", "sliced")
    came: list[set[str]] = []
    before = set(sys.modules)
    known = before
    for run in import_slices("sliced.parts"):
        run()
        came.append({name for name in sys.modules if name.startswith("sliced")} - known)
        known = known | came[-1]
    for name in known - before:
        del sys.modules[name]
    assert came[0] == {"sliced", "sliced.parts", "sliced.deep"}
    assert came[1:4] == [{"sliced.parts.b"}, {"sliced.parts.a"}, {"sliced.parts.c"}]
