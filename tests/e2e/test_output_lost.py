"""Output that cannot be written: jobs run to their end, and it is said why nothing is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.library.store import Library
from tests.e2e.conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="descriptors are closed otherwise there")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run `studio` after `before` was called in its process. Return status, output and errors."""

    def run_one(before: Callable[[], object], *arguments: str) -> tuple[int, str, str]:
        ran = subprocess.run(
            [sys.executable, "-m", "studio", *arguments],
            cwd=ROOT,
            env=environment | {"STUDIO_FAKE_ENGINE": "plain"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            preexec_fn=before,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    return run_one


def close_output() -> None:
    os.close(1)


def fill_output() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def results(environment: dict[str, str]) -> int:
    library = Library.open(Path(environment["STUDIO_HOME"]) / "library", run_queue=False)
    try:
        return library.assets.count()
    finally:
        library.close()


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize(
    ("before", "why"), [(close_output, "closed"), (fill_output, "No space left")]
)
def test_a_job_whose_output_cannot_be_written_runs_to_its_end(
    environment: dict[str, str],
    run: Run,
    before: Callable[[], None],
    why: str,
    options: tuple[str, ...],
) -> None:
    if before is fill_output and not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    status, _, errors = run(before, "text", "-p", "a fox", "-n", "5", *options)
    assert status == 1
    assert errors.count("Standard output cannot be written") == 1
    assert why in errors
    assert "Traceback" not in errors
    assert results(environment) == 5
    status, _, errors = run(before, "library", "search", "fox", *options)
    assert (status, errors.count("Standard output cannot be written")) == (1, 1)


def test_a_closed_error_stream_is_in_nobodys_way(environment: dict[str, str], run: Run) -> None:
    status, output, _ = run(lambda: os.close(2), "text", "-p", "a fox", "-n", "3")
    assert status == 0
    assert output.count(".md") == 3
    assert "made" not in output
    assert results(environment) == 3
