"""`studio queue`: what waits, pause and resume, cancel."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from studio.cli.headless import Headless
from studio.cli.library import library_folder
from studio.cli.main import DONE, WRONG_CALL
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, UpscaleRequest, task_of
from studio.settings import default_paths

_ENDED_SHOWN = 20


def queue(options: argparse.Namespace) -> int:
    """Run one action and return the exit status."""
    paths = default_paths()
    resuming = options.action == "resume"
    try:
        opened = Library.open(library_folder(paths), run_queue=resuming)
    except ProblemError as error:
        print(f"studio queue: {error.problem.message}", file=sys.stderr)
        return WRONG_CALL
    if resuming:
        return _resume(opened, options)
    try:
        match options.action:
            case "list":
                return _list(opened, as_json=options.json)
            case "pause":
                opened.pause(True)
                return DONE
            case _:
                return _cancel(opened, options.id)
    except ProblemError as error:
        print(f"studio queue {options.action}: {error.problem.message}", file=sys.stderr)
        return WRONG_CALL
    finally:
        opened.close()


def _about(job: Job) -> str:
    request = job.request
    text = request.input.path if isinstance(request, UpscaleRequest) else request.prompt
    return " ".join(text.split())


def _list(opened: Library, *, as_json: bool) -> int:
    waiting = opened.jobs("queued", limit=100_000)
    others = [job for job in opened.jobs(limit=_ENDED_SHOWN) if job.status != "queued"]
    for job in [*reversed(others), *waiting]:
        if as_json:
            print(
                json.dumps(
                    {
                        "id": job.id,
                        "status": job.status,
                        "task": task_of(job.request),
                        "count": job.request.count,
                        "done": len(job.done_rows),
                        "about": _about(job),
                        "problem": str(job.problem.message) if job.problem else None,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            made = f"{len(job.done_rows)}/{job.request.count}"
            print(f"{job.id}  {job.status:<12}{made:>9}  {_about(job)[:60]}")
    if opened.is_paused and not as_json:
        print("The queue is paused. `studio queue resume` goes on.", file=sys.stderr)
    return DONE


def _cancel(opened: Library, wanted: str) -> int:
    job = opened.job(wanted)
    if job is None:
        print(f"studio queue cancel: there is no job {wanted!r}.", file=sys.stderr)
        return WRONG_CALL
    if not opened.cancel(wanted):
        state = "runs in another process: stop it there" if job.status == "running" else "has ended"
        print(f"studio queue cancel: the job {wanted} {state}.", file=sys.stderr)
        return WRONG_CALL
    return DONE


def _resume(opened: Library, options: argparse.Namespace) -> int:
    """Put interrupted jobs back and run all that waits, unless the app is open and does it.

    With an id only that job runs, whoever owns the queue.
    """
    interrupted = [job for job in opened.interrupted() if options.id in ("", job.id)]
    if options.id and not interrupted:
        opened.close()
        print(
            f"studio queue resume: {options.id!r} is no interrupted job. `studio queue list` shows"
            " them.",
            file=sys.stderr,
        )
        return WRONG_CALL
    if options.id:
        return _run(opened, iter([opened.resume(options.id, claim=True)]), options)
    try:
        opened.pause(False)
        for job in interrupted:
            opened.resume(job.id)
    except ProblemError as error:
        opened.close()
        print(f"studio queue resume: {error.problem.message}", file=sys.stderr)
        return WRONG_CALL
    if not opened.is_owner:
        opened.close()
        print("The app is open and runs the queue.", file=sys.stderr)
        return DONE

    def waiting() -> Iterator[Job]:
        while (job := opened.next_job()) is not None:
            yield job

    return _run(opened, waiting(), options)


def _run(opened: Library, jobs: Iterator[Job], options: argparse.Namespace) -> int:
    paths = default_paths()
    with Headless(opened, paths, Registry(paths), as_json=options.json) as headless:
        return headless.run(jobs)
