"""The jobs of the Upscale tab that were submitted together, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.library.records import Job
from studio.ui.shell.job_watch import JobWatch


class RunningJobs:
    """The jobs submitted since all earlier ones had ended; each one upscales one picture."""

    def __init__(self) -> None:
        self._watches: dict[JobWatch, list[Path]] = {}
        self._jobs: dict[str, Path] = {}

    def add_submission(self, watch: JobWatch, paths: list[Path]) -> None:
        """Add the pictures of one submission, in the order of its requests."""
        self._watches[watch] = paths

    def add_jobs(self, watch: JobWatch, jobs: Sequence[Job]) -> None:
        """Add the jobs created for a submission, in the order of its pictures."""
        pairs = zip(jobs, self._watches[watch], strict=True)
        self._jobs.update({job.id: path for job, path in pairs})

    def remove_submission(self, watch: JobWatch) -> list[Path]:
        """Remove a submission that was refused; return its pictures."""
        return self._watches.pop(watch)

    def __contains__(self, job: str) -> bool:
        """Return whether a job id is one of these jobs."""
        return job in self._jobs

    def path(self, job: str) -> Path:
        """Return the picture of a job. Raises KeyError."""
        return self._jobs[job]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was submitted."""
        return not self._watches

    @property
    def is_over(self) -> bool:
        """Whether all jobs have ended."""
        return all(watch.is_over for watch in self._watches)

    @property
    def count(self) -> int:
        """The number of jobs."""
        return len(self._jobs)

    @property
    def ended(self) -> int:
        """The number of jobs that have ended."""
        return sum(watch.ended_jobs for watch in self._watches)

    def cancel(self) -> None:
        """Cancel all jobs that have not ended."""
        for watch in self._watches:
            watch.cancel()

    def paths(self) -> set[Path]:
        """Return the pictures of all jobs."""
        return set(self._jobs.values())

    def clear(self) -> None:
        """Forget all jobs."""
        self._watches.clear()
        self._jobs.clear()
