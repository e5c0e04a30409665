"""GGUF models split over several files: `NAME-00001-of-00003.gguf` and so on."""

from __future__ import annotations

import re
from pathlib import Path

from studio.formats.untrusted_files import is_file

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_MAX_PARTS = 1000


def split_parts(path: Path) -> tuple[Path, ...]:
    """Return all files of the model that `path` is a part of, whether they exist or not.

    That is `path` itself for a model in one file.
    """
    found = _PART.search(path.name)
    if found is None or found.end() != len(path.name):
        return (path,)
    number, count = int(found[1]), int(found[2])
    if not 1 <= number <= count or not 1 < count <= _MAX_PARTS:
        return (path,)
    stem, suffix = path.name[: found.start()], path.name[-len(".gguf") :]
    names = (f"{stem}-{place:05}-of-{count:05}{suffix}" for place in range(1, count + 1))
    return tuple(path.with_name(name) for name in names)


def is_continuation(path: Path) -> bool:
    """Return whether a file continues a model whose first part lies beside it."""
    first = split_parts(path)[0]
    return first != path and is_file(first)


def name_without_part(path: Path) -> str:
    """Return the name of a file without its suffix and without the number of its part."""
    return _PART.sub("", path.name) if len(split_parts(path)) > 1 else path.stem
