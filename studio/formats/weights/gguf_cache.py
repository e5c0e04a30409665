"""Cache location of converted GGUF models, shared by the engine and the token counter."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

CACHE_VARIABLE = "STUDIO_CACHE"
"""Environment variable with the engine's cache folder."""


def converted_folder(cache: Path, source: Path) -> Path:
    """Return the folder of a converted model, which need not exist.

    The name is `<name>-<hash of the path>-<hash of modification time and size>`.

    Raises:
        OSError: `source` does not exist.
    """
    stat = source.stat()
    name = re.sub(r"[^A-Za-z0-9.]+", "-", source.stem).strip("-.")[:40] or "model"
    place = hashlib.sha256(str(source.absolute()).encode("utf-8", "replace")).hexdigest()[:8]
    state = hashlib.sha256(f"{stat.st_mtime_ns} {stat.st_size}".encode()).hexdigest()[:8]
    return cache / "converted" / f"{name}-{place}-{state}"
