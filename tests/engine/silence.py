"""Silence without a clock: an engine is silent when its process is stopped, and not when slow."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import wait
from typing import Any

import psutil
import pytest

from studio.engine.local import client


def make_silent_when_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client find its engine silent as soon as a child of this process is stopped."""

    def wait_or_stopped(objects: Sequence[Any], timeout: float | None = None) -> list[Any]:
        while True:
            ready = wait(objects, 0.02)
            if ready:
                return ready
            if timeout is not None and _a_child_is_stopped():
                # What it sent before.
                return wait(objects, 0)

    monkeypatch.setattr(client, "wait", wait_or_stopped)


def _a_child_is_stopped() -> bool:
    for child in psutil.Process().children():
        try:
            if child.status() == psutil.STATUS_STOPPED:
                return True
        except psutil.Error:
            continue
    return False
