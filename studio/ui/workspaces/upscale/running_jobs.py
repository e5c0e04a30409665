"""Which picture each job enlarges, from pressing the button to the last one's end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.library.records import Job
from studio.ui.shell.job_watch import JobWatch


class RunningPictures:
    """What was handed in since nothing was left to do. A picture is one job."""

    def __init__(self) -> None:
        self._watches: dict[JobWatch, list[Path]] = {}
        self._jobs: dict[str, Path] = {}

    def submitted(self, watch: JobWatch, paths: list[Path]) -> None:
        """Note the pictures of one submit, in the order of its requests."""
        self._watches[watch] = paths

    def accepted(self, watch: JobWatch, jobs: Sequence[Job]) -> None:
        """Note the jobs that were made of what was handed in."""
        pairs = zip(jobs, self._watches[watch], strict=True)
        self._jobs.update({job.id: path for job, path in pairs})

    def refused(self, watch: JobWatch) -> list[Path]:
        """Return the pictures that were handed in and not taken."""
        return self._watches.pop(watch)

    def holds(self, job: str) -> bool:
        """Tell whether a job is one of ours."""
        return job in self._jobs

    def path(self, job: str) -> Path:
        """Return the picture of a job."""
        return self._jobs[job]

    @property
    def is_empty(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._watches

    @property
    def is_over(self) -> bool:
        """Whether everything that was handed in has ended."""
        return all(watch.is_over for watch in self._watches)

    @property
    def count(self) -> int:
        """How many pictures there are in all."""
        return len(self._jobs)

    @property
    def ended(self) -> int:
        """How many of them have ended."""
        return sum(watch.ended_jobs for watch in self._watches)

    def cancel(self) -> None:
        """Cancel every picture that is not finished."""
        for watch in self._watches:
            watch.cancel()

    def paths(self) -> set[Path]:
        """Return all pictures."""
        return set(self._jobs.values())

    def clear(self) -> None:
        """Begin anew."""
        self._watches.clear()
        self._jobs.clear()
