"""Find the models in a folder and all folders below it, whichever program made them.

Known are plain folders (A1111, Forge, Krita AI, LM Studio), the hub's cache, ComfyUI with its
`extra_model_paths.yaml`, InvokeAI and Ollama. Only names are looked at here; what a file is, its
description says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from msgspec import Struct

from studio.formats.suffixes import MODEL_WEIGHTS, REFUSED_WEIGHTS
from studio.formats.untrusted_files import entries_of, is_file, is_folder
from studio.models.folders.comfyui import extra_folders
from studio.models.folders.invokeai import model_names
from studio.models.folders.ollama import ollama_models
from studio.models.identify import model_candidates, snapshot_of

_MAX_DEPTH = 16
_MAX_FOLDERS = 50_000
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "venv", ".git", ".venv", "blobs"})
_HIDDEN_FOLDERS = frozenset({".ollama", ".lmstudio", ".cache"})
_SYSTEM = frozenset({"/proc", "/sys", "/dev"}) if os.name == "posix" else frozenset[str]()
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")


class FoundModel(Struct, frozen=True):
    """A file or folder that may be a model. `name` is what another program calls it, or empty."""

    path: str
    name: str = ""


class FolderScan(Struct, frozen=True):
    """What is in a folder.

    `skipped` counts files with weights that are no models, such as the parts of one.
    `modified` has the modification time of each folder seen, in nanoseconds, by path.
    """

    models: tuple[FoundModel, ...] = ()
    skipped: int = 0
    modified: dict[str, int] = {}

    def is_current(self) -> bool:
        """Return whether no folder has changed since."""
        return all(_modified(folder) == time for folder, time in self.modified.items())


def scan_folder(root: Path, check: Callable[[], None] = lambda: None) -> FolderScan:
    """Find the models below `root`. Folders that cannot be read are passed over.

    `check` is called for each folder and may raise to cancel.
    """
    scan = _Scan(check)
    scan.walk(root)
    for extra in extra_folders(root):
        scan.walk(extra)
    names = model_names(root)
    models = (
        FoundModel(found.path, found.name or names.get(os.path.realpath(found.path), ""))
        for found in scan.models.values()
    )
    return FolderScan(tuple(models), scan.skipped, scan.modified)


class _Scan:
    def __init__(self, check: Callable[[], None]) -> None:
        self.models: dict[str, FoundModel] = {}
        self.skipped = 0
        self.modified: dict[str, int] = {}
        self._check = check
        self._seen: set[tuple[int, int]] = set()

    def walk(self, root: Path) -> None:
        left = [(root, 0)]
        while left and len(self.modified) < _MAX_FOLDERS:
            folder, depth = left.pop()
            self._check()
            if self._is_new(folder):
                inner = self._look_into(folder)
                if depth < _MAX_DEPTH:
                    left += [(entry, depth + 1) for entry in reversed(inner)]

    def _is_new(self, folder: Path) -> bool:
        """Return whether a folder was not seen, also by another link to it."""
        try:
            info = folder.stat()
        except (OSError, ValueError):
            return False
        key = (info.st_dev, info.st_ino)
        is_new = key not in self._seen
        self._seen.add(key)
        if is_new:
            self.modified[str(folder)] = info.st_mtime_ns
        return is_new

    def _look_into(self, folder: Path) -> list[Path]:
        """Collect the models of a folder; return the folders below that may have more."""
        ollama = ollama_models(folder)
        if ollama is not None:
            for path, name in ollama:
                self._add(path, name)
            return []
        if folder.name.startswith("models--") and is_folder(folder / "snapshots"):
            self._collect(snapshot_of(folder))
            return []
        return self._collect(folder)

    def _collect(self, folder: Path) -> list[Path]:
        entries = entries_of(folder)
        names = {entry.name for entry in entries}
        weights = [entry for entry in entries if _is_weights(entry)]
        if "model_index.json" in names:
            self._add(folder)
            # Checkpoints and LoRAs may lie beside the pipeline, its parts lie in folders below.
            self._add_files(weights)
            return []
        own = [entry for entry in weights if entry.suffix.lower() != ".gguf"]
        if "config.json" in names and own:
            self._add(folder)
            self.skipped += len(own) - 1
            self._add_files(entry for entry in weights if entry not in own)
        else:
            self._add_files(weights, model_candidates(folder))
        return [entry for entry in entries if _is_walked(entry)]

    def _add_files(
        self, weights: Iterable[Path], candidates: Collection[Path] | None = None
    ) -> None:
        """Add weight files that may be models of their own, and count the others."""
        for entry in weights:
            refused = entry.suffix.lower() in REFUSED_WEIGHTS or _is_later_part(entry)
            if refused or (candidates is not None and entry not in candidates):
                self.skipped += 1
            else:
                self._add(entry)

    def _add(self, path: Path, name: str = "") -> None:
        self.models.setdefault(str(path), FoundModel(str(path), name))


def _is_weights(entry: Path) -> bool:
    suffix = entry.suffix.lower()
    if entry.name.startswith(".") or suffix not in (*MODEL_WEIGHTS, *REFUSED_WEIGHTS):
        return False
    return is_file(entry)


def _is_later_part(entry: Path) -> bool:
    """Return whether a file is a part of a model in several files, but not the first."""
    match = _SHARD.search(entry.stem)
    return match is not None and not match[0].startswith("-00001-")


def _is_walked(entry: Path) -> bool:
    if entry.name in _SKIPPED_FOLDERS or str(entry) in _SYSTEM:
        return False
    if entry.name.startswith(".") and entry.name not in _HIDDEN_FOLDERS:
        return False
    return is_folder(entry)


def _modified(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except (OSError, ValueError):
        return -1
