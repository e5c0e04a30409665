"""The real engine runs the task of a kind that it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.engine.local.client import EngineClient
from studio.protocol import AssetReady, Done, Event, ModelRef, RunJob
from tests.toy_kind.kind import ToneRequest
from tests.toy_kind.registration import registered


@pytest.fixture(autouse=True)
def toy_kind() -> Iterator[None]:
    with registered("tests.toy_kind.kind"):
        yield


def test_the_real_engine_runs_a_toy_kind(tmp_path: Path) -> None:
    client = EngineClient(log_dir=tmp_path / "logs")
    model = ModelRef(id="", name="Tone", task="tone", format="", path="")
    command = RunJob(
        job="1",
        request=ToneRequest(prompt="a bell", pitch=880, count=2, seed=5),
        rows=(0, 1),
        model=model,
        work_dir=str(tmp_path),
    )
    events: list[Event] = []
    try:
        assert isinstance(client.run(command, events.append), Done)
    finally:
        client.stop()
    made = [event for event in events if isinstance(event, AssetReady)]
    assert [event.recipe.request for event in made] == [
        ToneRequest(prompt="a bell", pitch=880, count=1, seed=seed) for seed in (5, 6)
    ]
    assert all(client.path_of(event.file, tmp_path).is_file() for event in made)
