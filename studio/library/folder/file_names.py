"""File names of results, derived from their requests.

They are valid on Windows as well (no reserved names, no trailing dots), may contain letters of
all scripts and emoji, and are short enough for all file systems (below 200 bytes of UTF-8).
"""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from datetime import datetime
from pathlib import Path, PurePath

from studio.kinds.registry import kind_if_known, known_kind
from studio.kinds.requests import prompt_of
from studio.protocol import Request

SLUG_CHARACTERS = 60
LONGEST_NAME = 255
"""Bytes of UTF-8, the limit of most file systems; others allow as many characters of UTF-16."""
_NUMBER_BYTES = 8
_INVALID = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_SLUG_BYTES = 120
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|-|$)")

_RESERVED_NAME = re.compile(_RESERVED.pattern.replace(r"(\.|-|$)", r" *(\.|:|$)"))


def slug(text: str) -> str:
    """Return the start of `text` as part of a file name: lower case, with hyphens, without dots.

    Letters and digits of all scripts are kept, other characters become hyphens.
    """
    kept = []
    size = 0
    for character in unicodedata.normalize("NFC", text[: 4 * SLUG_CHARACTERS]).lower():
        category = unicodedata.category(character)
        # "So" includes emoji, but not their joiners and variation selectors, which are invisible.
        kept.append(character if category[0] in "LMN" or category == "So" else "-")
        size += len(character.encode("utf-8", "replace"))
        if len(kept) >= SLUG_CHARACTERS or size >= _SLUG_BYTES:
            break
    name = re.sub(r"-{2,}", "-", "".join(kept)).strip("-")
    return f"x-{name}" if _RESERVED.match(name) else name


def is_reserved(name: str) -> bool:
    """Return whether Windows takes a file name for a device."""
    return _RESERVED_NAME.match(name) is not None


def request_slug(request: Request) -> str:
    """Return the part of a file name that describes the request."""
    kind = kind_if_known(request)
    if kind is None:
        return slug(prompt_of(request)) or slug(request.task) or "result"
    if kind.name_parts is None:
        return slug(prompt_of(request)) or kind.fallback_name
    text, suffix = kind.name_parts(request)
    return f"{slug(text)[: SLUG_CHARACTERS - len(suffix)] or kind.fallback_name}{suffix}"


def relative_name(request: Request, seed: int, when: datetime, extension: str) -> Path:
    """Return `{date}/{time}-{slug}-{seed}.{ext}`, without the seed for kinds that ignore it."""
    return Path(f"{when:%Y-%m-%d}") / f"{when:%H%M%S}-{plain_name(request, seed, extension)}"


def plain_name(request: Request, seed: int, extension: str) -> str:
    """Return `{slug}-{seed}.{ext}`, the name in an output folder chosen by the user."""
    kind = known_kind(request.task)
    number = f"-{seed}" if kind is None or kind.is_seeded else ""
    return f"{request_slug(request)}{number}{extension}"


def numbered(path: Path, attempt: int) -> Path:
    """Return `path` for attempt 1, and `name-2.ext`, `name-3.ext`, … for later ones."""
    if attempt == 1:
        return path
    return path.with_name(_shortened(path.stem, f"-{attempt}{path.suffix}", LONGEST_NAME))


def unused_name(path: Path) -> Path:
    """Return `path`, with a number where there is such a file already."""
    names = (numbered(path, number) for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def portable_name(name: str) -> str:
    """Return the name of any file, changed where another system would not accept it.

    It has room for a number (`numbered`).
    """
    valid = _INVALID.sub("-", name.encode("utf-8", "replace").decode()).rstrip(". ")
    if is_reserved(valid) or not valid.strip("."):
        valid = f"x-{valid}"
    path = PurePath(valid)
    return _shortened(path.stem, path.suffix, LONGEST_NAME - _NUMBER_BYTES)


def _shortened(stem: str, end: str, limit: int) -> str:
    """Return `stem` and `end`, with as much of `stem` as fits into `limit` bytes of UTF-8."""
    whole = os.fsencode(stem + end)
    if len(whole) <= limit:
        return stem + end
    if len(os.fsencode(end)) >= limit:  # a "suffix" as long as a name
        return whole[:limit].decode("utf-8", "ignore")
    room = limit - len(os.fsencode(end))
    return os.fsencode(stem)[:room].decode("utf-8", "ignore").rstrip(". ") + end
