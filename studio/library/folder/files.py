"""Files of the library: names, and writing that never overwrites and never leaves a half.

Names are safe on Windows too (no reserved names, no trailing dots), keep Chinese and emoji,
and stay short enough for every file system (a name is at most 200 bytes of UTF-8).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import unicodedata
from datetime import datetime
from pathlib import Path

from studio.kinds.registry import known_kind
from studio.kinds.requests import prompt_of
from studio.library.index.database import cannot_write, file_problem
from studio.protocol import ProblemError, Request, UnknownRequest, problem

MAX_NAME_BYTES = 200
SLUG_CHARACTERS = 60
_SLUG_BYTES = 120
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|-|$)")
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def slug(text: str) -> str:
    """Return the first words of `text` as part of a file name: lower case, hyphens, no dots.

    Letters and digits of every script are kept, everything else becomes a hyphen.
    """
    kept = []
    size = 0
    for character in unicodedata.normalize("NFC", text[: 4 * SLUG_CHARACTERS]).lower():
        category = unicodedata.category(character)
        # Emoji (So) are kept; joiners and variation selectors alone would be invisible.
        kept.append(character if category[0] in "LMN" or category == "So" else "-")
        size += len(character.encode("utf-8", "replace"))
        if len(kept) >= SLUG_CHARACTERS or size >= _SLUG_BYTES:
            break
    name = re.sub(r"-{2,}", "-", "".join(kept)).strip("-")
    return f"x-{name}" if _RESERVED.match(name) else name


def request_slug(request: Request) -> str:
    """Return the part of a file name that tells what the request was."""
    kind = known_kind(request.task)
    if kind is None or isinstance(request, UnknownRequest):
        return slug(prompt_of(request)) or slug(request.task) or "result"
    if kind.name_parts is None:
        return slug(prompt_of(request)) or kind.fallback_name
    words, ending = kind.name_parts(request)
    return f"{slug(words)[: SLUG_CHARACTERS - len(ending)] or kind.fallback_name}{ending}"


def relative_name(request: Request, seed: int, when: datetime, extension: str) -> Path:
    """Return `{date}/{time}-{slug}-{seed}.{ext}`, without a seed that makes no difference."""
    return Path(f"{when:%Y-%m-%d}") / f"{when:%H%M%S}-{plain_name(request, seed, extension)}"


def plain_name(request: Request, seed: int, extension: str) -> str:
    """Return `{slug}-{seed}.{ext}`, the name in a folder that the user named for the job."""
    kind = known_kind(request.task)
    number = f"-{seed}" if kind is None or kind.is_seeded else ""
    return f"{request_slug(request)}{number}{extension}"


def numbered(path: Path, attempt: int) -> Path:
    """Return `path` for attempt 1, and `name-2.ext`, `name-3.ext`, … for later ones."""
    return path if attempt == 1 else path.with_name(f"{path.stem}-{attempt}{path.suffix}")


def make_folder(folder: Path) -> None:
    """Make sure that `folder` exists and can be written into. Raises `ProblemError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Where the system can, such a file has no name that a crash could leave behind.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise problem(
            "bad_input",
            "{path} is a file, so nothing can be saved in it. Choose a folder.",
            str(error),
            path=folder,
        ) from error
    except OSError as error:
        raise file_problem(error, folder) from error


def check_chosen(folder: Path) -> None:
    """Make sure that a library folder of the user's choice is there. Raises `ProblemError`.

    It is not made anew: its disk may be unplugged, and an empty library in its place would look
    like a loss, and hide what is made there when the disk is back.
    """
    if not folder.is_dir():
        raise problem(
            "bad_input",
            "The library's folder {path} is not there. Connect its disk, or choose another folder "
            "in the settings.",
            path=folder,
        )


def sync_folder(folder: Path) -> None:
    """Have the system put the folder's list of names on the disk, where that can be asked."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def place(temporary: Path, wanted: Path) -> Path:
    """Give the finished, synced file `temporary` its final name, without ever overwriting.

    Both must lie on one file system. Takes `wanted`, or the first numbered name that is free.
    Returns the final path. Raises `ProblemError`.
    """
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 10_000):
            final = numbered(wanted, attempt)
            try:
                _rename_to_free_name(temporary, final)
            except FileExistsError:
                continue
            sync_folder(final.parent)
            return final
    except OSError as error:
        raise file_problem(error, wanted.parent) from error
    raise ProblemError(cannot_write(wanted.parent, f"no free name for {wanted.name}"))


def _rename_to_free_name(temporary: Path, final: Path) -> None:
    if os.name == "nt":
        temporary.rename(final)  # Windows refuses to overwrite
        return
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here (FAT, some network drives): hold the name, then replace the holder.
        os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        temporary.replace(final)
        return
    temporary.unlink()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file as hex. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_input(path: Path) -> None:
    """Make sure that an input file is there and can be read. Raises `ProblemError`."""
    if path.is_dir():
        raise problem("bad_input", "{path} is a folder where a file is needed.", path=path)
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise problem(
            "bad_input",
            "The file {path} is not there. It may have been moved, renamed or deleted.",
            str(error),
            path=path,
        ) from error
    except OSError as error:
        raise problem(
            "bad_input",
            "The file {path} cannot be read. Check its permissions.",
            str(error),
            path=path,
        ) from error
    if empty:
        raise problem("bad_input", "The file {path} is empty.", path=path)
