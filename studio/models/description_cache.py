"""Descriptions of models and what pipelines can do, kept until the files change."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file, write_json_file
from studio.formats.untrusted_files import is_folder
from studio.models.identify import DESCRIPTION_VERSION, describe_path, snapshot_of
from studio.protocol import Capabilities, ModelRef, Problem, ProblemError

Value = TypeVar("Value")


class _Described(Struct, frozen=True):
    signature: str
    model: ModelRef


class _Descriptions(Struct):
    version: int = DESCRIPTION_VERSION
    models: dict[str, _Described] = {}


_MAX_ENTRIES = 5_000
"""Files of a folder whose changes are noticed."""

_CAPABILITIES_VERSION = 2
"""Goes up when a control is added, so that pipelines are asked anew whether they have it."""


class _Capable(Struct, frozen=True):
    signature: str
    capabilities: Capabilities
    version: int = 1


class DescriptionCache:
    """What was read from models' headers, in memory and in the cache folder.

    Problems are kept in memory only: a newer library may know what this one does not.
    """

    def __init__(self, cache: Path) -> None:
        self._file = cache / "models.json"
        self._capabilities_file = cache / "capabilities.json"
        held = _read(self._file, _Descriptions)
        fits = held is not None and held.version == DESCRIPTION_VERSION
        self._models = held.models if held is not None and fits else {}
        self._broken: dict[str, tuple[str, Problem]] = {}
        self._changed = False

    def describe(self, path: Path) -> ModelRef | Problem:
        """Return what is at `path`, reading its headers only where the files changed."""
        key, mark = path_key(path), signature(path)
        held = self._models.get(key)
        if held is not None and held.signature == mark:
            return held.model
        broken = self._broken.get(key)
        if broken is not None and broken[0] == mark:
            return broken[1]
        try:
            model = describe_path(path)
        except ProblemError as error:
            self._broken[key] = (mark, error.problem)
            self._changed |= self._models.pop(key, None) is not None
            return error.problem
        self._models[key] = _Described(mark, model)
        self._changed = True
        return model

    def save(self) -> None:
        """Write the descriptions to the cache where anything changed."""
        if self._changed:
            _write(self._file, _Descriptions(models=self._models))
            self._changed = False

    def capabilities(self, path: Path) -> Capabilities | None:
        """Return what was remembered about these very files, or None."""
        held = _read(self._capabilities_file, dict[str, _Capable]) or {}
        found = held.get(path_key(path))
        if found is None or found.version != _CAPABILITIES_VERSION:
            return None
        return found.capabilities if found.signature == signature(path) else None

    def remember_capabilities(self, path: Path, capabilities: Capabilities) -> None:
        """Keep what a pipeline can do until its files change."""
        held = _read(self._capabilities_file, dict[str, _Capable]) or {}
        held[path_key(path)] = _Capable(signature(path), capabilities, _CAPABILITIES_VERSION)
        _write(self._capabilities_file, held)


def path_key(path: Path | str) -> str:
    """Return the path as it is compared: absolute, and without case where the system has none."""
    return os.path.normcase(str(Path(path).absolute()))


def signature(path: Path) -> str:
    """Return a text that changes with the names, sizes or times of the files at `path`.

    Of a folder two levels are looked at, as deep as models have files that matter.
    """
    digest = hashlib.blake2b(digest_size=16)
    path = snapshot_of(path) if is_folder(path) else path
    _mark(path, digest.update, depth=2)
    return digest.hexdigest()


def _mark(path: Path, update: Callable[[bytes], object], depth: int) -> None:
    name = os.fsencode(path.name)
    try:
        facts = path.stat()
        if not stat.S_ISDIR(facts.st_mode):
            update(name + f"\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
            return
        update(name + b"/\n")
        entries = sorted(path.iterdir())[:_MAX_ENTRIES] if depth else []
    except (OSError, ValueError) as error:
        update(name + f"\0{getattr(error, 'errno', 0)}\n".encode())
        return
    for entry in entries:
        _mark(entry, update, depth - 1)


def _read(path: Path, kind: type[Value]) -> Value | None:
    try:
        return read_json_file(path, kind)
    except msgspec.DecodeError:
        return None


def _write(path: Path, value: object) -> None:
    try:
        write_json_file(path, value)
    except OSError:
        return  # a cache that cannot be written costs time, nothing else
