"""File names that come from a server: only those that stay inside the folder of the download."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from studio.formats.untrusted_files import printable
from studio.protocol import problem

_MAX_PART = 200
_MAX_NAME = 1000
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]|[\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.I)
"""Names that Windows takes for devices, with any suffix."""
_OWN = frozenset({"registry.json", "starter"})
"""Names that mean something else in the models folder."""


def check_names(names: Iterable[str]) -> None:
    """Check relative file names with `/`, so that all of them can be created on every system.

    Raises `ProblemError` (`bad_input`) for names that lead out of the folder, that a file system
    cannot store, or that differ in case only.
    """
    files: dict[str, str] = {}
    folders: set[str] = set()
    for name in names:
        parts = name.split("/")
        if len(name) > _MAX_NAME or not all(map(_is_plain, parts)):
            raise problem(
                "bad_input",
                "The model contains a file with a name that is not allowed: {name}. Nothing was "
                "downloaded.",
                name=printable(repr(name), 200),
            )
        key = name.casefold()
        above = {str(parent) for parent in PurePosixPath(key).parents} - {"."}
        if key in files or key in folders or any(folder in files for folder in above):
            raise problem(
                "bad_input",
                "The model contains two files with the same name: {name}. Nothing was downloaded.",
                name=printable(name, 200),
            )
        files[key] = name
        folders |= above


def folder_name_for(text: str) -> str:
    """Return a folder name for a model, made from the name of its repository or file."""
    name = _NOT_IN_NAMES.sub("-", text.replace("/", "-")).strip(" .-")
    name = name.encode()[: _MAX_PART // 2].decode("utf-8", "ignore").strip(" .-")
    if not name or _RESERVED.fullmatch(name) or name.casefold() in _OWN:
        name = f"model-{name}".strip("-")
    return name


def _is_plain(part: str) -> bool:
    return (
        part not in ("", ".", "..")
        and len(part.encode("utf-8", "surrogatepass")) <= _MAX_PART
        and not _NOT_IN_NAMES.search(part)
        and not part.endswith((".", " "))
        and not _RESERVED.fullmatch(part)
    )
