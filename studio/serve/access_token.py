"""The token of the server, which only the user can read."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from studio.formats.atomic_write import make_private_folder, write_atomic
from studio.formats.untrusted_files import read_start
from studio.protocol import problem

_BYTES = 32
_MAX_LENGTH = 512
_PREFIX = "studio-"


def kept_token(file: Path, *, is_new: bool = False) -> str:
    """Return the token in `file`; make one if there is none, or if a new one is wanted.

    Raises `ProblemError` if it cannot be written.
    """
    if not is_new:
        found = _read(file)
        if found:
            return found
    token = _PREFIX + secrets.token_urlsafe(_BYTES)
    try:
        make_private_folder(file.parent)
        write_atomic(file, f"{token}\n".encode(), private=True)
    except OSError as error:
        raise problem(
            "bad_input",
            "The token cannot be saved in {path}: {reason}.",
            path=file,
            reason=error.strerror or type(error).__name__,
        ) from error
    return token


def is_token(text: str) -> bool:
    """Return whether a text can be sent as a token: 16 or more visible ASCII characters."""
    return (
        16 <= len(text) <= _MAX_LENGTH
        and text.isascii()
        and text.isprintable()
        and (" " not in text)
    )


def _read(file: Path) -> str:
    """Return the token in a file, "" if there is none or if others could have read it."""
    try:
        if os.name != "nt" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            return ""
        text = read_start(file, _MAX_LENGTH).decode("ascii").strip()
    except (OSError, ValueError):
        return ""
    return text if is_token(text) else ""
