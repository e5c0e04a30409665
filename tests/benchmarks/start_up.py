"""Process start until the prompt accepts typing, against a bare window."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.headless_app import ROOT
from tests.benchmarks.table import Row, pairs, spread


def app_seconds(home: str, kind: str = "app") -> float:
    """Return the seconds from the start of the process to the first letter in the prompt."""
    environment = {**os.environ, "STUDIO_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
    # As installed: with its bytecode, also where the environment keeps Python from writing it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(Path(home) / "bytecode")
    start = time.time()
    answer = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.start_probe", kind],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return float(answer.stdout.split()[-1]) - start


def start_up(rounds: int) -> Row:
    """Start both offscreen in turn, after one start of each to warm the disk cache."""
    with tempfile.TemporaryDirectory() as home:
        app_seconds(home), app_seconds(home, "bare")
        left, right, ratios = pairs(
            lambda: app_seconds(home), lambda: app_seconds(home, "bare"), rounds
        )
    return Row(
        "process start → the prompt accepts typing ÷ a bare window",
        "≤ 2.0",
        f"{spread(ratios)}; {statistics.median(left):.2f} against {statistics.median(right):.2f} s",
        statistics.median(ratios) <= 2.0,
        {"ratios": ratios, "app": left, "bare": right},
    )


def event_loop() -> Row:
    """The window's gaps while the engine starts, the model loads and a text job streams."""
    with tempfile.TemporaryDirectory() as home:
        answer = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.gap_probe"],
            cwd=ROOT,
            env={**os.environ, "STUDIO_HOME": home, "QT_QPA_PLATFORM": "offscreen"},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    gaps = json.loads(answer.stdout.splitlines()[-1])
    if gaps["ended"] != "Done":
        raise RuntimeError(f"the job ended as {gaps['ended']}")
    return Row(
        "longest gap in the window's event loop: engine start, load, streaming",
        "p99.9 ≤ 50 ms, never > 100 ms",
        f"p99.9 {gaps['p99.9']:.0f} ms, longest {gaps['longest']:.0f} ms",
        gaps["p99.9"] <= 50 and gaps["longest"] <= 100,
        gaps,
    )
