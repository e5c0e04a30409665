"""Image jobs in the real engine process: described, generated, previewed, cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engine.api import Work
from studio.engine.local.client import EngineClient
from studio.kinds.image import ImageRequest
from studio.protocol import (
    AssetReady,
    Cancelled,
    Described,
    DescribeModel,
    Done,
    Event,
    Failed,
    ModelRef,
    Preview,
    RunJob,
)
from tests.engine import tiny_pipelines


@pytest.mark.usefixtures("patient")
def test_a_real_engine_describes_draws_cancels_and_draws_again(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    client = make_client(device="cpu", threads=1)
    path = tiny_pipelines.folder_of("prxpixel")
    model = ModelRef(id="tiny", name="Tiny", task="image", format="diffusers", path=str(path))
    events: list[Event] = []

    def command(job: str, steps: int = 4) -> RunJob:
        request = ImageRequest(
            prompt="a red cat", seed=1, count=3, steps=steps, width=64, height=64
        )
        return RunJob(
            job=job, request=request, rows=(0, 1, 2), model=model, work_dir=str(tmp_path / job)
        )

    def run(wanted: Work, on_event: Callable[[Event], None] = lambda _: None) -> Event:
        def note(event: Event) -> None:
            events.append(event)
            on_event(event)

        return client.run(wanted, note)

    assert isinstance(run(DescribeModel(job="d", model=model)), Done)
    (described,) = [event for event in events if isinstance(event, Described)]
    assert described.capabilities.multiple == 16

    assert isinstance(run(command("first")), Done)
    engine = client.pid

    stopping: list[threading.Thread] = []

    def stop(event: Event) -> None:
        if isinstance(event, Preview) and event.job == "long" and not stopping:
            stopping.append(threading.Thread(target=client.cancel, args=("long",)))
            stopping[0].start()

    assert isinstance(run(command("long", steps=500), stop), Cancelled)
    stopping[0].join()
    assert isinstance(run(command("last")), Done)

    assert client.pid == engine, "the engine was restarted although it could be stopped politely"
    paths = {
        (e.job, e.row): tmp_path / e.job / e.file.name for e in events if isinstance(e, AssetReady)
    }
    assert set(paths) == {(job, row) for job in ("first", "last") for row in range(3)}
    for row in range(3):
        first, last = (np.asarray(Image.open(paths[job, row])) for job in ("first", "last"))
        assert np.array_equal(first, last)


def test_a_broken_model_fails_with_a_sentence(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    client = make_client(device="cpu", threads=1)
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    model = ModelRef(id="b", name="b", task="image", format="single_file", path=str(path))

    final = client.run(DescribeModel(job="d", model=model), lambda _: None)

    assert isinstance(final, Failed)
    assert final.problem.kind == "model_broken"
    assert str(path) in str(final.problem.message)
