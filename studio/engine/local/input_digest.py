"""The checksum of an input file, as recipes name it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_BLOCK = 1 << 22


def input_digest(path: Path, check: Callable[[], None]) -> str:
    """Return the SHA-256 of a file in hex. `check` may raise to stop. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            check()
            digest.update(block)
    return digest.hexdigest()
