"""Find weight files that are on the disk more than once: by size first, then by sha256."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import make_private_folder
from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.suffixes import MODEL_WEIGHTS
from studio.models.storage.model_files import files_of
from studio.models.verify import sha256_of
from studio.protocol import ModelRef

_LEAST = 1_000_000
"""Smaller files are not worth the time, in bytes."""


class DuplicateFile(Struct, frozen=True):
    """One of the copies: its path, and the ids of the models that it belongs to."""

    path: str
    models: tuple[str, ...]


class Duplicates(Struct, frozen=True):
    """Files with the same content. `size` is bytes of each."""

    sha256: str
    size: int
    files: tuple[DuplicateFile, ...]

    @property
    def wasted(self) -> int:
        """Bytes that the copies take beyond the first."""
        return self.size * (len(self.files) - 1)


def find_duplicates(
    models: Iterable[ModelRef],
    cache: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> list[Duplicates]:
    """Return groups of equal weight files, those that waste the most first.

    Names that link to the same file are no duplicates. Reads every file of a size that occurs
    twice, once: hashes are kept in `cache` until a file changes.

    Args:
        models: of the registry.
        cache: folder for the hashes.
        progress: called with the bytes read and the bytes to read.
        check: called every few megabytes; may raise to cancel.
    """
    owners: dict[Path, list[str]] = defaultdict(list)
    places: dict[tuple[int, int], Path] = {}
    by_size: dict[int, list[Path]] = defaultdict(list)
    for model in models:
        for file in files_of(model):
            try:
                stat = file.stat()
            except OSError:
                continue
            if stat.st_size < _LEAST or not _may_be_weights(file, model):
                continue
            place = (stat.st_dev, stat.st_ino)
            if place not in places:
                places[place] = file
                by_size[stat.st_size].append(file)
            first = places[place]
            if model.id not in owners[first]:
                owners[first].append(model.id)
    groups = {size: files for size, files in by_size.items() if len(files) > 1}
    total = sum(size * len(files) for size, files in groups.items())
    hashes = _Hashes(cache / "weight_hashes.json")
    done = 0

    def step(count: int) -> None:
        nonlocal done
        check()
        done += count
        progress(done, total)

    equal: dict[tuple[str, int], list[Path]] = defaultdict(list)
    try:
        for size, files in groups.items():
            for file in files:
                sha256 = hashes.get(file, step)
                if sha256:
                    equal[(sha256, size)].append(file)
    finally:
        hashes.save()
    found = [
        Duplicates(
            sha256, size, tuple(DuplicateFile(str(file), tuple(owners[file])) for file in files)
        )
        for (sha256, size), files in equal.items()
        if len(files) > 1
    ]
    return sorted(found, key=lambda each: -each.wasted)


def _may_be_weights(file: Path, model: ModelRef) -> bool:
    # A blob of Ollama or of the hub's cache has no suffix.
    return file.suffix.lower() in MODEL_WEIGHTS or str(file) == model.path


class _Hash(Struct, frozen=True):
    size: int
    modified: int
    sha256: str


class _Hashes:
    """Hashes of files by path, kept in a file until the size or the modification time changes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known = read_json_file(file, dict[str, _Hash]) or {}
        except msgspec.DecodeError:
            self._known = {}

    def get(self, file: Path, step: Callable[[int], None]) -> str:
        """Return the sha256 in hex, "" if the file cannot be read."""
        try:
            stat = file.stat()
            known = self._known.get(str(file))
            if known is not None and (known.size, known.modified) == (
                stat.st_size,
                stat.st_mtime_ns,
            ):
                step(stat.st_size)
                return known.sha256
            sha256 = sha256_of(file, step)
        except OSError:
            return ""
        self._known[str(file)] = _Hash(stat.st_size, stat.st_mtime_ns, sha256)
        return sha256

    def save(self) -> None:
        """Write the file; without it the hashes are computed again."""
        present = {path: known for path, known in self._known.items() if Path(path).exists()}
        try:
            make_private_folder(self._file.parent)
            write_json_file(self._file, present)
        except (OSError, UnicodeEncodeError):
            return
