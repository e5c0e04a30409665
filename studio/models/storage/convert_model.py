"""Write the pickled weights of a model as safetensors; an installed model then uses these."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from studio.formats.untrusted_files import user_path
from studio.formats.weights.convert_pickle import (
    convert_index,
    convert_to_safetensors,
    convertible_files,
)
from studio.models.registry import Registry
from studio.protocol import ModelRef, ProblemError, problem


def convert_and_add(
    registry: Registry, path: Path, check: Callable[[], None] = lambda: None
) -> ModelRef:
    """Convert the file or folder at `path` and add the result to the list.

    Raises `ProblemError` like `convert_to_safetensors` and `Registry.add`.
    """
    return registry.add(_converted(user_path(path), check))


def convert_installed(
    registry: Registry, id: str, check: Callable[[], None] = lambda: None
) -> ModelRef | None:
    """Convert a model that is listed, usable or not; it keeps its id and its old files.

    Returns None if it still cannot be used: the list says why. Raises `ProblemError`.
    """
    path = registry.path_of(id)
    if path is None:
        raise problem("model_missing", "There is no model called {model}.", model=id)
    target = _converted(path, check)
    if target != path:
        with contextlib.suppress(ProblemError):
            return registry.relocate(id, target, keeps_old=True)
    return registry.get(id)


def _converted(path: Path, check: Callable[[], None]) -> Path:
    """Convert what is at `path`; return where the model is now."""
    files = convertible_files(path)
    if not files:
        raise problem("bad_input", "There is nothing to convert at {path}.", path=path)
    targets = [convert_to_safetensors(file, check=check) for file in files]
    for file in files:
        convert_index(file)
    return targets[0] if files == (path,) else path
