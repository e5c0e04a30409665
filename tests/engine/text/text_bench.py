"""Run text jobs in the process of the test, on the CPU, and record their events."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from studio.engine.local.devices import Device, memory_limit
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.text.run import run
from studio.engine.tasks.text.together import run_together
from studio.kinds.text import TextRequest
from studio.protocol import (
    AssetReady,
    Event,
    ModelFormat,
    ModelRef,
    RunJob,
    Sentence,
    TextDelta,
    Warned,
)
from studio.settings import default_paths
from tests.engine.group_run import run_group

STARTER = "smollm2-135m-instruct"

# With a small model, synchronising threads costs more than it gains.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)


@dataclass
class Outcome:
    """The events of a job, and the folder of its files."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    stats: dict[str, float] = field(default_factory=dict)
    when_idle: Callable[[Callable[[], None]], None] | None = None
    """What the job left to do while the engine is idle."""

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of a kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def answers(self) -> dict[int, str]:
        """The text of each row's file."""
        return {e.row: (self.folder / e.file.name).read_text("utf-8") for e in self.of(AssetReady)}

    @property
    def recipes(self) -> dict[int, Any]:
        return {event.row: event.recipe for event in self.of(AssetReady)}

    @property
    def streamed(self) -> dict[int, str]:
        """The streamed text of each row."""
        rows: dict[int, str] = defaultdict(str)
        for event in self.of(TextDelta):
            rows[event.row] += event.text
        return dict(rows)

    @property
    def warnings(self) -> list[tuple[str, Sentence]]:
        return [(event.kind, event.message) for event in self.of(Warned)]


class TextBench:
    """Runs jobs one after another; what was loaded stays loaded.

    Args:
        folder: where jobs write.
        available: returns the bytes that may be used; by default those of the machine.
    """

    def __init__(self, folder: Path, available: Callable[[], int] | None = None) -> None:
        self.device = Device("cpu", memory_limit(), "CPU")
        self.memory = MemoryArbiter(self.device, available)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._jobs = 0

    def run(
        self,
        model: ModelRef,
        *,
        rows: tuple[int, ...] | None = None,
        at: Callable[[Event], bool] = lambda _: False,
        saves_memory: bool = False,
        **fields: Any,
    ) -> Outcome:
        """Run a request with these fields. Cancels at the first event for which `at` is true."""
        self._jobs += 1
        work = self.folder / f"job{self._jobs}"
        outcome, cancelled = Outcome(work), threading.Event()

        def note(event: Event) -> None:
            outcome.events.append(event)
            if at(event):
                cancelled.set()

        request = TextRequest(**fields)
        job = Job(str(self._jobs), work, note, cancelled)
        command = RunJob(
            job=job.id,
            request=request,
            rows=tuple(range(request.count)) if rows is None else rows,
            model=model,
            work_dir=str(work),
            saves_memory=saves_memory,
        )
        outcome.stats = run(job, command, self.memory, self.device)
        job.flush()
        outcome.when_idle = job.when_idle
        return outcome

    def together(
        self,
        model: ModelRef,
        requests: Sequence[dict[str, Any]],
        *,
        cancel: str = "",
        at: Callable[[Event], bool] = lambda _: False,
    ) -> dict[str, Outcome]:
        """Run requests with these fields together; return the outcome of each by its number.

        Cancels the part `cancel` at the first event for which `at` is true.
        """
        self._jobs += 1
        outcomes: dict[str, Outcome] = {}
        parts = []
        for number, fields in enumerate(requests):
            request = TextRequest(**fields)
            work = self.folder / f"job{self._jobs}-{number}"
            outcomes[str(number)] = Outcome(work)
            rows = tuple(range(request.count))
            parts.append(
                RunJob(job=str(number), request=request, rows=rows, model=model, work_dir=str(work))
            )
        run_group(run_together, parts, outcomes, self.memory, self.device, cancel, at)
        return outcomes


def model_at(path: Path, form: ModelFormat = "transformers") -> ModelRef:
    """Return the reference that the registry would have for the model at `path`."""
    return ModelRef(id=path.stem, name=path.name, task="text", format=form, path=str(path))


def starter_model() -> ModelRef:
    """Return the starter chat model. Look it up before `STUDIO_HOME` is moved."""
    folder = default_paths().starter / STARTER
    # Installed by an earlier version, it is a folder of transformers.
    file = next(folder.glob("*.gguf"), None)
    return model_at(folder) if file is None else model_at(file, "gguf")
