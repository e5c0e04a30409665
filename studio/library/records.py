"""What the library hands out: jobs and assets, frozen."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from studio.kinds.kind import Medium
from studio.kinds.requests import unsupported_reason
from studio.protocol import JobStatus, Problem, Recipe, Request, Sentence


class Job(Struct, frozen=True, kw_only=True):
    """One request and what became of it.

    `done_rows` are the rows whose asset was recorded. `output` is "" for the library itself,
    otherwise the absolute folder the files go straight into. Times are ISO 8601 with offset,
    empty until they come. `number` grows with every job.
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
        """Why this build cannot carry it out, as another one wrote it; None if it can."""
        return unsupported_reason(self.request)


class Asset(Struct, frozen=True, kw_only=True):
    """One result: a file on disk, with the recipe that lies inside it.

    `medium` is None where this build does not know it. `prompt` is what was asked; where a kind
    has no prompt, it is that of the asset that this was made from, or the name of the input file.
    `text` is the answer itself (empty for other media). `width` and `height` are pixels, None
    where there are none; `duration` is seconds, of sound and video. `size` is bytes. `number`
    grows with the time of creation, and is the asset's alone.
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

    @property
    def seconds(self) -> float:
        """How long making it took, without the loading of the model."""
        return making_seconds(self.recipe)


def making_seconds(recipe: Recipe) -> float:
    """Return the seconds a result took by its recipe, without the loading of the model."""
    return sum(seconds for stage, seconds in recipe.timings.items() if stage != "load")
