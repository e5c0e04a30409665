"""A kill at a counted step of every writing operation: some points here, all with `make crash`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.killing import Template, known_reason
from tests.crash.operations import OPERATIONS, Operation

POINTS = 8
"""Points of each operation, evenly spread: the same ones each time."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the operations run in forks")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_killed_operation_leaves_index_and_files_in_agreement(
    operation: Operation, tmp_path: Path
) -> None:
    template = Template(operation, tmp_path)
    steps = template.points()
    assert len(steps) > 2
    for number in range(POINTS):
        point = (2 * number + 1) * len(steps) // (2 * POINTS)
        wrong = [
            said for said in template.visit(point) if known_reason(operation.name, said) is None
        ]
        assert not wrong, f"killed in front of {steps[point]} (point {point})"
