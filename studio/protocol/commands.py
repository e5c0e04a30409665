"""What the app asks of the engine."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from studio.protocol.models import ModelRef
from studio.protocol.requests import Request


class RunJob(Struct, frozen=True, kw_only=True, tag_field="command", tag="run"):
    """Run the given rows of a request. Files are written below `work_dir` and announced.

    `model` is the base model; `extra_models` are those with other roles that the request names.
    """

    job: str
    request: Request
    rows: tuple[int, ...]
    model: ModelRef
    work_dir: str
    extra_models: tuple[ModelRef, ...] = ()


class RunTogether(Struct, frozen=True, kw_only=True, tag_field="command", tag="together"):
    """Run several jobs with the same `shared_settings` in as few calls of the model as can be.

    Every part reports and ends as if it ran alone, under its own id; `Done` with the id of the
    whole, `job`, comes when all have ended; its `alone` says how many shared nothing after all.
    Either kind of id can be cancelled.
    """

    job: str
    parts: tuple[RunJob, ...]


class ConvertModel(Struct, frozen=True, kw_only=True, tag_field="command", tag="convert"):
    """Turn a model file of another format into a folder at `target` (which must not exist).

    `task` is the kind of work that the model does.
    """

    job: str
    task: str
    source: str
    target: str


class DescribeModel(Struct, frozen=True, kw_only=True, tag_field="command", tag="describe"):
    """Ask what a model can do. Weights are not loaded."""

    job: str
    model: ModelRef


class CancelJob(Struct, frozen=True, tag_field="command", tag="cancel"):
    """Stop a job at its next interruptible point."""

    job: str


class Shutdown(Struct, frozen=True, tag_field="command", tag="shutdown"):
    """Leave the process."""


Command: TypeAlias = RunJob | RunTogether | ConvertModel | DescribeModel | CancelJob | Shutdown
