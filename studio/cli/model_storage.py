"""`studio models usage`, `duplicates`, `remove --files`, `restore`, `move` and `folder`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec

from studio.cli.columns import padded
from studio.cli.exit_status import DONE
from studio.cli.folders import library_folder
from studio.cli.language import tr, translated
from studio.cli.terminal import write_over
from studio.downloads.writers import no_writers
from studio.formats.untrusted_files import printable
from studio.jobs.model_usage import model_usage
from studio.library.store import Library
from studio.models.registry import Registry
from studio.models.storage.duplicates import find_duplicates
from studio.models.storage.model_trash import (
    RemovedModel,
    empty_trash,
    remove_with_files,
    removed_models,
    restore_model,
)
from studio.models.storage.models_folder_choice import (
    describe_choice,
    move_folder,
    not_searched,
    use_folder,
)
from studio.models.storage.move_model import move_model
from studio.protocol import Problem, ProblemError, readable_size
from studio.settings import Paths, load_settings, save_settings

_RESTORE = "studio models restore"


def usage(registry: Registry, paths: Paths, *, as_json: bool) -> int:
    """Print the size of each model and when it was last used, the largest first."""
    library = _library(paths)
    try:
        found = model_usage(registry.list(), library, paths)
    finally:
        if library is not None:
            library.close()
    for each in found:
        if as_json:
            fields = {
                "id": each.model.id,
                "size": each.size,
                "results": each.results,
                "last_used": each.last_used or None,
                "own": each.is_own,
                "path": each.model.path,
            }
            print(json.dumps(fields, ensure_ascii=False))
            continue
        day = each.last_used[:10]
        used = tr("last used {date}", date=day) if day else tr("not used yet")
        print(f"{readable_size(each.size):>8}  {padded(used, 20)}  {each.model.id}")
    removed = removed_models(paths)
    if not as_json:
        total = readable_size(sum(each.size for each in found))
        print(f"{total:>8}  {tr('in total')}")
        for gone in removed:
            id = printable(gone.id)
            text = tr("in the trash: {id} ({command})", id=id, command=f"{_RESTORE} {id}")
            print(f"{readable_size(gone.size):>8}  {text}")
    return DONE


def duplicates(registry: Registry, paths: Paths, *, as_json: bool) -> int:
    """Print the weight files that are there more than once."""
    shown = not as_json and sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if shown:
            write_over(tr("Comparing: {percent} %", percent=100 * done // max(1, total)))

    found = find_duplicates(registry.list(), paths.cache, progress)
    if shown:
        write_over("")
    for group in found:
        if as_json:
            print(json.dumps(msgspec.to_builtins(group), ensure_ascii=False))
            continue
        size, count = readable_size(group.size), len(group.files)
        print(tr("{size}, {count} copies:", size=size, count=count))
        for file in group.files:
            print(f"  {printable(file.path, 1000)}  ({', '.join(file.models)})")
    if not as_json:
        wasted = sum(group.wasted for group in found)
        print(
            tr("The copies take {size}.", size=readable_size(wasted))
            if found
            else tr("No weights are there twice.")
        )
    return DONE


def remove(registry: Registry, paths: Paths, options: argparse.Namespace) -> int:
    """Remove a model from the list, with --files also from the disk."""
    if not options.files:
        registry.remove(options.id)
        return DONE
    removed = remove_with_files(registry, paths, options.id)
    if removed is None:
        print(tr("Its files belong to another program and were kept. It is off the list."))
        return DONE
    _print_removed(removed)
    return DONE


def restore(registry: Registry, paths: Paths, options: argparse.Namespace) -> int:
    """Bring a model back from the trash, or empty it."""
    if options.empty:
        print(tr("{size} were freed.", size=readable_size(empty_trash(paths))))
        return DONE
    if not options.id:
        for removed in removed_models(paths):
            print(f"{removed.id}  {readable_size(removed.size):>8}  {removed.origin}")
        return DONE
    model = restore_model(registry, paths, options.id)
    print(tr("{id} is back: {path}", id=model.id, path=model.path))
    return DONE


def move(registry: Registry, paths: Paths, options: argparse.Namespace) -> int:
    """Move a model's files to another folder or disk."""
    shown = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if shown:
            write_over(f"{100 * done // max(1, total)} %")

    model = move_model(registry, paths, options.id, Path(options.dir), progress)
    if shown:
        write_over("")
    print(tr("{id} is now in {path}", id=model.id, path=model.path))
    return DONE


def folder(paths: Paths, options: argparse.Namespace) -> int:
    """Print where models are kept, or keep them elsewhere from now on."""
    if not options.dir:
        print(paths.models)
        return DONE
    choice = describe_choice(paths, Path(options.dir))
    settings, found = load_settings(paths.settings)
    if found is not None and settings.is_unknown:
        raise ProblemError(found)
    settings.models = str(choice.folder)

    def save() -> Problem | None:
        return save_settings(paths.settings, settings)

    if options.move:
        shown = sys.stderr.isatty()

        def progress(done: int, total: int) -> None:
            if shown:
                write_over(f"{100 * done // max(1, total)} %")

        with no_writers(paths.models):
            move_folder(paths, choice.folder, save, progress)
        if shown:
            write_over("")
    else:
        use_folder(paths, choice.folder, save)
    print(tr("Models are kept in {path} now.", path=choice.folder))
    if choice.unknown:
        print(translated(not_searched(choice)), file=sys.stderr)
    return DONE


def _print_removed(removed: RemovedModel) -> None:
    print(
        tr(
            "{id} ({size}) is in the trash. To undo: {restore}. To free the space: {empty}",
            id=removed.id,
            size=readable_size(removed.size),
            restore=f"{_RESTORE} {removed.id}",
            empty=f"{_RESTORE} --empty",
        )
    )


def _library(paths: Paths) -> Library | None:
    """Return the library if there is one; sizes are shown without it."""
    try:
        folder = library_folder(paths)
        return Library.open(folder, run_queue=False) if Library.is_in(folder) else None
    except ProblemError:
        return None
