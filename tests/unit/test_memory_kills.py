"""A process counts as killed for memory only if the system says that it kills for memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.engine.local import memory_kills


@pytest.mark.parametrize(
    ("code", "before", "now", "expected"),
    [
        (-9, 3, 4, True),
        (-9, 3, 3, False),
        (-9, None, None, True),
        (-11, 3, 4, False),
        (0, 3, 4, False),
    ],
)
def test_a_kill_is_for_memory_if_the_system_counted_one(
    code: int,
    before: int | None,
    now: int | None,
    expected: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 5\n" + ("" if now is None else f"oom_kill {now}\n"), "ascii")
    monkeypatch.setattr(memory_kills, "_COUNTERS", counters)
    assert memory_kills.was_killed_for_memory(code, before) is expected
