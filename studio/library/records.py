"""Jobs and assets as the library returns them."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from studio.kinds.kind import Medium
from studio.kinds.requests import unsupported_reason
from studio.library.review import Review, review_state
from studio.protocol import JobStatus, Problem, Recipe, Request, Sentence


class Job(Struct, frozen=True, kw_only=True):
    """A request and its status.

    `done_rows` are the rows with a recorded asset. `output` is the absolute folder for the
    results, "" for the library itself. Times are ISO 8601 with UTC offset, "" if not reached yet.
    `number` increases with every job.
    """

    id: str
    request: Request
    status: JobStatus
    number: int = 0
    priority: int = 0
    batch: str = ""
    labels: dict[str, str] = {}
    output: str = ""
    created: str = ""
    started: str = ""
    finished: str = ""
    problem: Problem | None = None
    retried_from: str = ""
    done_rows: tuple[int, ...] = ()

    @property
    def unsupported_reason(self) -> Sentence | None:
        """Why this version cannot run the job, None if it can."""
        return unsupported_reason(self.request)


class Asset(Struct, frozen=True, kw_only=True):
    """A result: a file on disk with its recipe.

    `medium` is None if this version does not know it. For kinds without a prompt, `prompt` is
    that of the parent asset, or the name of the input file. `text` is the answer, "" for other
    media. `width` and `height` are pixels, `duration` is seconds, `size` is bytes. `number` is
    unique and increases with the creation time. `review` is what a person decided.
    """

    id: str
    job: str
    row: int
    task: str
    path: Path
    created: str
    recipe: Recipe
    prompt: str
    medium: Medium | None = None
    text: str = ""
    starred: bool = False
    tags: tuple[str, ...] = ()
    size: int = 0
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    sha256: str = ""
    number: int = 0
    collections: tuple[str, ...] = ()
    review: Review | None = None

    @property
    def review_state(self) -> str:
        """The state of its review, "" if nobody asked for one."""
        return review_state(self.review, self.recipe.labels)

    @property
    def seconds(self) -> float:
        """Seconds that generating took, without loading the model."""
        return making_seconds(self.recipe)


def making_seconds(recipe: Recipe) -> float:
    """Return the seconds that a result took, without loading the model."""
    return sum(seconds for stage, seconds in recipe.timings.items() if stage != "load")
