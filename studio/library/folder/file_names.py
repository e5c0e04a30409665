"""Names of the library's files, made from what was asked.

They are safe on Windows too (no reserved names, no trailing dots), keep Chinese and emoji,
and stay short enough for every file system (a name is at most 200 bytes of UTF-8).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from pathlib import Path

from studio.kinds.registry import known_kind
from studio.kinds.requests import prompt_of
from studio.protocol import Request, UnknownRequest

MAX_NAME_BYTES = 200
SLUG_CHARACTERS = 60
_SLUG_BYTES = 120
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|-|$)")


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
