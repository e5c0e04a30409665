"""Keep models in another folder: move what is there, or leave it and go on listing it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import make_private_folder
from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.untrusted_files import entries_of, files_below, is_folder, user_path
from studio.models.registry_file import RegistryFile
from studio.models.storage.model_files import size_on_disk
from studio.models.storage.model_trash import TRASH_FOLDER, TRASH_RECORD, RemovedModel
from studio.models.storage.move_model import copy_files
from studio.protocol import Problem, ProblemError, problem, readable_size
from studio.settings import Paths

OWN_NAME = "Prompt Studio models"
"""The folder that is made in a chosen folder which holds other things."""

_REGISTRY = "registry.json"


class FolderChoice(Struct, frozen=True):
    """A folder for models. `size` is bytes in the present one, `free` on the disk of the new."""

    folder: Path
    size: int
    free: int
    is_used: bool = False
    """Whether it has been a models folder before."""


def describe_choice(paths: Paths, chosen: Path) -> FolderChoice:
    """Return what choosing a folder would mean. Raises `ProblemError` if it cannot be used."""
    chosen = user_path(chosen)
    is_used = (chosen / _REGISTRY).is_file()
    folder = chosen if is_used or not entries_of(chosen) else chosen / OWN_NAME
    is_used = (folder / _REGISTRY).is_file()
    if _same(folder, paths.models) or _same(chosen, paths.models):
        raise problem("bad_input", "Models are kept in {path} already.", path=paths.models)
    old, new = paths.models.resolve(), folder.resolve()
    if old in new.parents or new in old.parents:
        raise problem(
            "bad_input",
            "{path} lies inside the present models folder, or the other way round. Choose another.",
            path=folder,
        )
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError as error:
        raise problem(
            "bad_input",
            "The folder {path} cannot be used: {reason}.",
            detail=str(error),
            path=folder,
            reason=error.strerror or type(error).__name__,
        ) from error
    return FolderChoice(folder, size_on_disk(files_below(paths.models)), free, is_used)


def use_folder(paths: Paths, folder: Path, save: Callable[[], Problem | None]) -> None:
    """Keep models in `folder` from now on. Those in the present one stay, and stay listed.

    `save` writes the settings. Raises `ProblemError`.
    """
    known = RegistryFile(paths.models / _REGISTRY).read()
    with RegistryFile(folder / _REGISTRY).edit() as content:
        listed = {entry.path for entry in content.models}
        taken = {entry.id for entry in content.models}
        content.models += [
            entry for entry in known.models if entry.path not in listed and entry.id not in taken
        ]
        others = [*known.folders, *([str(paths.models)] if is_folder(paths.models) else [])]
        content.folders += [
            other
            for other in others
            if other not in content.folders and not _same(Path(other), folder)
        ]
    _raise(save())


def move_folder(
    paths: Paths,
    folder: Path,
    save: Callable[[], Problem | None],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Move everything in the models folder to `folder`, an empty one, and keep models there.

    The originals are deleted last. If anything goes wrong before, they stay in use. `progress` is
    called with the bytes copied and their total; `check` may raise to cancel; `save` writes the
    settings. Raises `ProblemError`.
    """
    if entries_of(folder):
        raise problem("bad_input", "The folder {path} is not empty.", path=folder)
    old = paths.models
    try:
        if is_folder(old) and not _rename(old, folder):
            _copy(old, folder, progress, check)
        _rewrite(old, folder)
        _raise(save())
    except BaseException as error:
        _undo(old, folder)
        if isinstance(error, OSError):
            raise problem(
                "disk_full" if error.errno == 28 else "bad_input",
                "The models could not be moved: {reason}. They stay where they are.",
                detail=str(error),
                reason=error.strerror or type(error).__name__,
            ) from error
        raise
    shutil.rmtree(old, ignore_errors=True)


def _rename(old: Path, new: Path) -> bool:
    """Move a folder on the same disk. Returns False if it must be copied."""
    try:
        if _existing(new).stat().st_dev != old.stat().st_dev or old.is_symlink():
            return False
        if new.is_dir():
            new.rmdir()
        make_private_folder(new.parent)
        old.rename(new)
    except OSError:
        return False
    return True


def _copy(
    old: Path,
    new: Path,
    progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> None:
    total, free = size_on_disk(files_below(old)), shutil.disk_usage(_existing(new)).free
    if free < total:
        raise problem(
            "disk_full",
            "The models need {need}, but there is only {free} of free space in {path}.",
            need=readable_size(total),
            free=readable_size(free),
            path=new,
        )
    make_private_folder(new)
    done = 0

    def report(part: int, _: int) -> None:
        progress(done + part, total)

    for entry in entries_of(old):
        target = new / entry.name
        if entry.is_symlink():
            target.symlink_to(entry.readlink() if entry.readlink().is_absolute() else entry)
        elif is_folder(entry):
            make_private_folder(target)
            copy_files(entry, target, total, report, check)
        elif not entry.name.endswith(".lock"):
            copy_files(entry, target, total, report, check)
        done += size_on_disk(files_below(entry))


def _rewrite(old: Path, new: Path) -> None:
    """Let the list of models and the records of the trash name the new places."""

    def moved(path: str) -> str:
        known = Path(path)
        return str(new / known.relative_to(old)) if known.is_relative_to(old) else path

    with RegistryFile(new / _REGISTRY).edit() as content:
        for entry in content.models:
            entry.path = moved(entry.path)
        content.folders = [moved(path) for path in content.folders]
    for folder in entries_of(new / TRASH_FOLDER):
        with contextlib.suppress(msgspec.DecodeError):
            removed = read_json_file(folder / TRASH_RECORD, RemovedModel)
            if removed is not None:
                origin, path = moved(removed.origin), moved(removed.path)
                record = msgspec.structs.replace(removed, origin=origin, path=path)
                write_json_file(folder / TRASH_RECORD, record)


def _undo(old: Path, new: Path) -> None:
    with contextlib.suppress(OSError, ProblemError):
        if is_folder(old):
            shutil.rmtree(new, ignore_errors=True)
        elif is_folder(new):
            new.rename(old)
            _rewrite(new, old)


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), folder)


def _same(one: Path, other: Path) -> bool:
    return os.path.normcase(one.absolute()) == os.path.normcase(other.absolute())


def _raise(found: Problem | None) -> None:
    if found is not None:
        raise ProblemError(found)
