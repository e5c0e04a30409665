"""Keep models in another folder: move what is there, or leave it and go on listing it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import make_private_folder, write_atomic
from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.untrusted_files import entries_of, is_folder, printable, read_start, user_path
from studio.models.registry_file import Entry, RegistryFile
from studio.models.storage.copy_tree import (
    Tree,
    copy_tree,
    delete_copies,
    delete_originals,
    tree_size,
)
from studio.models.storage.model_trash import TRASH_FOLDER, TRASH_RECORD, RemovedModel
from studio.protocol import Problem, ProblemError, Sentence, problem, readable_size, sentence
from studio.settings import Paths

OWN_NAME = "Prompt Studio models"
"""The folder that is made in a chosen folder which holds other things."""

_REGISTRY = "registry.json"
_MOVING = ".moving"
_MOVING_TO = ".moving-to"
"""While the models folder is being moved, these files in the new and the old one say the same, so
that only a folder into which a move was begun here is taken for one."""
_OWN_FILES = frozenset({_REGISTRY, ".registry.lock", ".lock", _MOVING, _MOVING_TO})


class FolderChoice(Struct, frozen=True):
    """A folder for models. `size` is bytes in the present one, `free` on the disk of the new."""

    folder: Path
    size: int
    free: int
    is_used: bool = False
    """Whether it has been a models folder before."""
    unknown: tuple[str, ...] = ()
    """Folders of other programs that are listed in it, but were not added on this computer."""


def describe_choice(paths: Paths, chosen: Path) -> FolderChoice:
    """Return what choosing a folder would mean. Raises `ProblemError` if it cannot be used."""
    chosen = user_path(chosen)
    is_used = (chosen / _REGISTRY).is_file()
    is_free = is_used or not entries_of(chosen) or _goes_on(paths.models, chosen)
    folder = chosen if is_free else chosen / OWN_NAME
    if folder != chosen and folder.is_symlink():
        raise problem(
            "bad_input",
            "{path} is a link. Choose the folder that it leads to, or another one.",
            path=folder,
        )
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
    unknown = _unknown_folders(paths, folder) if is_used else ()
    return FolderChoice(folder, tree_size(paths.models), free, is_used, unknown)


def not_searched(choice: FolderChoice) -> Sentence:
    """Return what to say of the folders that `use_folder` does not take over."""
    return sentence(
        "These folders are listed in it too, but were not added on this computer, so they are not "
        "searched: {folders}. Add them again if you need them.",
        folders=printable(", ".join(choice.unknown)),
    )


def use_folder(paths: Paths, folder: Path, save: Callable[[], Problem | None]) -> None:
    """Keep models in `folder` from now on. Those in the present one stay, and stay listed.

    Folders that are listed in `folder` are searched only if they were added on this computer: the
    list may be a stranger's, and name the whole disk. `save` writes the settings. Raises
    `ProblemError`.
    """
    paths.require_models()
    present = RegistryFile(paths.models / _REGISTRY)
    known = present.read()
    _raise(present.problem)
    chosen = RegistryFile(folder / _REGISTRY, make_folder=lambda: make_private_folder(folder))
    with chosen.edit() as content:
        listed = {entry.path for entry in content.models}
        taken = {entry.id for entry in content.models}
        content.models += [
            entry for entry in known.models if entry.path not in listed and entry.id not in taken
        ]
        unknown = _unknown_folders(paths, folder)
        content.folders = [other for other in content.folders if other not in unknown]
        others = [*known.folders, *([str(paths.models)] if is_folder(paths.models) else [])]
        content.folders += [
            other
            for other in others
            if other not in content.folders and not _same(Path(other), folder)
        ]
    _raise(save())


def _unknown_folders(paths: Paths, folder: Path) -> tuple[str, ...]:
    known = RegistryFile(paths.models / _REGISTRY).read().folders
    listed = RegistryFile(folder / _REGISTRY).read().folders
    return tuple(path for path in listed if path not in known and not _same(Path(path), folder))


def move_folder(
    paths: Paths,
    folder: Path,
    save: Callable[[], Problem | None],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Move everything in the models folder to `folder`, and keep models there from now on.

    Everything is copied, on the same disk as hard links, before the settings are saved; then, of
    the originals, exactly what was copied is deleted. Until then they stay in use, whatever goes
    wrong. What another process adds in the meantime stays where it is, and stays listed.
    `progress` is called with the bytes copied and their total; `check` may raise to cancel; `save`
    writes the settings. Raises `ProblemError`.
    """
    old = paths.models
    if entries_of(folder) and not _goes_on(old, folder):
        raise problem("bad_input", "The folder {path} is not empty.", path=folder)
    paths.require_models()
    tree = Tree.start(old, folder)
    is_new = not is_folder(folder)
    try:
        _require_space(old, folder)
        paths.make_models_folder()
        make_private_folder(folder)
        _begin(old, folder)
        if is_folder(old):
            total = tree_size(old)
            copy_tree(tree, lambda done: progress(done, total), check, leave=_OWN_FILES)
        _switch(old, folder, save)
    except BaseException as error:
        delete_copies(tree)
        for path in (old / _MOVING_TO, *(folder / name for name in _OWN_FILES)):
            with contextlib.suppress(OSError):
                path.unlink()
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise problem(
                "disk_full" if error.errno == errno.ENOSPC else "bad_input",
                "The models could not be moved: {reason}. They stay where they are.",
                detail=str(error),
                reason=error.strerror or type(error).__name__,
            ) from error
        raise
    for path in (folder / _MOVING, old / _MOVING_TO):
        path.unlink(missing_ok=True)
    delete_originals(tree)
    _leave(old, folder)


def _begin(old: Path, new: Path) -> None:
    if _goes_on(old, new):
        return
    token = secrets.token_hex(16).encode()
    write_atomic(old / _MOVING_TO, token, private=True)
    write_atomic(new / _MOVING, token, private=True)


def _goes_on(old: Path, new: Path) -> bool:
    """Return whether a move between these folders was begun on this computer."""
    begun = _token(old / _MOVING_TO)
    return bool(begun) and begun == _token(new / _MOVING)


def _token(file: Path) -> bytes:
    try:
        return b"" if file.is_symlink() else read_start(file, 100)
    except OSError:
        return b""


def _require_space(old: Path, new: Path) -> None:
    place = _existing(new)
    if not is_folder(old) or place.stat().st_dev == old.stat().st_dev:
        return
    total, free = tree_size(old), shutil.disk_usage(place).free
    if free < total:
        raise problem(
            "disk_full",
            "The models need {need}, but there is only {free} of free space in {path}.",
            need=readable_size(total),
            free=readable_size(free),
            path=new,
        )


def _switch(old: Path, new: Path, save: Callable[[], Problem | None]) -> None:
    """Let the list of models and the trash name the new places, and save the settings."""

    def moved(path: str) -> str:
        known = Path(path)
        return str(new / known.relative_to(old)) if known.is_relative_to(old) else path

    for folder in entries_of(new / TRASH_FOLDER):
        with contextlib.suppress(msgspec.DecodeError):
            removed = read_json_file(folder / TRASH_RECORD, RemovedModel)
            if removed is not None:
                origin, path = moved(removed.origin), moved(removed.path)
                record = msgspec.structs.replace(removed, origin=origin, path=path)
                write_json_file(folder / TRASH_RECORD, record)
    if not _goes_on(old, new):
        raise FileNotFoundError(errno.ENOENT, "its disk is no longer connected", str(new))
    # Nobody else may add models to the old list, from its copy to the new settings.
    with RegistryFile(old / _REGISTRY).edit() as known:
        with RegistryFile(new / _REGISTRY).edit() as content:
            content.models = [
                Entry(entry.id, moved(entry.path), entry.added, entry.hidden, entry.name)
                for entry in known.models
            ]
            content.folders = [moved(path) for path in known.folders]
        _raise(save())


def _leave(old: Path, new: Path) -> None:
    """Delete the old folder if only our own files are left; list it otherwise."""
    rest = {entry.name for entry in entries_of(old)} - _OWN_FILES
    if not rest:
        for name in _OWN_FILES:
            with contextlib.suppress(OSError):
                (old / name).unlink()
        with contextlib.suppress(OSError):
            old.rmdir()
    elif is_folder(old):
        with (
            contextlib.suppress(ProblemError),
            RegistryFile(new / _REGISTRY).edit() as content,
        ):
            content.folders.append(str(old))


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), folder)


def _same(one: Path, other: Path) -> bool:
    return os.path.normcase(one.absolute()) == os.path.normcase(other.absolute())


def _raise(found: Problem | None) -> None:
    if found is not None:
        raise ProblemError(found)
