"""A real engine with too little memory: said before it loads, saved before it draws, tried again.

The limit is on the address space, which needs no rights; a process over it is told instead of
being killed, so the kill is sent by the test, and counted as the system counts its own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from studio.engine.local import memory_kills
from studio.engine.local.client import EngineClient
from studio.jobs.runner import AssetSaved, Runner
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Done, Failed, Loading, ModelRef, Request, RunJob, Warned
from studio.settings import default_paths
from tests.engine import tiny_pipelines
from tests.engine.event_recorder import Recorder
from tests.engine.tiny_text import tiny_llama

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit exists only on Linux")

MB = 1_000_000


def leave(pid: int | None, room: int) -> None:
    """Let a process have `room` bytes more than it has."""
    import resource

    assert pid is not None
    _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
    limit = psutil.Process(pid).memory_info().vms + room
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, hard))


def test_a_limit_is_kept_to_before_anything_is_loaded_or_drawn(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    client = make_client()
    picture = str(tiny_pipelines.folder_of("sd"))
    texts = [str(tiny_llama(tmp_path / name)) for name in ("one", "two")]

    def run(request: Request, format: str, path: str) -> tuple[object, Recorder]:
        ref = ModelRef(id=path, name="M", task=request.task, format=format, path=path)
        name = f"job{len(list(tmp_path.iterdir()))}"
        (tmp_path / name).mkdir()
        command = RunJob(
            job=name, request=request, rows=(0,), model=ref, work_dir=str(tmp_path / name)
        )
        recorder = Recorder()
        return client.run(command, recorder), recorder

    small = ImageRequest(prompt="a cat", seed=1, width=64, height=64, steps=1)
    text = TextRequest(prompt="a", seed=1, max_tokens=2)
    assert isinstance(run(small, "diffusers", picture)[0], Done)
    assert isinstance(run(text, "transformers", texts[0])[0], Done)

    # The decoder of a real model would need 1.4 GB for such a picture.
    leave(client.pid, 600 * MB)
    large = msgspec.structs.replace(small, width=512, height=512)
    final, recorder = run(large, "diffusers", picture)
    assert isinstance(final, Done)
    warnings = [event for event in recorder.events if isinstance(event, Warned)]
    assert any(each.kind == "memory" and "in tiles" in str(each.message) for each in warnings)

    leave(client.pid, 30 * MB)
    final, recorder = run(text, "transformers", texts[1])
    assert isinstance(final, Failed) and final.problem.kind == "out_of_memory"
    assert "This model needs" in str(final.problem.message)
    assert not [event for event in recorder.events if isinstance(event, Loading)]


def test_a_job_whose_engine_is_killed_for_memory_is_tried_a_rung_lower_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text("oom_kill 3\n", "ascii")
    monkeypatch.setattr(memory_kills, "_COUNTERS", counters)
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "none"))
    paths = default_paths()
    tiny_llama(paths.models / "tiny")
    library = Library.open(paths.library)
    engine = EngineClient(log_dir=paths.logs, device="cpu")
    events: list[object] = []

    def report(event: object) -> None:
        if isinstance(event, Loading) and not any(isinstance(each, Loading) for each in events):
            counters.write_text("oom_kill 4\n", "ascii")
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)
        events.append(event)

    try:
        request = TextRequest(prompt="a", seed=1, count=3, max_tokens=3)
        (job,) = library.queue.enqueue([request])
        status = Runner(library, engine, Registry(paths)).run(job, report)
    finally:
        engine.stop()
        library.close()
    assert status == "done"
    warnings = [str(event.message) for event in events if isinstance(event, Warned)]
    assert "tried once more in a way that needs less memory" in warnings[0]
    assert any("one at a time" in warning for warning in warnings)
    recipes = [event.asset.recipe for event in events if isinstance(event, AssetSaved)]
    assert len(recipes) == 3 and {recipe.dtype for recipe in recipes} == {"bfloat16"}
