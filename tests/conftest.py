"""What all tests share: English, and patience on a busy machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

os.environ["LC_ALL"] = "C.UTF-8"

PATIENCE = 6
"""A wait ends when what it waits for is there; its limit is for a machine with nothing to do."""


@pytest.fixture(autouse=True)
def _patient_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def patient(wait: Callable[..., Any]) -> Callable[..., Any]:
        def waits(*arguments: Any, timeout: int = 5000, **more: Any) -> Any:
            return wait(*arguments, timeout=timeout * PATIENCE, **more)

        return waits

    for name in ("waitUntil", "waitSignal", "waitSignals"):
        monkeypatch.setattr(QtBot, name, patient(getattr(QtBot, name)))
