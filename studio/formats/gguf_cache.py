"""Where the converted model of a GGUF file lies: the engine makes it, the counter reads it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

CACHE_VARIABLE = "STUDIO_CACHE"
"""Environment variable that tells the engine the folder for what can be made again."""


def converted_folder(cache: Path, source: Path) -> Path:
    """Return the folder, which need not exist. Its name changes when the file does.

    What stands before the last hyphen belongs to the file's path, whatever its state.

    Raises:
        OSError: the file is not there.
    """
    stat = source.stat()
    name = re.sub(r"[^A-Za-z0-9.]+", "-", source.stem).strip("-.")[:40] or "model"
    place = hashlib.sha256(str(source.absolute()).encode("utf-8", "replace")).hexdigest()[:8]
    state = hashlib.sha256(f"{stat.st_mtime_ns} {stat.st_size}".encode()).hexdigest()[:8]
    return cache / "converted" / f"{name}-{place}-{state}"
