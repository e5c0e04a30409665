"""The window with a lot in its library: 100,000 pictures, or 10,000 requests at once."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.benchmarks.headless_app import PHOTOGRAPH, ROOT
from tests.benchmarks.library import fill
from tests.benchmarks.start_up import app_seconds
from tests.benchmarks.table import Row, pairs, spread

_PICTURES = 64
"""Different pictures; each file is a hard link to one of them."""


def window(rounds: int, count: int = 100_000) -> list[Row]:
    """Opening it, scrolling History from end to end, and the memory before and after."""
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as empty:
        _make(Path(full) / "library", count)
        for home in (full, empty):
            app_seconds(home)
        left, right, ratios = pairs(lambda: app_seconds(full), lambda: app_seconds(empty), rounds)
        seen = _probe("history_probe", full)
        grid = _probe("gallery_probe", full)
    if seen["rows"] != count:
        raise RuntimeError(f"History shows {seen['rows']:.0f} of {count} results")
    return [
        Row(
            f"opening the window with {count:,} assets ÷ with an empty library",
            "≤ 1.2",
            f"{spread(ratios)}; {statistics.median(left):.2f} against "
            f"{statistics.median(right):.2f} s",
            statistics.median(ratios) <= 1.2,
            {"ratios": ratios, "full": left, "empty": right},
        ),
        Row(
            f"scrolling History end to end, {count:,} assets",
            "no gap over 33 ms",
            f"longest {seen['longest']:.0f} ms, p99.9 {seen['p99.9']:.0f} ms",
            seen["longest"] <= 33,
            dict(seen),
        ),
        Row(
            f"opening the grid, scrolling it end to end, resizing its tiles, {count:,} assets",
            "p99.9 ≤ 16.7 ms, no gap over 50 ms",
            f"longest {grid['longest']:.0f} ms, p99.9 {grid['p99.9']:.1f} ms",
            grid["p99.9"] <= 16.7 and grid["longest"] <= 50,
            dict(grid),
        ),
        Row(
            "window process with it, idle / after scrolling",
            "≤ 350 MB resident",
            f"{seen['idle_mb']:.0f} / {seen['scrolled_mb']:.0f} MB",
            max(seen["idle_mb"], seen["scrolled_mb"]) <= 350,
            dict(seen),
        ),
    ]


def _make(root: Path, count: int) -> None:
    fill(root, count)
    day = root / "2026-01-01"
    day.mkdir()
    photograph = Image.open(PHOTOGRAPH).convert("RGB").resize((512, 512))
    for number in range(_PICTURES):
        photograph.rotate(5 * number).save(day / f"{number}.png")
    for number in range(_PICTURES, count):
        os.link(day / f"{number % _PICTURES}.png", day / f"{number}.png")


def enqueue(count: int = 10_000) -> Row:
    """All in one call, as a table or a batch dialog does it, in the window of the real app."""
    with tempfile.TemporaryDirectory() as home:
        seen = _probe("enqueue_probe", home, str(count))
    return Row(
        f"enqueueing {count:,} requests in the window",
        "≤ 2 s, never blocked (no gap over 100 ms)",
        f"{seen['seconds']:.2f} s, longest gap {seen['longest']:.0f} ms",
        seen["seconds"] <= 2 and seen["longest"] <= 100,
        dict(seen),
    )


def _probe(name: str, home: str, *arguments: str) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments],
        cwd=ROOT,
        env={**os.environ, "STUDIO_HOME": home, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    seen: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return seen
