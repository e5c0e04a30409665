"""Finds pictures in folders, and checks whether they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.formats.suffixes import pictures_in
from studio.formats.untrusted_files import is_folder
from studio.protocol import Problem
from studio.ui.style.translations import translated
from studio.ui.workspaces.upscale.input_list import InputModel

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState

CHECKED_PER_BATCH = 10
"""Pictures checked in one background task, so that other tasks can run in between."""

MAX_FILES = 10_000
"""Pictures added at once; the rest of a larger folder is ignored, with a message."""


def expand_folders(paths: Sequence[Path]) -> list[Path]:
    """Replace folders by the pictures in them, subfolders included, sorted by name.

    Stops soon after `MAX_FILES` files.
    """
    found: list[Path] = []
    for path in paths:
        if is_folder(path):
            found.extend(pictures_in(path))
        else:
            found.append(path)
        if len(found) > MAX_FILES:
            break
    return found


def check_pictures(paths: Sequence[Path], inputs: InputModel, state: AppState) -> None:
    """Mark files in `inputs` that are not readable pictures, in background batches."""
    if not paths:
        return
    batch, rest = paths[:CHECKED_PER_BATCH], paths[CHECKED_PER_BATCH:]

    def check() -> list[Problem | None]:
        from studio.jobs.input_check import picture_problem

        return [picture_problem(path) for path in batch]

    def mark(problems: list[Problem | None]) -> None:
        for path, problem in zip(batch, problems, strict=True):
            inputs.set_check_result(path, "" if problem is None else translated(problem.message))
        check_pictures(rest, inputs, state)

    state.background.read(inputs, check, mark, state.problem.emit)
