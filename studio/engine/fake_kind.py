"""The part of the fake engine that is specific to a kind of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from studio.engine.local.job import Job
from studio.protocol import Parent, Request

R = TypeVar("R", bound=Request)


@dataclass(frozen=True)
class FakeResult:
    """A finished row: its file and the values for its recipe."""

    path: Path
    stats: dict[str, float]
    resolved: dict[str, Any]
    parents: tuple[Parent, ...] = ()


@dataclass(frozen=True)
class FakeKind(Generic[R]):
    """Generates results of a kind without a model.

    `make(job, request, seed)` writes the file of one row; `step` reports one step of a row.
    """

    make: Callable[[Job, R, int], FakeResult]
    step: Callable[[Job, R, int, int, int, int], None] = lambda *_: None
    """Called with job, request, row, seed, step (from 1), steps."""
