"""`studio queue`: list, pause, resume, cancel, retry, move and duplicate jobs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from studio.cli.columns import padded
from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder
from studio.cli.headless import Headless
from studio.cli.language import tr, translated
from studio.jobs.backlog import Backlog
from studio.jobs.estimate import build_estimator, finished_at
from studio.jobs.lanes import JobList, JobSource, LibraryQueue
from studio.kinds.requests import has_prompt, input_paths, prompt_of
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import JobStatus, ProblemError, Sentence, problem, sentence
from studio.settings import default_paths

_ENDED_SHOWN = 20
_STATUSES: dict[JobStatus, Sentence] = {
    "queued": sentence("queued"),
    "running": sentence("running"),
    "done": sentence("done"),
    "failed": sentence("failed"),
    "cancelled": sentence("cancelled"),
    "interrupted": sentence("interrupted"),
}


def queue(options: argparse.Namespace) -> int:
    """Run one action and return the exit status."""
    try:
        folder = library_folder(default_paths())
        opened = Library.open(folder, run_queue=options.action == "resume")
    except ProblemError as error:
        print(f"studio queue: {translated(error.problem.message)}", file=sys.stderr)
        return USAGE_ERROR
    if opened.notice is not None:
        print(f"studio queue: {translated(opened.notice.message)}", file=sys.stderr)
    try:
        match options.action:
            case "list":
                return _list(opened, as_json=options.json)
            case "pause":
                opened.queue.set_paused(True)
                print(tr("The queue is paused. `studio queue resume` resumes it."))
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
        print(
            f"studio queue {options.action}: {translated(error.problem.message)}", file=sys.stderr
        )
        return USAGE_ERROR
    finally:
        opened.close()


def _about(job: Job) -> str:
    text = prompt_of(job.request)
    if not has_prompt(job.request):
        text = next(iter(input_paths(job.request)), "")
    return " ".join(text.split())


def _unsupported_reason(job: Job) -> Sentence | None:
    """Return why a job that has not ended cannot run in this version, None if it can."""
    return job.unsupported_reason if job.status in ("queued", "interrupted") else None


def _list(opened: Library, *, as_json: bool) -> int:
    waiting = opened.queue.list("queued", limit=100_000)
    others = [job for job in opened.queue.list(limit=_ENDED_SHOWN) if job.status != "queued"]
    for job in [*reversed(others), *waiting]:
        reason = _unsupported_reason(job)
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
                        "obstacle": None if reason is None else str(reason),
                    },
                    ensure_ascii=False,
                )
            )
        else:
            made = f"{len(job.done_rows)}/{job.request.count}"
            status = padded(translated(_STATUSES[job.status]), 12)
            print(f"{job.id}  {status}{made:>9}  {_about(job)[:60]}")
            if reason is not None:
                print(f"    {translated(reason)}")
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
        print(_time_left(seconds, is_least=bool(unknown), is_paused=paused), file=sys.stderr)
    if unknown:
        message = (
            tr("1 job of unknown length.")
            if unknown == 1
            else tr("{count} jobs of unknown length.", count=f"{unknown:,}")
        )
        print(message, file=sys.stderr)
    if paused:
        print(tr("The queue is paused. `studio queue resume` resumes it."), file=sys.stderr)


def _time_left(seconds: float, *, is_least: bool, is_paused: bool) -> str:
    time = _duration(seconds)
    if is_least:
        return tr("At least {time} left.", time=time)
    if is_paused:
        return tr("About {time} left.", time=time)
    end = finished_at(seconds, datetime.now())
    return tr("About {time} left, finished at about {end}.", time=time, end=end)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return tr("{seconds} s", seconds=max(1, round(seconds)))
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
    return tr("{minutes} min", minutes=minutes)


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
    print(tr("The job {id} was cancelled.", id=job_id))
    return DONE


def _cancel_many(opened: Library, *, interrupted: bool) -> int:
    cancelled = len(opened.queue.cancel_waiting())
    if interrupted:
        cancelled += opened.queue.cancel_interrupted()
    print(
        tr("1 job cancelled.")
        if cancelled == 1
        else tr("{count} jobs cancelled.", count=f"{cancelled:,}")
    )
    running = opened.queue.counts().get("running", 0)
    if running and interrupted:
        message = (
            tr("1 job running in another process must be cancelled there.")
            if running == 1
            else tr(
                "{count} jobs running in another process must be cancelled there.", count=running
            )
        )
        print(message, file=sys.stderr)
    return DONE


def _retry(opened: Library, job_id: str) -> int:
    if not job_id:
        retried, refused = opened.retries.retry_failed()
        _print_enqueued(opened, retried)
        for found in refused:
            print(f"studio queue retry: {translated(found.message)}", file=sys.stderr)
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
    if options.first:
        message = sentence("The job {id} is now first.", id=options.id)
    elif before:
        message = sentence("The job {id} is now before {other}.", id=options.id, other=before)
    else:
        message = sentence("The job {id} is now last.", id=options.id)
    print(translated(message))
    return DONE


def _print_enqueued(opened: Library, jobs: Sequence[Job]) -> None:
    for job in jobs:
        print(job.id)
    message = (
        tr("1 job added to the queue.")
        if len(jobs) == 1
        else tr("{count} jobs added to the queue.", count=f"{len(jobs):,}")
    )
    print(message, file=sys.stderr)
    if jobs and opened.claim_queue():
        print(tr("`studio queue resume` runs the queue."), file=sys.stderr)


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
        print(tr("Prompt Studio is open and runs the queue."), file=sys.stderr)
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
