"""GGUF files as folders that load in a second: converted once, then found again."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from studio.engine.job import Job
from studio.engine.text.convert import convert

CACHE_VARIABLE = "STUDIO_CACHE"
"""Environment variable: the folder for what can be made again. Without it, a folder of the
system's for temporary files is used."""


def converted_folder(job: Job, source: Path) -> Path:
    """Return the folder with the converted model of a GGUF file, converting it if need be.

    The folder's name changes with the file's; what an older file of the same path left behind
    is removed.

    Raises:
        ProblemError: as `convert` does.
        JobCancelled: while converting.
    """
    folder = folder_for(cache_folder(), source)
    if (folder / "config.json").is_file():
        return folder
    old = folder.name.rsplit("-", 1)[0]
    for left in folder.parent.glob("*"):
        if left.name.rsplit("-", 1)[0] == old:
            shutil.rmtree(left, ignore_errors=True)
    convert(job, source, folder)
    return folder


def cache_folder() -> Path:
    """Return the folder below which converted models are kept."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(tempfile.gettempdir()) / "prompt-studio"


def folder_for(cache: Path, source: Path) -> Path:
    """Return where the converted model of a GGUF file lies, or would lie."""
    stat = source.stat()
    name = re.sub(r"[^A-Za-z0-9.]+", "-", source.stem).strip("-.")[:40] or "model"
    place = hashlib.sha256(str(source.absolute()).encode()).hexdigest()[:8]
    state = hashlib.sha256(f"{stat.st_mtime_ns} {stat.st_size}".encode()).hexdigest()[:8]
    return cache / "converted" / f"{name}-{place}-{state}"
