"""Which picture each job enlarges, from pressing the button to the last one's end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.library.records import Job


class RunningPictures:
    """The jobs of this tab that have not all ended yet. A picture is one job."""

    def __init__(self) -> None:
        self._submitted: dict[str, list[Path]] = {}
        self._jobs: dict[str, Path] = {}
        self._ended: set[str] = set()

    def submitted(self, token: str, paths: list[Path]) -> None:
        """Note what was handed in under a token."""
        self._submitted[token] = paths

    def waits_for(self, token: str) -> bool:
        """Tell whether a token is one of ours."""
        return token in self._submitted

    def accepted(self, token: str, jobs: Sequence[Job]) -> None:
        """Note the jobs that were made of what was handed in."""
        paths = self._submitted.pop(token)
        self._jobs.update({job.id: path for job, path in zip(jobs, paths, strict=True)})

    def refused(self, token: str) -> list[Path]:
        """Return the pictures that were handed in and not taken."""
        return self._submitted.pop(token)

    def holds(self, job: str) -> bool:
        """Tell whether a job is one of ours."""
        return job in self._jobs

    def path(self, job: str) -> Path:
        """Return the picture of a job."""
        return self._jobs[job]

    def end(self, job: str) -> None:
        """Note that a job has ended, however it did."""
        self._ended.add(job)

    @property
    def is_empty(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._jobs and not self._submitted

    @property
    def is_over(self) -> bool:
        """Whether everything that was handed in has ended."""
        return not self._submitted and len(self._ended) == len(self._jobs)

    @property
    def count(self) -> int:
        """How many pictures there are in all."""
        return len(self._jobs)

    @property
    def ended(self) -> int:
        """How many of them have ended."""
        return len(self._ended)

    def left(self) -> list[str]:
        """Return the jobs that have not ended."""
        return [job for job in self._jobs if job not in self._ended]

    def paths(self) -> set[Path]:
        """Return all pictures."""
        return set(self._jobs.values())

    def clear(self) -> None:
        """Begin anew."""
        self._jobs.clear()
        self._ended.clear()
