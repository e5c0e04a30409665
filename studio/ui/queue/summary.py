"""The texts of the queue's remaining time: a paragraph in its panel, and one line below."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from studio.ui.style.translations import joined, tr
from studio.ui.widgets.times import end_time_text, rough_duration_text

if TYPE_CHECKING:
    from studio.jobs.backlog import RemainingTime


def summary(
    left: RemainingTime,
    seconds_left: dict[str, float],
    *,
    unlisted: int,
    paused: bool,
    now: datetime,
) -> str:
    """Return the remaining time of the queue in words; empty if nothing remains.

    Args:
        left: the estimate.
        seconds_left: seconds left of running jobs by id, from their progress; overrides `left`.
        unlisted: the number of waiting jobs that are not listed.
        paused: whether the queue is paused.
        now: the local time.
    """
    running = {job: seconds_left.get(job, known) for job, known in left.running.items()}
    # Running jobs run at the same time, so the longest counts.
    known = max((seconds for seconds in running.values() if seconds is not None), default=0.0)
    unknown = left.unknown + sum(seconds is None for seconds in running.values())
    seconds = known + left.waiting
    parts = []
    if unlisted == 1:
        parts.append(tr("1 more job is waiting."))
    elif unlisted > 0:
        parts.append(tr("{n} more jobs are waiting.").format(n=f"{unlisted:,}"))
    if seconds > 0:
        time = rough_duration_text(seconds)
        if paused:
            parts.append(tr("About {time} left.").format(time=time))
        elif unknown:
            parts.append(tr("At least {time} left.").format(time=time))
        else:
            parts.append(
                tr("About {time} left, finished at about {clock}.").format(
                    time=time, clock=end_time_text(seconds, now)
                )
            )
    if unknown == 1:
        parts.append(tr("1 job of unknown duration."))
    elif unknown:
        parts.append(tr("{n} jobs of unknown duration.").format(n=f"{unknown:,}"))
    return joined(parts)


def queue_line(
    running: int,
    waiting: int,
    left: RemainingTime | None,
    seconds_left: dict[str, float],
    *,
    paused: bool,
    now: datetime,
) -> str:
    """Return what the queue does in one line: what runs, what waits, and when all is done.

    The end is named only if the duration of every job is known.
    """
    parts = []
    if running:
        parts.append(tr("{n} running").format(n=f"{running:,}"))
    if waiting:
        parts.append(tr("{n} waiting").format(n=f"{waiting:,}"))
    if paused:
        return tr(", ").join([tr("Paused"), *parts])
    if not parts:
        return tr("Nothing in the queue")
    if left is not None:
        known = {job: seconds_left.get(job, seconds) for job, seconds in left.running.items()}
        if not left.unknown and None not in known.values():
            seconds = max((s for s in known.values() if s is not None), default=0) + left.waiting
            if seconds > 0:
                clock = end_time_text(seconds, now)
                parts.append(tr("done at about {clock}").format(clock=clock))
    return tr(", ").join(parts)
