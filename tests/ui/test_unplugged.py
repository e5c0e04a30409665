"""The library's folder disappears while jobs run, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from studio.jobs.runner import AssetSaved, RunnerEvent
from studio.kinds.text import TextRequest
from studio.ui.main_window import MainWindow

JOBS = 30


def test_jobs_resume_after_the_library_was_unplugged(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = window.state.library
    assert library is not None
    away = tmp_path / "unplugged"
    unplugged: list[Path] = []

    post_report = window.state.reports.post_report

    def post_and_unplug(report: RunnerEvent) -> None:
        post_report(report)
        if isinstance(report, AssetSaved) and not unplugged:
            unplugged.append(library.root.rename(away))

    # In the worker's thread, before the next result.
    monkeypatch.setattr(window.state.reports, "post_report", post_and_unplug)
    window.state.submit([TextRequest(prompt=f"row {n}", seed=n) for n in range(JOBS)])

    def is_over() -> bool:
        counts = library.queue.counts()
        return counts.get("done", 0) + counts.get("failed", 0) == JOBS

    qtbot.waitUntil(is_over, timeout=60_000)
    assert not library.root.exists()
    qtbot.waitUntil(
        lambda: any("is no longer there" in m.text for m in window.messages.messages),
        timeout=10_000,
    )

    away.rename(library.root)
    ids = [job.id for job in library.queue.list("failed")]
    window.state.change_jobs(lambda library: [library.retries.resume(job) for job in ids])
    qtbot.waitUntil(lambda: library.queue.counts() == {"done": JOBS}, timeout=60_000)
    made = library.assets.recent(limit=1000)
    assert sorted(asset.recipe.seed for asset in made) == list(range(JOBS))
    assert all(asset.path.is_file() for asset in made)
