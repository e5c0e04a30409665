"""Cache of model descriptions and pipeline capabilities, valid until the files change."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import make_private_folder
from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.untrusted_files import is_folder
from studio.formats.weights.split_gguf import split_parts
from studio.models.identify import DESCRIPTION_VERSION, describe_path, snapshot_of
from studio.protocol import Capabilities, ModelRef, Problem, ProblemError

Value = TypeVar("Value")


class _CachedDescription(Struct, frozen=True):
    signature: str
    model: ModelRef


class _DescriptionsFile(Struct):
    version: int = DESCRIPTION_VERSION
    models: dict[str, _CachedDescription] = {}


_MAX_ENTRIES = 5_000
"""Most files of a folder that are included in its signature."""

_CAPABILITIES_VERSION = 4
"""Incremented when a control or fact is added, which invalidates cached capabilities."""


class _CachedCapabilities(Struct, frozen=True):
    signature: str
    capabilities: Capabilities
    version: int = 1


class DescriptionCache:
    """Model descriptions and capabilities, in memory and in the cache folder.

    Problems are kept in memory only: newer libraries may support a model that was rejected.
    """

    def __init__(self, cache: Path) -> None:
        self._file = cache / "models.json"
        self._capabilities_file = cache / "capabilities.json"
        stored = _read(self._file, _DescriptionsFile)
        is_valid = stored is not None and stored.version == DESCRIPTION_VERSION
        self._models = stored.models if stored is not None and is_valid else {}
        self._broken: dict[str, tuple[str, Problem]] = {}
        self._changed = False

    def describe(self, path: Path) -> ModelRef | Problem:
        """Describe the model at `path`, reading its headers only if the files have changed."""
        key, current = path_key(path), signature(path)
        cached = self._models.get(key)
        if cached is not None and cached.signature == current:
            return cached.model
        broken = self._broken.get(key)
        if broken is not None and broken[0] == current:
            return broken[1]
        try:
            model = describe_path(path)
        except ProblemError as error:
            self._broken[key] = (current, error.problem)
            self._changed |= self._models.pop(key, None) is not None
            return error.problem
        self._models[key] = _CachedDescription(current, model)
        self._changed = True
        return model

    def save(self) -> None:
        """Write changed descriptions to the cache folder."""
        if self._changed:
            _write(self._file, _DescriptionsFile(models=self._models))
            self._changed = False

    def capabilities(self, path: Path) -> Capabilities | None:
        """Return the cached capabilities of a model, None if unknown or its files changed."""
        stored = _read(self._capabilities_file, dict[str, _CachedCapabilities]) or {}
        cached = stored.get(path_key(path))
        if cached is None or cached.version != _CAPABILITIES_VERSION:
            return None
        return cached.capabilities if cached.signature == signature(path) else None

    def remember_capabilities(self, path: Path, capabilities: Capabilities) -> None:
        """Cache a model's capabilities until its files change."""
        stored = _read(self._capabilities_file, dict[str, _CachedCapabilities]) or {}
        stored[path_key(path)] = _CachedCapabilities(
            signature(path), capabilities, _CAPABILITIES_VERSION
        )
        _write(self._capabilities_file, stored)


def path_key(path: Path | str) -> str:
    """Return a path for comparison: absolute, and with normalised case where case is ignored."""
    return os.path.normcase(str(Path(path).absolute()))


def signature(path: Path) -> str:
    """Return a hash of the names, sizes and modification times of the files at `path`.

    Folders are read two levels deep, which covers all files of a model.
    """
    digest = hashlib.blake2b(digest_size=16)
    path = snapshot_of(path) if is_folder(path) else path
    for part in split_parts(path):
        _hash_entry(part, digest.update, depth=2)
    return digest.hexdigest()


def _hash_entry(path: Path, update: Callable[[bytes], object], depth: int) -> None:
    name = os.fsencode(path.name)
    try:
        info = path.stat()
        if not stat.S_ISDIR(info.st_mode):
            update(name + f"\0{info.st_size}\0{info.st_mtime_ns}\n".encode())
            return
        update(name + b"/\n")
        entries = sorted(path.iterdir())[:_MAX_ENTRIES] if depth else []
    except (OSError, ValueError) as error:
        update(name + f"\0{getattr(error, 'errno', 0)}\n".encode())
        return
    for entry in entries:
        _hash_entry(entry, update, depth - 1)


def _read(path: Path, kind: type[Value]) -> Value | None:
    try:
        return read_json_file(path, kind)
    except msgspec.DecodeError:
        return None


def _write(path: Path, value: object) -> None:
    try:
        make_private_folder(path.parent)
        write_json_file(path, value)
    except OSError:
        return  # without a cache, models are only described again
