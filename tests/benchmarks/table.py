"""Rows of the benchmark table: what is measured, its target, the result."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where the row only informs."""

    what: str
    target: str
    measured: str
    met: bool | None
    figures: dict[str, float | list[float] | str] = field(default_factory=dict)


def pairs(
    first: Callable[[], float], second: Callable[[], float], rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Measure two things in turn, A B A B …, so that drift of the machine's speed cancels.

    Returns the seconds of both and the ratio first ÷ second of each round.
    """
    left: list[float] = []
    right: list[float] = []
    for number in range(rounds):
        if number % 2:
            right.append(second())
            left.append(first())
        else:
            left.append(first())
            right.append(second())
    return left, right, [a / b for a, b in zip(left, right, strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return "median (minimum to maximum)"."""
    median = statistics.median(values)
    return f"{median:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def show(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | must reach | measured | met |", "|---|---|---|---|"]
    for row in rows:
        met = "–" if row.met is None else "yes" if row.met else "NO"
        lines.append(f"| {row.what} | {row.target} | {row.measured} | {met} |")
    return "\n".join(lines)


def save(rows: Sequence[Row], path: Path) -> None:
    """Write the rows with all their figures as JSON."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n")
