"""Speed of the library: search, recording, rebuilding, and a long run."""

from __future__ import annotations

import io
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
from PIL import Image

from studio.engine.local.client import EngineClient
from studio.jobs.runner import Runner
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.database import Database
from studio.library.index.search import AssetQuery
from studio.library.recipes.metadata import write_with_recipe
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ModelRef, Recipe
from studio.settings import default_paths
from tests.benchmarks.table import Row, spread

_WORDS = [
    *("red", "blue", "golden", "silent", "ancient", "modern", "fox", "cat", "lighthouse"),
    *("bicycle", "river", "mountain", "portrait", "landscape", "watercolour", "oil", "snow"),
    *("photograph", "studio", "light", "dusk", "dawn", "rain", "狐狸", "猫", "山水", "红色"),
    *("黄昏", "自行车", "灯塔", "水彩", "摄影"),
]
_NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_QUERIES = ("fox", "lighth", '"red fox"', "狐狸", "狐", "snow dusk", "watercolour 山水", "nothing9")


def _recipe(number: int, chance: random.Random) -> Recipe:
    prompt = " ".join(chance.choices(_WORDS, k=14))
    created = datetime.fromtimestamp(_NEW_YEAR + 40 * number, UTC).isoformat()
    return Recipe(
        request=ImageRequest(prompt=prompt, seed=number, width=512, height=512),
        row=0,
        seed=number,
        job=f"job{number}",
        created=created,
        model_id=f"model-{number % 7}",
        timings={"generate": 1.0},
    )


def fill(root: Path, count: int) -> None:
    """Put `count` assets into the index of a new library, without their files."""
    Library.open(root).close()
    database = Database(root)
    writer = AssetWriter(database, root)
    chance = random.Random(1)
    with database.write() as db:
        for number in range(count):
            path = root / f"2026-01-01/{number}.png"
            writer.insert_into(
                db, FinishedFile(path, _recipe(number, chance), 1000, width=512, height=512)
            )
    database.close()


def search(count: int = 100_000) -> Row:
    """Words, beginnings, phrases, Chinese and filters in a library of `count` assets."""
    with tempfile.TemporaryDirectory() as home:
        fill(Path(home), count)
        library = Library.open(Path(home))
        searches: list[Callable[[], object]] = [
            *(
                lambda query=query: library.assets.find(AssetQuery(words=query))
                for query in _QUERIES
            ),
            lambda: library.assets.find(AssetQuery(task="image", model="model-3")),
            lambda: library.assets.find(AssetQuery(words="fox", starred=True)),
            lambda: library.assets.recent(200),
            lambda: library.assets.find(
                AssetQuery(words="狐狸", task="image", model="model-3", since=_NEW_YEAR + 864_000)
            ),
            lambda: library.assets.find(
                AssetQuery(since=_NEW_YEAR + 864_000, until=_NEW_YEAR + 1_728_000)
            ),
        ]
        seconds: list[float] = []
        for _ in range(20):
            for look in searches:
                start = time.perf_counter()
                look()
                seconds.append(time.perf_counter() - start)
        library.close()
    seconds.sort()
    p95 = seconds[int(len(seconds) * 0.95)] * 1000
    return Row(
        f"search in {count:,} assets (prefix, phrase, filter, Chinese)",
        "p95 ≤ 50 ms",
        f"p95 {p95:.0f} ms, median {statistics.median(seconds) * 1000:.0f} ms",
        p95 <= 50,
        {"p95_ms": p95},
    )


def _noise(side: int) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((side, side), 80).convert("RGB").save(file, "PNG", compress_level=1)
    return file.getvalue()


def rebuild(count: int = 10_000) -> Row:
    """Real PNG files of 128×128 with their recipes; the index is made from nothing."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as home:
        root = Path(home)
        source = root / "source.bin"
        source.write_bytes(_noise(128))
        folder = root / "2026-01-01"
        folder.mkdir()
        for number in range(count):
            write_with_recipe(source, folder / f"{number}.png", _recipe(number, chance))
        source.unlink()
        library = Library.open(root)
        library.close()
        for file in root.glob("library.db*"):
            file.unlink()
        start = time.perf_counter()
        library = Library.open(root)
        seconds = time.perf_counter() - start
        found = library.assets.count()
        library.close()
    if found != count:
        raise RuntimeError(f"{found} of {count} were found")
    rate = count / seconds
    return Row(
        f"rebuild of {count:,} assets",
        "≥ 500 a second",
        f"{rate:.0f} a second",
        rate >= 500,
        {"a_second": rate},
    )


def record(fastest_job: float = 2.0, count: int = 100) -> Row:
    """A 512×512 picture from the engine's file to the row, against the fastest real job.

    `fastest_job` is seconds: an icon of 128×128 or a short text takes longer on two cores.
    """
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        library = Library.open(Path(home))
        (job,) = library.queue.enqueue([ImageRequest(prompt="fox", seed=1, count=count)])
        content = _noise(512)
        for row in range(count):
            temporary = library.work_dir(job) / f"{row}.png"
            temporary.write_bytes(content)
            recipe = _recipe(row, random.Random(row))
            start = time.perf_counter()
            library.record_asset(job, row, temporary, recipe)
            seconds.append(time.perf_counter() - start)
        library.close()
    share = statistics.median(seconds) / fastest_job * 100
    return Row(
        "recording an asset (512×512) ÷ a job of 2 s",
        "≤ 3 %",
        f"{share:.1f} %; {spread([s * 1000 for s in seconds], 1)} ms",
        share <= 3,
        {"seconds": seconds},
    )


def soak(count: int = 2_000) -> Row:
    """Jobs on the fake engine; memory of both processes after a tenth and at the end."""
    with tempfile.TemporaryDirectory() as home:
        paths = default_paths()
        library = Library.open(Path(home) / "library")
        engine = EngineClient(log_dir=Path(home) / "logs", fake="plain")
        registry = Registry(paths)
        model = ModelRef(id="fake", name="Fake", task="text", format="transformers", path="/fake")
        registry.resolve = lambda *_: model  # type: ignore[method-assign]  # no file is needed
        runner = Runner(library, engine, registry)
        sizes: list[tuple[int, int]] = []
        try:
            for number in range(count):
                (job,) = library.queue.enqueue(
                    [TextRequest(prompt=f"number {number}", seed=1)], claim=True
                )
                if runner.run(job, lambda _event: None) != "done":
                    raise RuntimeError(f"job {number} failed")
                if number in (count // 10, count - 1):
                    assert engine.pid is not None
                    processes = (psutil.Process(os.getpid()), psutil.Process(engine.pid))
                    ours, theirs = (p.memory_info().rss for p in processes)
                    sizes.append((ours, theirs))
        finally:
            engine.stop()
            library.close()
    growth = [late / early - 1 for early, late in zip(*sizes, strict=True)]
    return Row(
        f"a soak of {count:,} jobs on the fake engine: growth of memory, app and engine",
        "≤ 5 %",
        ", ".join(f"{share * 100:+.1f} %" for share in growth),
        max(growth) <= 0.05,
        {"growth": growth},
    )
