"""Upscaling in the real engine process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.engine.local.client import EngineClient
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import AssetReady, Cancelled, Done, Event, Failed, InputFile, Loading, RunJob
from tests.engine.event_recorder import Recorder
from tests.engine.upscale.upscale_bench import photograph, starter

Make = Callable[[Path], RunJob]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def command(source: Path) -> RunJob:
        return RunJob(
            job="1",
            request=UpscaleRequest(input=InputFile(str(source)), seed=5),
            rows=(0,),
            model=starter("dat-light-x2"),
            work_dir=str(tmp_path / "结果 🌻 work"),
        )

    return command


@pytest.mark.usefixtures("patient")
def test_one_bad_picture_fails_one_job_and_the_next_is_upscaled(
    make_client: Callable[..., EngineClient], make: Make, tmp_path: Path
) -> None:
    client = make_client(device="cpu", threads=1)
    bad, good = tmp_path / "坏 🌧.png", tmp_path / "好 🌻 a.png"
    bad.write_text("no picture")
    Image.fromarray(photograph(30, 40)).save(good)

    final: Event = client.run(make(bad), lambda _: None)
    assert isinstance(final, Failed)
    assert final.problem.kind == "bad_input"
    assert bad.name in str(final.problem.message)
    pid = client.pid

    recorder = Recorder()
    final = client.run(make(good), recorder)
    assert isinstance(final, Done)
    assert final.stats["width"] == 80
    assert client.pid == pid
    (asset,) = [event for event in recorder.events if isinstance(event, AssetReady)]
    work_dir = Path(make(good).work_dir)
    with Image.open(client.path_of(asset.file, work_dir)) as image:
        assert image.size == (80, 60)

    # Large enough that the cancel arrives in time: nothing is left and the engine keeps running.
    Image.fromarray(photograph(150, 200)).save(good)
    final = client.run(make(good), Recorder(Loading, lambda: client.cancel("1")))
    assert isinstance(final, Cancelled)
    assert client.pid == pid
    assert [file.name for file in work_dir.iterdir()] == [asset.file.name]
