"""Act when a client has written a counted number of bytes, and no more were sent to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from studio.downloads.queue_folder import FOLDER
from tests.hub.server import HubServer


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def when_received(
    hub: HubServer, models: Path, name: str, count: int, action: Callable[[], object]
) -> None:
    """Call `action` when a client has written `count` bytes of a file into `models`."""

    def received() -> None:
        parts = f"{FOLDER}/*/files/{name}.part"
        wait_for(lambda: any(part.stat().st_size == count for part in models.glob(parts)))
        action()

    hub.call_at(count, received, f"/{name}")
