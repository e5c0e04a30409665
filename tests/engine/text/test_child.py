"""Text jobs in the real engine process: streaming and cancelling."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from studio.engine.local.client import EngineClient
from studio.kinds.text import TextRequest
from studio.protocol import (
    AssetReady,
    Cancelled,
    ConvertModel,
    Done,
    Event,
    Failed,
    ModelRef,
    RunJob,
    TextDelta,
)
from tests.engine.event_recorder import Recorder
from tests.engine.tiny_text import tiny_gguf


def job(model: ModelRef, folder: Path, name: str, **fields: object) -> RunJob:
    request = msgspec.convert({"task": "text", **fields}, TextRequest)
    rows = tuple(range(request.count))
    return RunJob(job=name, request=request, rows=rows, model=model, work_dir=str(folder / name))


LEAN_JOB = """
import sys, threading
from studio.engine.local.process import Engine
from studio.kinds.text import TextRequest
from studio.protocol import Done, ModelRef, RunJob, RunTogether

model = ModelRef(id="m", name="m", task="text", format="gguf", path=sys.argv[1])
how = dict(seed=1, max_tokens=6, temperature=1.5, top_p=0.99, top_k=0)
requests = [
    TextRequest(prompt="abc", count=2, **how),
    TextRequest(prompt="abc", regex="[a-z]+", **how),
    TextRequest(prompt="de", **how),
]
engine = Engine(lambda _: None, "cpu")
jobs = [
    RunJob(job=str(number), request=request, rows=tuple(range(request.count)), model=model,
           work_dir=sys.argv[2])
    for number, request in enumerate(requests)
]
for each in jobs:
    done = engine.execute(each, threading.Event())
    assert isinstance(done, Done), done
parts = RunTogether(job="all", parts=(jobs[0], jobs[2]))
print(engine.execute_together(parts, {part.job: threading.Event() for part in parts.parts}))
print(sorted({"torch", "transformers", "scipy", "PIL"} & set(sys.modules)))
"""


def test_jobs_of_a_gguf_file_import_no_torch(tmp_path: Path) -> None:
    file = tiny_gguf(tmp_path / "tiny.gguf", kind="Q8_0")
    script = [sys.executable, "-c", LEAN_JOB, str(file), str(tmp_path / "work")]
    done, found = subprocess.run(
        script, capture_output=True, text=True, check=True, timeout=300
    ).stdout.splitlines()
    assert "'alone': 0.0" in done
    assert found == "[]"


@pytest.mark.usefixtures("patient")
def test_a_cancelled_job_leaves_a_warm_engine_for_the_next(
    make_client: Callable[..., EngineClient], either: ModelRef, tmp_path: Path
) -> None:
    client = make_client()
    long = job(either, tmp_path, "long", prompt="Tell me a long story.", seed=1, max_tokens=450)
    stopped = Recorder(TextDelta, lambda: client.cancel("long"))
    assert client.run(long, stopped) == Cancelled("long")
    engine = client.pid
    recorder = Recorder()
    short = job(either, tmp_path, "short", prompt="Say hello.", seed=1, count=2, max_tokens=10)
    assert isinstance(client.run(short, recorder), Done)
    assert client.pid == engine
    assets = [event for event in recorder.events if isinstance(event, AssetReady)]
    for asset in assets:
        streamed = [
            e.text for e in recorder.events if isinstance(e, TextDelta) and e.row == asset.row
        ]
        assert client.path_of(asset.file, Path(short.work_dir)).read_text("utf-8") == "".join(
            streamed
        )
    assert sorted(asset.row for asset in assets) == [0, 1]


def test_an_engine_killed_while_it_writes_fails_only_that_job(
    make_client: Callable[..., EngineClient], either: ModelRef, tmp_path: Path
) -> None:
    client = make_client()
    long = job(either, tmp_path, "long", prompt="x", seed=1, count=4, max_tokens=450)
    died = client.run(long, Recorder(TextDelta, lambda: psutil.Process(client.pid).kill()))
    assert isinstance(died, Failed)
    assert died.problem.kind == "engine_crashed"
    again = job(either, tmp_path, "again", prompt="x", seed=1, max_tokens=6)
    assert isinstance(client.run(again, Recorder()), Done)


def test_the_engine_converts_gguf_files_and_explains_failures(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    client = make_client()
    source, target = tiny_gguf(tmp_path / "tiny.gguf"), tmp_path / "models" / "tiny"
    target.parent.mkdir()

    def convert(job: str, target: Path) -> Event:
        command = ConvertModel(job=job, task="text", source=str(source), target=str(target))
        return client.run(command, Recorder())

    assert isinstance(convert("1", target), Done)
    assert (target / "model.safetensors").is_file()
    source.write_bytes(b"no model")
    final = convert("2", tmp_path / "other")
    assert isinstance(final, Failed)
    assert final.problem.kind == "model_broken"
    assert not (tmp_path / "other").exists()
