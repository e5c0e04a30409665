"""A fake engine without models behind the real pipe, for testing everything around it.

It runs in the same kind of process and the same loop as the real engine, and writes small but
real files. Failures are scripted by words in the prompt (or in the name of the input file, for
kinds without a prompt), or for all jobs by the name of the script, which is such a word without
brackets:

- `[slow]` takes 20 seconds unless cancelled; `[slowload]` the same while loading
- `[hang]` never ends and ignores cancellation; `[native]` the same while holding the GIL
- `[crash]` is killed after its first row, as by the system when memory runs out, and again when
  it is tried with less memory; `[killed]` is killed only at the first attempt
- `[stop]` is stopped after its first row, as by SIGSTOP
- `[exit]` exits with status 3; `[garbage]` sends an invalid message
- `[fail]` reports a broken model; `[bug]` raises an unexpected error
- `[oom]` runs out of memory; `[diskfull]` out of disk space
- `[rowfail]` fails to make its second row; `[warn]` sends a warning
- `[helper]` starts a helper process
- `[gainless]` does nothing when run together with other jobs

With any other script, e.g. `plain`, jobs succeed at once. Jobs that run together take their
steps in parallel; what slows or breaks the engine affects all of them.
"""

from __future__ import annotations

import errno
import itertools
import math
import os
import re
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from studio.engine.fake_kind import FakeKind
from studio.engine.local import process
from studio.engine.local.environment import EngineOptions
from studio.engine.local.group import Group
from studio.engine.local.job import EtaEstimator, Job
from studio.engine.local.recipes import make_recipe
from studio.kinds.registry import kind_of, kinds
from studio.kinds.requests import display_name
from studio.protocol import (
    Alternative,
    AlternativesListed,
    Capabilities,
    DeviceMemory,
    Done,
    EmbedTexts,
    ListAlternatives,
    ModelRef,
    Problem,
    Recipe,
    Request,
    RunJob,
    TextsEmbedded,
    problem,
    seed_of_row,
    sentence,
)

STEPS = 5
SLOW_STEPS = 400
SLOW_SECONDS = 0.05


def serve(connection: Connection, options: EngineOptions) -> None:
    """Run commands like `process.serve`, but with fake tasks."""
    fake = FakeTasks(options.fake, lambda: connection.send_bytes(b"\xc1 not a message"))
    modules: dict[str, Any] = {
        "studio.engine.local.devices": SimpleNamespace(
            needs_torch=lambda _: False,
            pick_device=lambda _: SimpleNamespace(name="fake"),
            libraries=lambda: {"fake": "1"},
            memory_of=lambda _: DeviceMemory("fake", "main", 2**33, 2**32),
        ),
        "studio.engine.local.memory": SimpleNamespace(
            MemoryArbiter=lambda _: SimpleNamespace(release_all=lambda: None)
        ),
    }
    for kind in kinds().values():
        modules[f"{kind.task_package}.run"] = SimpleNamespace(run=fake.run)
        modules[f"{kind.task_package}.together"] = SimpleNamespace(run_together=fake.run_together)
        for location, stand_in in (
            (kind.alternatives, list_alternatives),
            (kind.embedder, embed_texts),
            (kind.converter, convert),
            (kind.describer, describe),
        ):
            if not location:
                continue
            module, _, name = location.partition(":")
            modules[module] = SimpleNamespace(**{name: stand_in})
    process.serve(connection, options, modules.__getitem__)


class FakeTasks:
    """Generates results without a model.

    Args:
        script: a script word that applies to every job.
        send_garbage: sends an invalid message.
    """

    def __init__(self, script: str, send_garbage: Callable[[], None]) -> None:
        self._script = script
        self._send_garbage = send_garbage

    def run(self, job: Job, command: RunJob, _memory: Any, _device: Any) -> dict[str, float]:
        """Run a job according to its script words."""
        words = self._words(command.request)
        self._load(job, command.model, words)
        self._run_script(job, command, words)
        started = time.monotonic()
        self._steps([(job, command)], job.check, slow="slow" in words)
        self._rows(job, command, words)
        seconds = time.monotonic() - started
        return {"load_seconds": 0.0, "rows": len(command.rows), "run_seconds": seconds}

    def run_together(self, group: Group, _memory: Any, _device: Any) -> None:
        """Run jobs according to their script words, one step of each at a time."""
        words = {part.job.id: self._words(part.command.request) for part in group.parts}
        all_words = set[str]().union(*words.values())
        if "gainless" in all_words:
            return
        self._load(group.job, group.parts[0].command.model, all_words)
        for part in group.active():
            try:
                self._run_script(part.job, part.command, words[part.job.id])
            except Exception as error:
                part.end(process.final_event(error, part.job))
        active = [(part.job, part.command) for part in group.active()]
        self._steps(active, group.job.check, slow="slow" in all_words)
        for part in group.active():
            self._rows(part.job, part.command, words[part.job.id])
            part.end(Done(part.job.id, {"load_seconds": 0.0, "rows": len(part.command.rows)}))

    def _run_script(self, job: Job, command: RunJob, words: set[str]) -> None:
        """Perform the script words that apply before the first step."""
        if "warn" in words:
            job.warn("memory", sentence("Memory is low, so one picture is generated at a time."))
        if "fail" in words:
            raise problem(
                "model_broken", "The model {name} is broken. Add it again.", name=command.model.name
            )
        if "bug" in words:
            raise RuntimeError("scripted")
        if "oom" in words:
            raise MemoryError
        if "diskfull" in words:
            raise OSError(errno.ENOSPC, "No space left on device")
        if "garbage" in words:
            self._send_garbage()
        if "exit" in words:
            os._exit(3)
        if "helper" in words:
            # Outlives its parent, like a helper process of a library.
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        if words & {"native", "hang"}:
            job.progress(0, STEPS)
        if "native" in words:
            sum(itertools.repeat(1))
        while "hang" in words:
            time.sleep(SLOW_SECONDS)

    def _rows(self, job: Job, command: RunJob, words: set[str]) -> None:
        """Send the results of a job."""
        for index, row in enumerate(command.rows):
            if "rowfail" in words and index == 1:
                job.row_failed(
                    row,
                    Problem(
                        "bad_input", sentence("This result could not be generated. Try again.")
                    ),
                )
                continue
            if "crash" in words and command.saves_memory:
                _die()
            path, recipe = _make_result(job, command, row)
            job.asset(row, path, recipe)
            if "crash" in words or ("killed" in words and not command.saves_memory):
                _die()
            if "stop" in words and sys.platform != "win32":
                os.kill(os.getpid(), signal.SIGSTOP)
                words = words - {"stop"}

    def _words(self, request: Request) -> set[str]:
        return {self._script, *re.findall(r"\[([a-z]+)\]", display_name(request))}

    def _load(self, job: Job, model: ModelRef, words: set[str]) -> None:
        stages = SLOW_STEPS if "slowload" in words else 2
        for stage in range(stages + 1):
            job.loading(sentence("Loading {name}", name=model.name), stage / stages)
            if "slowload" in words:
                time.sleep(SLOW_SECONDS)
            job.check()

    def _steps(
        self, jobs: Sequence[tuple[Job, RunJob]], check: Callable[[], None], *, slow: bool
    ) -> None:
        """Take the steps of several jobs in parallel. `check` raises to stop."""
        steps = SLOW_STEPS if slow else STEPS
        pace = EtaEstimator(steps)
        for step in range(1, steps + 1):
            if slow:
                time.sleep(SLOW_SECONDS)
            check()
            left = pace.seconds_left(step)
            for job, command in jobs:
                self._step(job, command, step, steps)
                job.progress(step, steps, left)

    def _step(self, job: Job, command: RunJob, step: int, steps: int) -> None:
        for row in command.rows:
            seed = seed_of_row(command.request.seed, row)
            _fake_of(command.request).step(job, command.request, row, seed, step, steps)


def convert(job: Job, source: Path, target: Path) -> None:
    """Pretend to convert a model: write a minimal model folder."""
    job.loading(sentence("Converting the model"), 0.5)
    if not source.is_file():
        raise problem("model_missing", "The file {path} does not exist.", path=source)
    temporary = target.with_name(f"{target.name}.tmp")
    temporary.mkdir()
    (temporary / "config.json").write_text('{"model_type": "fake"}', "utf-8")
    temporary.replace(target)


def describe(model: ModelRef) -> Capabilities:
    """Return capabilities: all controls, or only a few if the model's name contains `[turbo]`."""
    controls: tuple[str, ...] = ("prompt", "width", "height", "steps", "seed", "count")
    if "[turbo]" not in model.name:
        controls += ("negative_prompt", "guidance_scale", "scheduler", "image", "strength", "mask")
    return Capabilities(
        controls=controls,
        schedulers=("Euler", "DDIM"),
        scheduler="Euler",
        width=256,
        height=256,
        steps=STEPS,
        guidance_scale=5.0,
    )


def list_alternatives(
    job: Job, command: ListAlternatives, _memory: Any, _device: Any
) -> AlternativesListed:
    """Return three alternatives, each half as likely as the one before."""
    start = str(getattr(command.request, "answer_start", ""))
    found = (Alternative(" one", 0.5), Alternative(" two", 0.25), Alternative("", 0.125, ends=True))
    return AlternativesListed(job.id, start.removesuffix(" "), found)


def embed_texts(job: Job, command: EmbedTexts, _memory: Any, _device: Any) -> TextsEmbedded:
    """Return vectors that are nearer the more words two texts share."""
    if "[fail]" in " ".join(command.texts):
        raise problem(
            "model_broken", "The model {name} is broken. Add it again.", name=command.model.name
        )
    return TextsEmbedded(job.id, tuple(map(_words_as_vector, command.texts)))


def _words_as_vector(text: str) -> bytes:
    counts = [0.01] * 64
    for word in re.findall(r"\w+", text.casefold()):
        counts[zlib.crc32(word.encode()) % len(counts)] += 1
    length = math.hypot(*counts)
    return struct.pack(f"<{len(counts)}f", *(count / length for count in counts))


def _fake_of(request: Request) -> FakeKind[Any]:
    module, _, name = kind_of(request).fake.partition(":")
    found: FakeKind[Any] = getattr(import_module(module), name)
    return found


def _make_result(job: Job, command: RunJob, row: int) -> tuple[Path, Recipe]:
    request = command.request
    seed = seed_of_row(request.seed, row)
    made = _fake_of(request).make(job, request, seed)
    return made.path, make_recipe(
        command,
        request.with_values(**{"seed": seed, "count": 1} | made.resolved),
        row,
        device="fake",
        dtype="float32",
        libraries={"fake": "1"},
        timings={"total": 0.01},
        stats=made.stats,
        parents=made.parents,
    )


def _die() -> None:
    if sys.platform == "win32":
        os._exit(137)
    os.kill(os.getpid(), signal.SIGKILL)
