"""What is in the models folder, and which files are still being written by another program."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from studio.formats.suffixes import MODEL_WEIGHTS
from studio.formats.untrusted_files import entries_of, files_below, is_file, is_folder, open_regular
from studio.formats.voices import looks_like_voices
from studio.formats.weights.split_gguf import is_continuation
from studio.models.identify import model_candidates
from studio.protocol import ModelRef, Problem

_OWN_FOLDERS = {"starter", "converted"}
_MODEL_FOLDER_FILES = ("model_index.json", "config.json", "adapter_config.json")
_RECENT_SECONDS = 10.0
_END = 4096
_SMALL = 1_000_000
"""Bytes of a file that is written at once."""


def models_in(root: Path) -> Iterator[Path]:
    """Yield what may be a model in the models folder."""
    for entry in entries_of(root):
        if entry.name.startswith(".") or entry.name in _OWN_FOLDERS:
            continue
        if is_file(entry):
            if entry.suffix.lower() in MODEL_WEIGHTS and not is_continuation(entry):
                yield entry
        elif (
            any(is_file(entry / name) for name in _MODEL_FOLDER_FILES)
            or is_folder(entry / "snapshots")
            or looks_like_voices(entry)
        ):
            yield entry
        elif is_folder(entry):
            found = model_candidates(entry)
            yield from found if len(found) != 1 else [entry]


def folders_in(root: Path) -> list[Path]:
    """Return the models folder and the folders in it whose changes concern the list of models."""
    inner = (entry for entry in entries_of(root) if not entry.name.startswith("."))
    return [root, *(entry for entry in inner if is_folder(entry))]


def is_unfinished(path: Path, outcome: ModelRef | Problem) -> bool:
    """Return whether a new model, with this description, is probably still being written."""
    return (isinstance(outcome, Problem) or _ends_empty(path)) and _is_changing(path)


def _is_changing(path: Path) -> bool:
    """Return whether a file, or one in a folder, was written to within the last seconds."""
    now = time.time()
    for file in files_below(path):
        try:
            age = now - file.stat().st_mtime
        except OSError:
            continue
        if -_RECENT_SECONDS < age < _RECENT_SECONDS:  # clocks of network disks differ
            return True
    return False


def _ends_empty(path: Path) -> bool:
    """Return whether a file ends with zeros only: its size was reserved, but not written yet."""
    if not is_file(path):
        return False
    try:
        size = path.stat().st_size
        if size < _SMALL:
            return False
        with open_regular(path) as file:
            file.seek(size - _END)
            return not any(file.read(_END))
    except OSError:
        return False
