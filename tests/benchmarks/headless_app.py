"""The app without its window, in a temporary home: library, engine, registry, runner."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from studio.engine.local.client import EngineClient
from studio.jobs.runner import Runner
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Recipe, Request
from studio.settings import Paths, default_paths

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "resources" / "models"
PHOTOGRAPH = ROOT / "resources" / "demo" / "cat.png"


@dataclass
class HeadlessApp:
    """The parts of the app that need no window."""

    paths: Paths
    library: Library
    engine: EngineClient
    runner: Runner
    registry: Registry

    def run(self, request: Request) -> tuple[float, float]:
        """Run a request from pressing the button to the row in the library.

        Returns seconds and the number of tokens made (0 for pictures). Raises on failure.
        """
        return self.run_together([request])

    def processor_seconds(self) -> float:
        """Return for how long this process and the engine, if it runs, have worked."""
        found = [psutil.Process().cpu_times()]
        if self.engine.pid is not None:
            found.append(psutil.Process(self.engine.pid).cpu_times())
        return float(sum(times.user + times.system for times in found))

    def run_together(self, requests: Sequence[Request]) -> tuple[float, float]:
        """Run requests with the same settings together; otherwise like `run`."""
        seconds, recipes = self.recipes(requests)
        return seconds, sum(recipe.stats.get("tokens", 0.0) for recipe in recipes)

    def answer(self, request: Request) -> tuple[str, Recipe]:
        """Run a request for one text; return the text and its recipe."""
        [job] = self.library.queue.enqueue([request], claim=True)
        self.runner.run_together([job], lambda _event: None)
        [asset] = self.library.assets.of_job(job.id)
        return asset.text, asset.recipe

    def recipes(self, requests: Sequence[Request]) -> tuple[float, list[Recipe]]:
        """Run requests together; return the seconds and the recipes of what was made."""
        start = time.perf_counter()
        jobs = self.library.queue.enqueue(requests, claim=True)
        statuses = self.runner.run_together(jobs, lambda _event: None)
        seconds = time.perf_counter() - start
        if set(statuses) != {"done"}:
            raise RuntimeError(f"{statuses}: {self.library.queue.get(jobs[0].id)}")
        made = [asset for job in jobs for asset in self.library.assets.of_job(job.id)]
        return seconds, [asset.recipe for asset in made]


@contextmanager
def headless_app(*, tuned: bool = True) -> Iterator[HeadlessApp]:
    """Open the app in a temporary folder and close it at the end."""
    with tempfile.TemporaryDirectory() as home:
        base = default_paths()
        here = Path(home)
        paths = Paths(
            settings=here / "settings.json",
            library=here / "library",
            models=here / "models",
            starter=base.starter,
            logs=here / "logs",
            cache=here / "cache",
        )
        library = Library.open(paths.library)
        engine = EngineClient(log_dir=paths.logs, tuned=tuned)
        try:
            registry = Registry(paths)
            runner = Runner(library, engine, registry)
            yield HeadlessApp(paths, library, engine, runner, registry)
        finally:
            engine.stop()
            library.close()


class Baseline:
    """A process that runs `tests.benchmarks.baseline`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.baseline", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._line() != "ready":
            raise RuntimeError("the baseline script did not start")

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(self, count: int, size: int) -> tuple[float, float]:
        """Run once; return seconds and tokens."""
        answer = self.answer(count, size)
        return answer["seconds"], answer["tokens"]

    def answer(self, count: int, size: int) -> dict[str, Any]:
        """Run once; return everything that the script reports."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {size}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def baseline(*arguments: str) -> Iterator[Baseline]:
    """Start the baseline process and end it afterwards."""
    process = Baseline(*arguments)
    try:
        yield process
    finally:
        process.close()
