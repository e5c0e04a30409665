"""`studio queue`: list, pause, resume, cancel, retry, move and duplicate jobs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder
from studio.cli.headless import Headless
from studio.jobs.backlog import Backlog
from studio.jobs.estimate import build_estimator, finished_at
from studio.jobs.lanes import JobList, JobSource, LibraryQueue
from studio.kinds.requests import has_prompt, input_paths, prompt_of
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, problem
from studio.settings import default_paths

_ENDED_SHOWN = 20


def queue(options: argparse.Namespace) -> int:
    """Run one action and return the exit status."""
    try:
        folder = library_folder(default_paths())
        opened = Library.open(folder, run_queue=options.action == "resume")
    except ProblemError as error:
        print(f"studio queue: {error.problem.message}", file=sys.stderr)
        return USAGE_ERROR
    if opened.notice is not None:
        print(f"studio queue: {opened.notice.message}", file=sys.stderr)
    try:
        match options.action:
            case "list":
                return _list(opened, as_json=options.json)
            case "pause":
                opened.queue.set_paused(True)
                print("The queue is paused. `studio queue resume` resumes it.")
                return DONE
            case "resume":
                return _resume(opened, options)
            case "cancel" if options.id:
                return _cancel(opened, options.id)
            case "cancel":
                return _cancel_many(opened, interrupted=options.all)
            case "retry":
                return _retry(opened, options.id)
            case "move":
                return _move(opened, options)
            case _:
                _print_enqueued(opened, [opened.retries.duplicate(options.id)])
                return DONE
    except ProblemError as error:
        print(f"studio queue {options.action}: {error.problem.message}", file=sys.stderr)
        return USAGE_ERROR
    finally:
        opened.close()


def _about(job: Job) -> str:
    text = prompt_of(job.request)
    if not has_prompt(job.request):
        text = next(iter(input_paths(job.request)), "")
    return " ".join(text.split())


def _unsupported_reason(job: Job) -> str | None:
    """Return why a job that has not ended cannot run in this version, None if it can."""
    reason = job.unsupported_reason if job.status in ("queued", "interrupted") else None
    return None if reason is None else str(reason)


def _list(opened: Library, *, as_json: bool) -> int:
    waiting = opened.queue.list("queued", limit=100_000)
    others = [job for job in opened.queue.list(limit=_ENDED_SHOWN) if job.status != "queued"]
    for job in [*reversed(others), *waiting]:
        if as_json:
            print(
                json.dumps(
                    {
                        "id": job.id,
                        "status": job.status,
                        "task": job.request.task,
                        "count": job.request.count,
                        "done": len(job.done_rows),
                        "about": _about(job),
                        "problem": str(job.problem.message) if job.problem else None,
                        "obstacle": _unsupported_reason(job),
                    },
                    ensure_ascii=False,
                )
            )
        else:
            made = f"{len(job.done_rows)}/{job.request.count}"
            print(f"{job.id}  {job.status:<12}{made:>9}  {_about(job)[:60]}")
            if reason := _unsupported_reason(job):
                print(f"    {reason}")
    if not as_json:
        _print_remaining(opened)
    return DONE


def _print_remaining(opened: Library) -> None:
    remaining = Backlog(opened).remaining(build_estimator(opened, Registry(default_paths())))
    known = [seconds for seconds in remaining.running.values() if seconds is not None]
    seconds = max(known, default=0.0) + remaining.waiting
    unknown = remaining.unknown + len(remaining.running) - len(known)
    paused = opened.queue.is_paused
    if seconds:
        message = f"{'At least' if unknown else 'About'} {_duration(seconds)} left"
        if not (unknown or paused):
            message += f", finished at about {finished_at(seconds, datetime.now())}"
        print(f"{message}.", file=sys.stderr)
    if unknown:
        print(f"{_jobs(unknown)} of unknown length.", file=sys.stderr)
    if paused:
        print("The queue is paused. `studio queue resume` resumes it.", file=sys.stderr)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _job(opened: Library, job_id: str) -> Job:
    job = opened.queue.get(job_id)
    if job is None:
        raise problem("bad_input", "There is no job {id}.", id=repr(job_id))
    return job


def _cancel(opened: Library, job_id: str) -> int:
    job = _job(opened, job_id)
    if not opened.queue.cancel(job_id):
        if job.status == "running":
            raise problem("bad_input", "The job runs in another process. Cancel it there.")
        raise problem("bad_input", "The job {id} has ended.", id=job_id)
    print(f"The job {job_id} was cancelled.")
    return DONE


def _cancel_many(opened: Library, *, interrupted: bool) -> int:
    cancelled = len(opened.queue.cancel_waiting())
    if interrupted:
        cancelled += opened.queue.cancel_interrupted()
    print(f"{_jobs(cancelled)} cancelled.")
    running = opened.queue.counts().get("running", 0)
    if running and interrupted:
        jobs = _jobs(running)
        print(f"{jobs} running in another process must be cancelled there.", file=sys.stderr)
    return DONE


def _retry(opened: Library, job_id: str) -> int:
    if not job_id:
        retried, refused = opened.retries.retry_failed()
        _print_enqueued(opened, retried)
        for found in refused:
            print(f"studio queue retry: {found.message}", file=sys.stderr)
        return SOME_FAILED if refused else DONE
    if _job(opened, job_id).status in ("queued", "running"):
        raise problem("bad_input", "The job {id} has not ended.", id=job_id)
    _print_enqueued(opened, [opened.retries.retry(job_id)])
    return DONE


def _move(opened: Library, options: argparse.Namespace) -> int:
    for job_id in filter(None, (options.id, options.before)):
        if _job(opened, job_id).status != "queued":
            raise problem("bad_input", "The job {id} is not waiting.", id=job_id)
    before = options.before
    if options.first:
        before = opened.queue.list("queued", limit=1)[0].id
    opened.queue.move(options.id, before or None)
    where = "first" if options.first else f"before {before}" if before else "last"
    print(f"The job {options.id} is now {where}.")
    return DONE


def _print_enqueued(opened: Library, jobs: Sequence[Job]) -> None:
    for job in jobs:
        print(job.id)
    print(f"{_jobs(len(jobs))} added to the queue.", file=sys.stderr)
    if jobs and opened.claim_queue():
        print("`studio queue resume` runs the queue.", file=sys.stderr)


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def _resume(opened: Library, options: argparse.Namespace) -> int:
    """Put interrupted jobs back into the queue, and run it unless the open app does.

    With an id, run only that job, even if another process runs the queue.
    """
    found = opened.queue.get(options.id) if options.id else None
    if options.id and (found is None or found.status != "interrupted"):
        raise problem(
            "bad_input",
            "{id} is not an interrupted job. `studio queue list` lists all jobs.",
            id=repr(options.id),
        )
    if options.id:
        job = opened.retries.resume(options.id, claim=True)
        if not opened.queue.owns(job.id):
            raise problem("bad_input", "The job runs in another process.")
        return _run(opened, JobList([job]), options)
    opened.queue.set_paused(False)
    opened.retries.resume_interrupted()
    if not opened.is_owner:
        print("Prompt Studio is open and runs the queue.", file=sys.stderr)
        return DONE
    return _run(opened, LibraryQueue(opened), options)


def _run(opened: Library, jobs: JobSource, options: argparse.Namespace) -> int:
    paths = default_paths()
    with Headless(opened, paths, Registry(paths), as_json=options.json) as headless:
        status = headless.run(jobs)
        if status == INTERRUPTED:
            # They ran before their turn, so they go back to waiting.
            opened.queue.restore_cancelled(headless.last_companions)
        return status
