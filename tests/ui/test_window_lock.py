"""One window for each home."""

from __future__ import annotations

from pathlib import Path

from studio.ui.shell.window_lock import WindowLock


def test_a_lock_left_under_another_host_name_is_taken_over(tmp_path: Path) -> None:
    """Host names of laptops change with the network; the window of a dead process is gone."""
    (tmp_path / "window.lock").write_text("4711\nstudio\nanother-host.local\n")
    first, second = WindowLock(tmp_path), WindowLock(tmp_path)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
