"""The files of a model, their size on disk, and whether they are ours to move and delete."""

from __future__ import annotations

from pathlib import Path

from studio.formats.untrusted_files import files_below, is_file
from studio.formats.weights.split_gguf import split_parts
from studio.models.identify import model_candidates
from studio.models.source_file import SOURCE_FILE
from studio.protocol import ModelRef
from studio.settings import Paths

_PROTECTED = frozenset({"starter", "converted", ".trash"})


def files_of(model: ModelRef) -> list[Path]:
    """Return all files of a model; nothing if they are gone."""
    parts = split_parts(Path(model.path))
    return [file for part in parts for file in files_below(part)]


def size_on_disk(files: list[Path]) -> int:
    """Return the total size in bytes; a file that several names link to counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        sizes[(stat.st_dev, stat.st_ino)] = stat.st_size
    return sum(sizes.values())


def own_files(paths: Paths, model: ModelRef) -> Path | None:
    """Return the file or folder that holds just this model in our models folder, or None.

    None also for starter models, for links, and for a model of several files that lie among
    others: then nothing may be moved or deleted.
    """
    root, path = paths.models.resolve(), Path(model.path).absolute()
    if model.is_starter or not path.name:
        return None
    snapshot = path.parent
    if snapshot.name == "snapshots" and snapshot.parent.name.startswith("models--"):
        path = snapshot.parent
    try:
        if path.is_symlink() or root not in path.resolve().parents:
            return None
        relative = path.resolve().relative_to(root)
    except (OSError, ValueError):
        return None
    if relative.parts[0] in _PROTECTED:
        return None
    folder = path.parent
    is_download = folder.resolve().parent == root and is_file(folder / SOURCE_FILE)
    if is_file(path) and is_download and len(model_candidates(folder)) <= 1:
        return folder
    return path if len(split_parts(path)) == 1 else None
