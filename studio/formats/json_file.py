"""Small JSON files: atomic writes, and renaming of damaged files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypeVar

import msgspec

from studio.formats.atomic_write import write_atomic
from studio.formats.untrusted_files import read_start

_MAX_BYTES = 64 * 2**20

Value = TypeVar("Value")


def read_json_file(path: Path, kind: type[Value]) -> Value | None:
    """Return the file's value, or None if it is missing or cannot be opened.

    Raises `msgspec.DecodeError` (or its subclass `ValidationError`) if it is damaged.
    """
    try:
        return read_own_json_file(path, kind)
    except OSError:
        return None


def read_own_json_file(path: Path, kind: type[Value]) -> Value | None:
    """Like `read_json_file`, for files that are written again: None only if it is missing.

    Raises `OSError` as well.
    """
    try:
        data = read_start(path, _MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > _MAX_BYTES:
        raise msgspec.DecodeError("the file is too large")
    try:
        return msgspec.json.decode(data, type=kind)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def write_json_file(path: Path, value: object) -> None:
    """Write `value` atomically; the folder must exist. Raises `OSError`."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(value), indent=1), private=True)


def damaged_name(path: Path) -> Path:
    """Return the name under which a damaged file is kept."""
    return path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")


def set_aside(path: Path) -> Path:
    """Rename a damaged file to keep it. Returns its new path, or `path` if renaming failed."""
    aside = damaged_name(path)
    try:
        path.replace(aside)
    except OSError:
        return path
    return aside
