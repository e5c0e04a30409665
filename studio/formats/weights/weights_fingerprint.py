"""Fingerprints of model weights, which are stored in recipes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from studio.formats.suffixes import FINGERPRINTED_WEIGHTS
from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.split_gguf import split_parts
from studio.formats.weights.vision_projector import files_of_projector, sees_pictures
from studio.protocol import ModelRef, ProblemError

_CHUNK = 4 * 1024 * 1024

_known: dict[tuple[str, int, int], str] = {}
_lock = threading.Lock()


def weight_hash(ref: ModelRef, check: Callable[[], None] | None = None) -> str:
    """Return the SHA-256 of a model's weights in hex, "" if no weight file can be read.

    For a single file it is the file's own hash, as other programs show it. For several files it
    is the hash of lines `hash  relative/path`, sorted by path. File hashes are cached in memory
    by path, modification time and size.

    Args:
        ref: the model.
        check: called every few megabytes; may raise to cancel, e.g. `job.check`.
    """
    root = Path(ref.path)
    if root.is_file():
        files = list(_files_of(root))
        root = root.parent
    else:
        files = sorted(
            file
            for file in root.rglob("*")
            if file.suffix.lower() in FINGERPRINTED_WEIGHTS and file.is_file()
        )
    try:
        hashes = [(_file_hash(file, check), file.relative_to(root).as_posix()) for file in files]
    except OSError:
        return ""
    if len(hashes) <= 1:
        return hashes[0][0] if hashes else ""
    lines = "".join(f"{digest}  {name}\n" for digest, name in hashes)
    return hashlib.sha256(lines.encode()).hexdigest()


def _files_of(file: Path) -> tuple[Path, ...]:
    if file.suffix.lower() == ".gguf":
        try:
            if sees_pictures(read_gguf_header(file)):
                return files_of_projector(file)
        except ProblemError:
            pass  # its hash is that of the file, whatever is in it
    return split_parts(file)


def _file_hash(path: Path, check: Callable[[], None] | None) -> str:
    stat = path.stat()
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    with _lock:
        if key in _known:
            return _known[key]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if check is not None:
                check()
            digest.update(chunk)
    with _lock:
        _known[key] = digest.hexdigest()
    return digest.hexdigest()
