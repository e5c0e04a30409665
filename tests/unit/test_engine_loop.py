"""The main loop of the engine without its process: errors, cancellation, imports, groups."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from studio.engine.local.group import Group
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.process import Engine
from studio.kinds.text import TextRequest
from studio.protocol import (
    Accepted,
    Cancelled,
    Done,
    Event,
    Failed,
    Loading,
    ModelRef,
    Ready,
    RunJob,
    RunTogether,
    TextDelta,
    problem,
    sentence,
)

MODEL = ModelRef(id="m", name="M", task="text", format="transformers", path="nowhere")
COMMAND = RunJob(
    job="1", request=TextRequest(prompt="x"), rows=(0,), model=MODEL, work_dir="unused"
)

Act = Callable[[Job], dict[str, float]]


def engine(
    act: Act, events: list[Event], together: Callable[..., None] = lambda *_: None
) -> Engine:
    """Return an engine whose text task is `act` and whose group task is `together`."""
    modules = {
        "torch": SimpleNamespace(),
        "studio.engine.local.devices": SimpleNamespace(
            needs_torch=lambda _: True,
            pick_device=lambda _: SimpleNamespace(name="cpu"),
            libraries=dict,
            memory_of=lambda _: None,
        ),
        "studio.engine.local.memory": SimpleNamespace(MemoryArbiter=lambda _: SimpleNamespace()),
        "studio.engine.tasks.text.run": SimpleNamespace(run=lambda job, *_: act(job)),
        "studio.engine.tasks.text.together": SimpleNamespace(run_together=together),
    }
    return Engine(events.append, load=modules.__getitem__)


def execute(act: Act, cancelled: threading.Event | None = None) -> tuple[Event, list[Event]]:
    events: list[Event] = []
    return engine(act, events).execute(COMMAND, cancelled or threading.Event()), events


def test_throttled_events_are_sent_before_the_final_one() -> None:
    def act(job: Job) -> dict[str, float]:
        job.text(0, "a")
        job.text(0, "b")
        return {"tokens": 2.0}

    final, events = execute(act)
    assert isinstance(final, Done)
    assert final.stats["tokens"] == 2.0
    assert "seconds" in final.stats
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "ab"


def test_a_cancelled_job_sends_the_text_generated_so_far() -> None:
    def act(job: Job) -> dict[str, float]:
        job.text(0, "a")
        job.text(0, "b")
        raise JobCancelledError

    final, events = execute(act)
    assert final == Cancelled("1")
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "ab"


def test_an_error_caused_by_a_cancellation_counts_as_cancelled() -> None:
    cancelled = threading.Event()

    def act(_: Job) -> dict[str, float]:
        cancelled.set()
        raise RuntimeError("interrupted somewhere deep")

    assert execute(act, cancelled)[0] == Cancelled("1")


def test_a_problem_is_passed_on_unchanged() -> None:
    def act(_: Job) -> dict[str, float]:
        raise problem("model_broken", "The file {path} is broken.", "header", path="x")

    final, _ = execute(act)
    assert isinstance(final, Failed)
    assert str(final.problem.message) == "The file x is broken."
    assert final.problem.detail == "header"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out_of_memory"),
        (OSError(28, "No space left on device"), "disk_full"),
        (KeyError("{braces}"), "bug"),
        (SystemExit(3), "bug"),
    ],
)
def test_any_other_error_has_a_kind_and_its_traceback(error: BaseException, kind: str) -> None:
    def act(_: Job) -> dict[str, float]:
        raise error

    final, _ = execute(act)
    assert isinstance(final, Failed)
    assert final.problem.kind == kind
    assert str(final.problem.message)
    assert type(error).__name__ in final.problem.detail


def test_a_failed_job_keeps_no_tensor_alive() -> None:
    class Tensor:
        pass

    held: list[weakref.ref[Tensor]] = []

    def act(_: Job) -> dict[str, float]:
        tensor = Tensor()
        held.append(weakref.ref(tensor))
        raise RuntimeError("failed")

    execute(act)
    assert held[0]() is None


def test_ready_is_sent_once_and_starting_only_during_imports() -> None:
    events: list[Event] = []
    tasks = engine(lambda _: {}, events)
    tasks.execute(COMMAND, threading.Event())
    tasks.execute(COMMAND, threading.Event())
    assert sum(isinstance(event, Ready) for event in events) == 1
    assert sum(isinstance(event, Loading) for event in events) == 1


def test_an_import_is_finished_although_its_job_was_cancelled() -> None:
    events: list[Event] = []
    entered, go_on, cancelled = threading.Event(), threading.Event(), threading.Event()
    imports: list[str] = []
    tasks = engine(lambda _: {}, events)
    load: Callable[[str], Any] = tasks._load

    def slow(name: str) -> Any:
        imports.append(name)
        if name == "studio.engine.tasks.text.run":
            entered.set()
            go_on.wait()
        return load(name)

    tasks = Engine(events.append, load=slow)

    def cancel() -> None:
        entered.wait()
        cancelled.set()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    assert tasks.execute(COMMAND, cancelled) == Cancelled("1")
    canceller.join()
    go_on.set()
    assert isinstance(tasks.execute(COMMAND, threading.Event()), Done)
    assert imports.count("studio.engine.tasks.text.run") == 1


@pytest.mark.parametrize(
    "module", ["local.client", "local.process", "fake", "local.memory", "local.devices"]
)
def test_no_torch_before_it_is_needed(module: str) -> None:
    code = (
        f"import sys, studio.engine.{module}\n"
        "print([m for m in ('torch', 'transformers', 'diffusers', 'numpy', 'PIL', 'PySide6')"
        " if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == "[]", done.stderr


def group_of(*names: str) -> tuple[RunTogether, dict[str, threading.Event]]:
    parts = tuple(msgspec.structs.replace(COMMAND, job=name) for name in names)
    return RunTogether(job="all", parts=parts), {name: threading.Event() for name in names}


def ends(events: list[Event]) -> list[Done | Failed | Cancelled]:
    return [event for event in events if isinstance(event, Done | Failed | Cancelled)]


def test_jobs_that_the_group_task_skips_run_one_by_one() -> None:
    command, cancels = group_of("a", "b", "c")
    events: list[Event] = []

    def act(job: Job) -> dict[str, float]:
        if job.id == "b":
            raise RuntimeError("of this one alone")
        return {"tokens": 1.0}

    final = engine(act, events).execute_together(command, cancels)
    assert final == Done("all", {"alone": 3.0})
    assert [(type(e), e.job) for e in ends(events)] == [(Done, "a"), (Failed, "b"), (Done, "c")]


def test_a_waiting_part_is_cancelled_at_once() -> None:
    command, cancels = group_of("a", "b", "c")
    events: list[Event] = []

    def act(job: Job) -> dict[str, float]:
        cancels["c"].set()
        job.check()
        return {}

    engine(act, events).execute_together(command, cancels)
    found = [(type(e), e.job) for e in ends(events)]
    assert found == [(Cancelled, "c"), (Done, "a"), (Done, "b")]


def test_no_event_of_a_part_follows_its_end() -> None:
    command, cancels = group_of("a", "b")
    events: list[Event] = []

    def together(group: Group, *_: object) -> None:
        cancels["a"].set()
        group.job.check()
        group.parts[0].job.text(0, "late")
        group.job.loading(sentence("Loading {model}", model="M"))

    engine(lambda _: {}, events, together).execute_together(command, cancels)
    assert [type(e) for e in events if e == Cancelled("a") or getattr(e, "job", "") == "a"] == [
        Accepted,
        Loading,
        Cancelled,
    ]
    assert [type(e) for e in ends(events)] == [Cancelled, Done]


def test_an_error_of_the_group_fails_every_part() -> None:
    command, cancels = group_of("a", "b")
    events: list[Event] = []

    def together(*_: object) -> None:
        raise problem("model_broken", "The file {path} is broken.", path="x")

    engine(lambda _: {}, events, together).execute_together(command, cancels)
    assert [(type(e), e.job) for e in ends(events)] == [(Failed, "a"), (Failed, "b")]
