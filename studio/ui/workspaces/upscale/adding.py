"""What is added to the list of pictures: found below folders, then looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.formats.suffixes import pictures_in
from studio.protocol import Problem
from studio.ui.style.translations import translated
from studio.ui.workspaces.upscale.input_list import InputModel

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState

LOOKED_AT_ONCE = 10
"""Pictures between which other reading in the background has its turn."""

MOST_FILES = 10_000
"""A folder with more pictures than this is cut, and the window says so."""


def pictures_below(paths: Sequence[Path]) -> list[Path]:
    """Return files as they are and, for folders, the pictures below them in order of name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(pictures_in(path))
        else:
            found.append(path)
        if len(found) > MOST_FILES:
            break
    return found


def look_at(paths: Sequence[Path], inputs: InputModel, state: AppState) -> None:
    """Mark what is no picture, a few at a time, off the window's thread."""
    if not paths:
        return
    now, later = paths[:LOOKED_AT_ONCE], paths[LOOKED_AT_ONCE:]

    def look() -> list[Problem | None]:
        from studio.jobs.picture_check import picture_problem

        return [picture_problem(path) for path in now]

    def tell(found: list[Problem | None]) -> None:
        for path, wrong in zip(now, found, strict=True):
            inputs.set_readable(path, "" if wrong is None else translated(wrong.message))
        look_at(later, inputs, state)

    state.background.read(inputs, look, tell, state.problem.emit)
