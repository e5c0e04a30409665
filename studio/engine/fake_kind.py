"""What the fake engine does for one kind of work, where kinds differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from studio.engine.local.job import Job
from studio.protocol import Parent, Request

R = TypeVar("R", bound=Request)


@dataclass(frozen=True)
class Made:
    """A finished row: its file, and what its recipe says of it."""

    path: Path
    stats: dict[str, float]
    resolved: dict[str, Any]
    parents: tuple[Parent, ...] = ()


@dataclass(frozen=True)
class FakeKind(Generic[R]):
    """How results of a kind are made without a model.

    `make` writes the file of one row with a seed; `step` reports one step of how many of a row.
    """

    make: Callable[[Job, R, int], Made]
    step: Callable[[Job, R, int, int, int, int], None] = lambda *_: None
    """Job, request, row, seed, step, steps."""
