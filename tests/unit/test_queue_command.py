"""`studio queue`: each action changes the queue and prints one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.cli.exit_status import DONE, SOME_FAILED, USAGE_ERROR
from studio.cli.main import run
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import InputFile, Problem, sentence
from tests.unit.conftest import enqueue, png_bytes, record

Command = Callable[..., int]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The library that the command opens."""
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "no starter"))
    opened = Library.open(tmp_path / "library", run_queue=False)
    yield opened
    opened.close()


def queue(*arguments: str) -> int:
    return run(["queue", *arguments], lambda: USAGE_ERROR)


def turns(library: Library) -> list[str]:
    return [job.id for job in library.queue.list("queued")]


def failed(library: Library, job: Job) -> Job:
    library.queue.start(job)
    return library.queue.finish(job.id, "failed", Problem("bug", sentence("x")))


def test_pausing_prints_a_line(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    assert queue("pause") == DONE
    assert library.queue.is_paused
    assert capsys.readouterr().out == "The queue is paused. `studio queue resume` resumes it.\n"


def test_one_job_all_queued_ones_or_also_the_interrupted_are_cancelled(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    one, _, _, cut = (enqueue(library) for _ in range(4))
    library.queue.start(cut)
    library.queue.finish(cut.id, "interrupted")
    assert queue("cancel", one.id) == DONE
    assert queue("cancel", "--waiting") == DONE
    assert library.queue.counts() == {"cancelled": 3, "interrupted": 1}
    assert queue("cancel", "--all") == DONE
    assert library.queue.counts() == {"cancelled": 4}
    assert capsys.readouterr().out.splitlines() == [
        f"The job {one.id} was cancelled.",
        "2 jobs cancelled.",
        "1 job cancelled.",
    ]


def test_a_job_is_moved_to_the_front_before_another_or_to_the_end(library: Library) -> None:
    one, two, three = (enqueue(library).id for _ in range(3))
    assert queue("move", three, "--first") == DONE
    assert turns(library) == [three, one, two]
    assert queue("move", two, "--before", one) == DONE
    assert turns(library) == [three, two, one]
    assert queue("move", three) == DONE
    assert turns(library) == [two, one, three]
    assert queue("move", three, "--before", "nobody") == USAGE_ERROR
    library.queue.cancel(one)
    assert queue("move", one, "--first") == USAGE_ERROR


def test_failed_jobs_are_retried_one_or_all(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = failed(library, enqueue(library)), failed(library, enqueue(library))
    assert queue("retry", one.id) == DONE
    assert queue("retry", "--failed") == DONE
    assert [job.retried_from for job in library.queue.list("queued")] == [one.id, two.id]
    assert capsys.readouterr().out.split() == turns(library)
    (tmp_path / "in.png").write_bytes(png_bytes())
    (gone,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(tmp_path / "in.png")))])
    failed(library, gone)
    (tmp_path / "in.png").unlink()
    assert queue("retry", "--failed") == SOME_FAILED
    assert "in.png" in capsys.readouterr().err
    assert queue("retry", turns(library)[0]) == USAGE_ERROR


def test_a_duplicate_is_queued_at_the_end(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    job = enqueue(library)
    assert queue("duplicate", job.id) == DONE
    assert turns(library) == [job.id, capsys.readouterr().out.strip()]
    assert queue("duplicate", "nobody") == USAGE_ERROR


def test_the_list_shows_the_remaining_time(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    before = enqueue(library)
    library.queue.start(before)
    record(library, before)  # half a second, by its recipe
    library.queue.finish(before.id, "done")
    for _ in range(400):
        enqueue(library)
    enqueue(library, model="never used")
    assert queue("list") == DONE
    printed = capsys.readouterr().err
    assert "At least 3 min left." in printed and "1 job of unknown length." in printed
    library.queue.cancel_waiting([turns(library)[-1]])
    assert queue("list") == DONE
    assert "About 3 min left, finished at about " in capsys.readouterr().err


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("action", ["cancel", "retry", "move", "resume"])
def test_an_unknown_job_is_a_usage_error_that_names_it(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queue(action, "06abc") == USAGE_ERROR
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"studio queue {action}: ") and "'06abc'" in err


def test_all_interrupted_jobs_are_cancelled_however_many(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library.queue.enqueue([TextRequest(prompt="x", seed=1)] * 10_002, claim=True)
    library.close()
    assert queue("cancel", "--all") == DONE
    assert "10,002 jobs cancelled" in capsys.readouterr().out
    again = Library.open(tmp_path / "library", run_queue=False)
    assert again.queue.counts() == {"cancelled": 10_002}
    again.close()
