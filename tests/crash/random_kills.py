"""Real processes killed at random moments: `python -m tests.crash.run --random 200 [--seed 1]`.

Unlike the counted steps of `run.py`, a kill here may fall between any two instructions, also of
SQLite, of Qt and of the engine's process. The moments come from the seed, but what a process has
done by then is a matter of luck. After each kill, the library is opened as the next start does,
and must agree with its files; nothing that was there before may be missing.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from msgspec import Struct

from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME, INCOMPLETE
from studio.library.store import Library
from tests.crash.checker import contradictions
from tests.crash.killing import known_reason
from tests.e2e.test_races import prepare
from tests.unit.conftest import record
from tests.unit.model_files import write_llama, write_pipeline

ROOT = Path(__file__).resolve().parents[2]
ROWS = 40
KILLS_PER_HOME = 5
_RACER = ("-m", "tests.e2e.racer")
ENGINE_SECONDS = 20
"""How long the engine of a killed process may take to end."""


class Scenario(Struct, frozen=True):
    """What is killed.

    `command` returns the arguments of Python for the n-th start in a home. The kill comes within
    `seconds` after the start, or after the process has printed `ready` and been sent a line.
    """

    name: str
    command: Callable[[Path, int], Sequence[object]]
    seconds: float
    says_ready: bool = False
    processes: int = 1
    results: int = 0
    """Texts in the library besides the few that each has."""


def _batch(home: Path, _start: int) -> Sequence[object]:
    table = home / "table.jsonl"
    if not table.exists():
        rows = [{"task": "text", "prompt": f"row {n}", "seed": n, "who": n} for n in range(ROWS)]
        table.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    resume = ["--resume"] if _has_batch(home) else []
    return ("-m", "studio", "batch", table, "-o", home / "out", "--json", *resume)


def _has_batch(home: Path) -> bool:
    library = Library.open(home / "library", run_queue=False)
    try:
        return any(job.batch for job in library.queue.list(limit=1_000))
    finally:
        library.close()


def _rebuild(home: Path, start: int) -> Sequence[object]:
    if start % 2:
        # Only the files are left: the start makes the index anew.
        for file in (home / "library").glob(f"{FILE_NAME}*"):
            file.unlink()
    return (*_RACER, start, 10_000, "rebuild")


SCENARIOS = (
    Scenario("batch", _batch, 1.6),
    Scenario("window", lambda _, start: ("-m", "tests.crash.window", start), 2.5, says_ready=True),
    Scenario("rebuild", _rebuild, 0.4, says_ready=True, results=200),
    Scenario(
        "marks",
        lambda _, start: (*_RACER, start, 10_000, "mark", "trash"),
        0.6,
        says_ready=True,
    ),
    Scenario(
        "two at once",
        lambda _, start: (*_RACER, start, 10_000, "enqueue", "mark", "rebuild", "trash"),
        0.8,
        says_ready=True,
        processes=2,
    ),
)


def run(kills: int, seed: int) -> int:
    """Kill processes of all scenarios in turn. Returns the exit status."""
    found: Counter[str] = Counter()
    known: Counter[str] = Counter()
    done: Counter[str] = Counter()
    notices: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        homes: dict[str, Path] = {}
        for number in range(kills):
            scenario = SCENARIOS[number % len(SCENARIOS)]
            start = done[scenario.name]
            if scenario.name not in homes:
                homes[scenario.name] = Path(place) / f"home-{number}"
                _make_home(homes[scenario.name], scenario.results)
            home = homes[scenario.name]
            # The library is opened in this process as well, with the folders chosen in that home.
            os.environ["STUDIO_HOME"] = str(home)
            chance = random.Random(f"{seed} {number}")
            try:
                wrong = _kill(scenario, home, start, chance, notices)
            except KeyboardInterrupt:
                break
            done[scenario.name] += 1
            is_last = bool(wrong) or done[scenario.name] % KILLS_PER_HOME == 0
            if scenario.name == "batch" and is_last:
                wrong += _finished(home)
            if is_last:
                shutil.rmtree(homes.pop(scenario.name))
            for said in wrong:
                what = f"{scenario.name}: {said.partition(':')[0]}"
                reason = known_reason(scenario.name, said)
                (found if reason is None else known)[reason or what] += 1
                print(f"  kill {number} of {scenario.name}: {said}", flush=True)
    print(f"\n{sum(done.values())} kills in {time.monotonic() - began:.0f} s, seed {seed}")
    for title, counts in (
        ("Killed", done),
        ("Said at the next start", notices),
        ("Known faults met", known),
        ("FOUND", found),
    ):
        print(f"{title}: {sum(counts.values())}")
        for kind, count in counts.most_common():
            print(f"  {count:5}  {kind}")
    return 1 if found else 0


def _make_home(home: Path, results: int) -> None:
    home.mkdir()
    os.environ["STUDIO_HOME"] = str(home)
    prepare(home / "library")
    library = Library.open(home / "library")
    requests = [TextRequest(prompt=f"more {n}", seed=n) for n in range(results)]
    for job in library.queue.enqueue(requests, claim=True):
        record(library, job, created=job.created)
        library.queue.finish(job.id, "done")
    library.close()
    write_llama(home / "starter" / "smollm2-135m-instruct")
    write_pipeline(home / "models" / "a-pipeline")


def _environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        "STUDIO_HOME": str(home),
        "STUDIO_STARTER": str(home / "starter"),
        "STUDIO_FAKE_ENGINE": "plain",
    }


def _kill(
    scenario: Scenario, home: Path, start: int, chance: random.Random, notices: Counter[str]
) -> list[str]:
    """Start the processes, kill it, and return what is wrong afterwards."""
    before = _ids(home)
    with (home / "errors").open("w+b") as errors:
        processes = [
            subprocess.Popen(
                [sys.executable, *map(str, scenario.command(home, start + 1000 * n))],
                cwd=ROOT,
                env=_environment(home),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if scenario.says_ready else subprocess.DEVNULL,
                stderr=errors,
                text=True,
            )
            for n in range(scenario.processes)
        ]
        try:
            if scenario.says_ready:
                _begin(processes, notices)
            time.sleep(chance.random() * scenario.seconds)
            children = [child for process in processes for child in _children(process.pid)]
        finally:
            for process in processes:
                process.kill()
        for process in processes:
            process.wait()
        errors.seek(0)
        traceback = errors.read().decode(errors="replace")
    wrong = []
    if "Traceback" in traceback:
        last = traceback.strip().splitlines()[-1]
        wrong.append(f"a traceback before the kill: {last}")
    alive: list[psutil.Process] = psutil.wait_procs(children, timeout=ENGINE_SECONDS)[1]
    wrong += [f"an orphan: {child}" for child in alive if child.status() != "zombie"]
    wrong += _check(home, before, notices)
    return wrong


def _begin(processes: Sequence[subprocess.Popen[str]], notices: Counter[str]) -> None:
    """Let processes begin together, when all are ready. What they print is discarded then."""
    for process in processes:
        for line in process.stdout or ():
            if line.startswith("notice"):
                notices[line.strip()[:60]] += 1
            if line == "ready\n":
                break
    for process in processes:
        assert process.stdin is not None
        print(file=process.stdin, flush=True)
    for process in processes:
        assert process.stdout is not None
        threading.Thread(target=process.stdout.read, daemon=True).start()


def _children(pid: int) -> list[psutil.Process]:
    try:
        children: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return children


def _ids(home: Path) -> set[str]:
    library = Library.open(home / "library", run_queue=False)
    try:
        return {a.id for a in [*library.assets.recent(limit=100_000), *library.trash.list()]}
    finally:
        library.close()


def _check(home: Path, before: set[str], notices: Counter[str]) -> list[str]:
    """Open the library as the next start does. What it mended must be said, and nothing lost."""
    root = home / "library"
    try:
        was_incomplete = _is_incomplete(root / FILE_NAME)
        library = Library.open(root, run_queue=False)
        notice, interrupted = library.notice, library.queue.counts().get("interrupted", 0)
        library.close()
        if notice is not None:
            notices[str(notice.message).partition(". ")[0]] += 1
        if interrupted:
            notices["interrupted jobs"] += 1
        wrong = contradictions(root)
        lost = before - _ids(home)
    except Exception as error:
        return [f"an error afterwards: {type(error).__name__}: {error}"]
    if was_incomplete and notice is None:
        wrong.append("silent: the index was made anew")
    return wrong + [f"lost: {sorted(lost)}"] * bool(lost)


def _is_incomplete(file: Path) -> bool:
    """Return whether the index is missing, or a rebuild of it did not end."""
    if not file.exists():
        return True
    with contextlib.closing(sqlite3.connect(file)) as db, contextlib.suppress(sqlite3.Error):
        if db.execute("SELECT 1 FROM state WHERE key = ?", (INCOMPLETE,)).fetchone() is None:
            return False
    return True


def _finished(home: Path) -> list[str]:
    """Resume the batch to its end: each row must have been made once."""
    arguments = map(str, _batch(home, 1))
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = [] if ran.returncode == 0 else [f"the batch ended with {ran.returncode}: {ran.stderr}"]
    with (home / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = [row for row in csv.DictReader(file) if row["path"]]
    files = {str(path) for path in (home / "out").glob("*.md")}
    if not len(lines) == len(files) == len({row["line"] for row in lines}) == ROWS:
        wrong.append(f"rows made: {len(files)} files, {len(lines)} lines of {ROWS}")
    if {row["path"] for row in lines} != files:
        wrong.append("results.csv and the folder differ")
    if [row for row in lines if row["who"] != row["seed"]]:
        wrong.append("labels in other columns")
    return wrong + [f"left in the folder: {f.name}" for f in (home / "out").glob(".*")]
