"""Remove a model with its files, and bring it back.

Only files in our own models folder are ever deleted: they move to `.trash` there. Of models in
other programs' folders only the entry in the list goes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.folders import make_below
from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.untrusted_files import entries_of, files_below, is_file, is_folder
from studio.models.registry import Registry
from studio.models.storage.model_files import own_files, size_on_disk
from studio.protocol import ModelRef, ProblemError, problem
from studio.settings import Paths

TRASH_FOLDER = ".trash"
TRASH_RECORD = "removed.json"


class RemovedModel(Struct, frozen=True):
    """A model in the trash.

    `origin` is where its file or folder was, `path` its path as a model, `size` bytes, and
    `removed_at` seconds since 1970. `key` is the name of its folder in the trash.
    """

    id: str
    name: str
    origin: str
    path: str
    size: int
    removed_at: float
    key: str = ""


def remove_with_files(registry: Registry, paths: Paths, id: str) -> RemovedModel | None:
    """Remove a model from the list and move its files to the trash.

    Returns None if its files are not ours: then it was only removed from the list. Raises
    `ProblemError` if it is unknown, a starter model, or its files cannot be moved.
    """
    model = registry.get(id)
    own = own_files(paths, model) if model is not None else None
    registry.remove(id)
    if model is None or own is None:
        return None
    key = f"{int(time.time())}-{os.urandom(3).hex()}"
    folder = paths.models / TRASH_FOLDER / key
    removed = RemovedModel(
        model.id, model.name, str(own), model.path, size_on_disk(files_below(own)), time.time(), key
    )
    try:
        make_below(paths.models, folder, private=True)
        # First the record: a model without one could not be restored.
        write_json_file(folder / TRASH_RECORD, removed)
        own.replace(folder / own.name)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(ProblemError):
            registry.add(Path(model.path))
        raise problem(
            "bad_input",
            "The files of {name} could not be removed: {reason}. A program may be using them.",
            detail=str(error),
            name=model.name,
            reason=error.strerror or type(error).__name__,
        ) from error
    return removed


def removed_models(paths: Paths) -> tuple[RemovedModel, ...]:
    """Return the models in the trash, the last one first."""
    found: list[RemovedModel] = []
    for folder in entries_of(paths.models / TRASH_FOLDER):
        try:
            removed = read_json_file(folder / TRASH_RECORD, RemovedModel)
        except msgspec.DecodeError:
            continue
        if removed is None or not removed.origin:
            continue
        content = folder / Path(removed.origin).name
        if is_file(content) or is_folder(content):
            found.append(msgspec.structs.replace(removed, key=folder.name))
    return tuple(sorted(found, key=lambda each: -each.removed_at))


def restore_model(registry: Registry, paths: Paths, id: str) -> ModelRef:
    """Bring a model back from the trash, by its id or its key; the last one of that id.

    Raises `ProblemError` if it is not there, or its place is taken.
    """
    removed = next((each for each in removed_models(paths) if id in (each.id, each.key)), None)
    if removed is None:
        raise problem("bad_input", "There is no model called {model} in the trash.", model=id)
    origin = Path(removed.origin)
    root = paths.models.resolve()
    # The record is a file that anybody could have written: nothing outside is overwritten.
    inside = root in origin.resolve().parents and origin.resolve() in (
        Path(removed.path).resolve(),
        *Path(removed.path).resolve().parents,
    )
    if not inside or os.path.lexists(origin):
        raise problem(
            "bad_input",
            "{name} cannot be restored: there is something else at {path} now.",
            name=removed.name,
            path=origin,
        )
    folder = paths.models / TRASH_FOLDER / removed.key
    try:
        make_below(root, origin.resolve().parent, private=True)
        (folder / origin.name).rename(origin)
    except OSError as error:
        raise problem(
            "bad_input",
            "{name} cannot be restored: {reason}.",
            detail=str(error),
            name=removed.name,
            reason=error.strerror or type(error).__name__,
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    return registry.bring_back(removed.id, Path(removed.path))


def empty_trash(paths: Paths) -> int:
    """Delete the models in the trash for good and return the bytes that were freed."""
    folder = paths.models / TRASH_FOLDER
    if folder.is_symlink():
        return 0
    freed = size_on_disk(files_below(folder))
    shutil.rmtree(folder, ignore_errors=True)
    return freed - size_on_disk(files_below(folder))
