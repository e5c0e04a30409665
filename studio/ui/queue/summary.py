"""The line that says how long the queue still takes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from studio.ui.style.translations import tr
from studio.ui.widgets.times import end_time_text, rough_duration_text

if TYPE_CHECKING:
    from studio.jobs.backlog import RemainingTime


def summary(
    left: RemainingTime, progress: dict[str, float], *, more: int, paused: bool, now: datetime
) -> str:
    """Return what is left of the queue in words; empty where nothing is.

    Args:
        left: what is estimated.
        progress: seconds that running jobs say they still need, by id; it goes before `left`.
        more: waiting jobs that are not listed.
        paused: whether no other job will start.
        now: the time of day.
    """
    running = {job: progress.get(job, known) for job, known in left.running.items()}
    # Several run at the same time: together, or in several processes.
    known = max((seconds for seconds in running.values() if seconds is not None), default=0.0)
    unknown = left.unknown + sum(seconds is None for seconds in running.values())
    seconds = known + left.waiting
    parts = []
    if more > 0:
        parts.append(tr("{n} more wait.").format(n=f"{more:,}"))
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
        parts.append(tr("1 job of unknown length."))
    elif unknown:
        parts.append(tr("{n} jobs of unknown length.").format(n=f"{unknown:,}"))
    return " ".join(parts)
