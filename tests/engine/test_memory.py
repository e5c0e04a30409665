"""The memory arbiter: what stays loaded, and what is evicted."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import pytest

from studio.engine.local.devices import Device
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.protocol import Event, ProblemError, Warned


class Model:
    """Occupies memory of a `Machine` while it is loaded."""

    def __init__(self, machine: Machine, nbytes: int) -> None:
        if nbytes > machine.free:
            raise RuntimeError("CUDA error: out of memory")
        self._machine = machine
        self.nbytes = nbytes
        machine.free -= nbytes

    def unload(self) -> None:
        self._machine.free += self.nbytes


class Machine:
    """A simulated memory of 100 bytes with its arbiter."""

    def __init__(self) -> None:
        self.free = 100
        self.arbiter = MemoryArbiter(Device("cpu", 100, "test"), lambda: self.free)

    def load(self, key: str, job: Job, size: int, need: int | None = None) -> Model:
        need = size if need is None else need
        return self.arbiter.acquire(key, need, lambda: Model(self, size), job)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_loaded_model_is_not_loaded_again(machine: Machine, job: Job) -> None:
    assert machine.load("a", job, 40) is machine.load("a", job, 40)
    assert machine.free == 60


def test_only_the_shortfall_is_evicted_least_recently_used_first(
    machine: Machine, job: Job
) -> None:
    for key in "abc":
        machine.load(key, job, 30)
    machine.load("a", job, 30)
    machine.load("d", job, 35)
    assert machine.arbiter.loaded() == ("c", "a", "d")


def test_a_model_that_can_never_fit_is_refused_with_the_sizes(machine: Machine, job: Job) -> None:
    machine.load("a", job, 30)
    with pytest.raises(ProblemError) as caught:
        machine.load("b", job, 101)
    assert caught.value.problem.kind == "out_of_memory"
    assert "101 B" in str(caught.value.problem.message)
    assert machine.arbiter.loaded() == ()


def test_a_load_that_runs_out_of_memory_is_retried_after_evicting_the_others(
    machine: Machine, tmp_path: Path
) -> None:
    events: list[Event] = []
    job = Job("1", tmp_path, events.append, threading.Event())
    machine.load("a", job, 60)
    machine.load("b", job, 80, need=10)
    assert machine.arbiter.loaded() == ("b",)
    assert [type(event) for event in events] == [Warned]


def test_a_failed_load_keeps_no_reference_to_the_model(machine: Machine, job: Job) -> None:
    held: list[weakref.ref[Model]] = []

    def load() -> Model:
        half = Model(machine, 20)
        held.append(weakref.ref(half))
        raise ValueError("a shape is wrong")

    with pytest.raises(ValueError, match="shape") as caught:
        machine.arbiter.acquire("a", 20, load, job)
    # The error still exists here, but its frames keep no reference.
    assert caught.value.__traceback__ is not None
    assert held[0]() is None
    assert machine.arbiter.loaded() == ()


def test_a_cancelled_job_neither_loads_nor_evicts(machine: Machine, tmp_path: Path) -> None:
    cancelled = threading.Event()
    job = Job("1", tmp_path, lambda _: None, cancelled)
    machine.load("a", job, 60)
    cancelled.set()
    with pytest.raises(JobCancelledError):
        machine.load("b", job, 60)
    assert machine.arbiter.loaded() == ("a",)


def test_two_threads_never_load_at_once(machine: Machine, job: Job) -> None:
    loading = threading.Semaphore(1)
    clashes: list[str] = []

    def load() -> Model:
        if not loading.acquire(blocking=False):
            clashes.append("two loads at once")
        model = Model(machine, 1)
        loading.release()
        return model

    threads = [
        threading.Thread(target=lambda n=n: machine.arbiter.acquire(str(n % 3), 1, load, job))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not clashes
    assert sorted(machine.arbiter.loaded()) == ["0", "1", "2"]


def test_a_model_with_changed_files_is_reloaded_and_the_old_one_evicted(
    machine: Machine, job: Job, tmp_path: Path
) -> None:
    weights = tmp_path / "model" / "weights.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"old")
    old = machine.load(model_key(weights.parent, "float32"), job, 10)
    machine.load(model_key(weights.parent, "bfloat16"), job, 10)
    weights.write_bytes(b"newer")
    new = machine.load(model_key(weights.parent, "float32"), job, 10)
    assert new is not old
    assert len(machine.arbiter.loaded()) == 1


def test_the_model_in_use_is_not_evicted(machine: Machine, job: Job) -> None:
    machine.load("in use", job, 40)
    machine.load("other", job, 40)
    assert machine.arbiter.make_room(90, job, keep="in use") == 60
    assert machine.arbiter.loaded() == ("in use",)


def test_releasing_frees_everything(machine: Machine, job: Job) -> None:
    machine.load("a", job, 40)
    machine.load("b", job, 40)
    machine.arbiter.release("a")
    assert machine.free == 60
    machine.arbiter.release_all()
    assert machine.free == 100
