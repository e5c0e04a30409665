"""Peak memory is measured above what was in use before."""

from __future__ import annotations

import mmap
import sys
import threading
from pathlib import Path

import pytest

from studio.engine.local import peak_memory as peak
from studio.engine.local.devices import Device
from studio.engine.local.peak_memory import PeakMemory

SIZE = 200_000_000
CPU = Device("cpu", 8 * 10**9, "any")


def test_memory_released_before_the_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    wait = threading.Event.wait

    def wait_and_tell(event: threading.Event, seconds: float | None = None) -> bool:
        ended = wait(event, 0.001 if seconds == peak._SAMPLE_SECONDS else seconds)
        looked.set()
        return ended

    monkeypatch.setattr(threading.Event, "wait", wait_and_tell)
    with PeakMemory(CPU) as measured:
        block = bytearray(b"x") * SIZE
        for _ in range(2):
            looked.clear()
            wait(looked)
        del block
    assert SIZE * 0.9 < measured.stats["peak_memory"] < SIZE * 1.5
    assert not [t for t in threading.enumerate() if t.name == "peak-memory"]


def test_an_error_in_the_block_ends_the_measurement() -> None:
    with pytest.raises(ValueError, match="inside"), PeakMemory(CPU):
        raise ValueError("inside")
    assert not [t for t in threading.enumerate() if t.name == "peak-memory"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells mapped files apart")
def test_a_file_that_is_mapped_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"x" * SIZE)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        with PeakMemory(CPU) as measured:
            assert sum(data[::4096]) > 0
        assert measured.stats["peak_memory"] < SIZE / 10
