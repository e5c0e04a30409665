"""Move a model of our models folder to another folder or disk; it keeps its id."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from studio.formats.untrusted_files import is_folder, user_path
from studio.models.registry import Registry
from studio.models.storage.copy_tree import (
    Tree,
    copy_tree,
    delete_copies,
    delete_originals,
    tree_size,
)
from studio.models.storage.model_files import own_files
from studio.protocol import ModelRef, problem, readable_size
from studio.settings import Paths


def move_model(
    registry: Registry,
    paths: Paths,
    id: str,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> ModelRef:
    """Move a model's files into `folder` and return the model at its new place.

    The files are copied before the originals are deleted; if anything goes wrong or `check`
    raises, the model stays where it is.

    Args:
        registry: the list of models.
        paths: of the installation.
        id: of the model.
        folder: an existing folder.
        progress: called with the bytes copied and their total.
        check: called every few megabytes; may raise to cancel.

    Raises:
        ProblemError: unknown model, files that are not ours, no such folder, no space.
    """
    model = registry.get(id)
    if model is None:
        raise problem("model_missing", "There is no model called {model}.", model=id)
    own, target_folder = own_files(paths, model), user_path(folder)
    if own is None:
        raise problem(
            "bad_input",
            "{name} is not in the folder of Prompt Studio's own models, so its files stay where "
            "they are: {path}",
            name=model.name,
            path=model.path,
        )
    if not is_folder(target_folder):
        raise problem("bad_input", "There is no folder at {path}.", path=target_folder)
    target = target_folder / own.name
    if os.path.lexists(target) or own.resolve() in (target.resolve(), *target.resolve().parents):
        raise problem(
            "bad_input", "There is a file or folder of this name already: {path}", path=target
        )
    total = tree_size(own)
    free = shutil.disk_usage(target_folder).free
    if free < total:
        raise problem(
            "disk_full",
            "{name} needs {need}, but there is only {free} of free space in {path}.",
            name=model.name,
            need=readable_size(total),
            free=readable_size(free),
            path=target_folder,
        )
    part = target_folder / f".{own.name}.part-{os.urandom(3).hex()}"
    tree = Tree.start(own, part)
    try:
        copy_tree(tree, lambda done: progress(done, total), check)
        part.rename(target)
        moved = registry.relocate(id, target / Path(model.path).relative_to(own))
    except OSError as error:
        delete_copies(tree)
        raise problem(
            "disk_full" if error.errno == errno.ENOSPC else "bad_input",
            "{name} could not be moved: {reason}. It stays where it is.",
            detail=str(error),
            name=model.name,
            reason=error.strerror or type(error).__name__,
        ) from error
    except BaseException:
        if target.exists():
            target.rename(part)
        delete_copies(tree)
        raise
    delete_originals(tree)
    return moved
