"""Commands from the app to the engine."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from studio.protocol.models import ModelRef
from studio.protocol.requests import Request


class RunJob(Struct, frozen=True, kw_only=True, tag_field="command", tag="run"):
    """Run the given rows of a request. Result files are written below `work_dir`.

    `model` is the base model; `extra_models` are the request's models with other roles. With
    `saves_memory`, less memory is used than is predicted to fit, since an earlier attempt was
    killed. What a task writes below `kept_dir` outlives the job, so that another one can go on from
    it; the folder above it exists.
    """

    job: str
    request: Request
    rows: tuple[int, ...]
    model: ModelRef
    work_dir: str
    extra_models: tuple[ModelRef, ...] = ()
    saves_memory: bool = False
    kept_dir: str = ""


class RunTogether(Struct, frozen=True, kw_only=True, tag_field="command", tag="together"):
    """Run several jobs with equal `shared_settings` in as few calls of the model as possible.

    Each part reports and ends under its own id, as if it ran alone. `Done` with the id of the
    group, `job`, follows when all parts have ended; its `alone` in `stats` counts the parts that
    ran without sharing. Parts and the whole group can be cancelled.
    """

    job: str
    parts: tuple[RunJob, ...]


class ConvertModel(Struct, frozen=True, kw_only=True, tag_field="command", tag="convert"):
    """Convert the model file `source` to a folder at `target` (which must not exist).

    `task` is the model's kind of work.
    """

    job: str
    task: str
    source: str
    target: str


class DescribeModel(Struct, frozen=True, kw_only=True, tag_field="command", tag="describe"):
    """Report a model's capabilities, without loading its weights."""

    job: str
    model: ModelRef


class ListAlternatives(Struct, frozen=True, kw_only=True, tag_field="command", tag="alternatives"):
    """Report what could come next, after the part of the result that `request` starts with."""

    job: str
    request: Request
    model: ModelRef


class EmbedTexts(Struct, frozen=True, kw_only=True, tag_field="command", tag="embed"):
    """Report a vector for each text, by which texts of a like meaning are found.

    `are_questions` says that they are what is asked, not what is searched: some models tell these
    apart.
    """

    job: str
    model: ModelRef
    texts: tuple[str, ...]
    are_questions: bool = False


class CancelJob(Struct, frozen=True, tag_field="command", tag="cancel"):
    """Cancel a job at its next interruptible point."""

    job: str


class Shutdown(Struct, frozen=True, tag_field="command", tag="shutdown"):
    """End the engine process."""


Command: TypeAlias = (
    RunJob
    | RunTogether
    | ConvertModel
    | DescribeModel
    | ListAlternatives
    | EmbedTexts
    | CancelJob
    | Shutdown
)
