"""Small facts that people put beside a model: its licence, its languages, its name."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from studio.formats.untrusted_files import read_start
from studio.protocol import problem

MAX_CONFIG = 2**20
"""Bytes. A config file is a few KB, and decoding takes up to 25 times its size."""

_LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
_LICENCES = (
    ("Apache License", "Apache-2.0"),
    ("MIT License", "MIT"),
    ("GNU AFFERO", "AGPL-3.0"),
    ("GNU GENERAL PUBLIC LICENSE", "GPL-3.0"),
    ("CC0 1.0", "CC0-1.0"),
    ("OpenRAIL++", "OpenRAIL++"),
    ("CreativeML Open RAIL", "CreativeML OpenRAIL-M"),
    ("LLAMA", "Llama"),
    ("Gemma", "Gemma"),
)


def slug(name: str) -> str:
    """Return an id made from a name: lower case, letters of any script, digits, hyphens."""
    text = unicodedata.normalize("NFC", name).casefold()
    kept = re.sub(r"[^\w.]+|_", "-", text)
    return re.sub(r"-{2,}", "-", kept).strip("-.")[:80] or "model"


def folder_name(folder: Path) -> str:
    """Return what people call the model in `folder`.

    The hub's cache keeps `models--owner--name/snapshots/<hash>`: there it is `name`.
    """
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent.name.split("--")[-1]
    return folder.name


def licence_of(folder: Path) -> str:
    """Return the licence named in the model card or in a licence file, or an empty text."""
    card = _head(folder / "README.md")
    if card.startswith("---"):
        match = re.search(r"^license:\s*(\S.*)$", card.split("\n---", 1)[0], re.MULTILINE)
        if match:
            return match[1].strip().strip("'\"")
    for name in _LICENCE_FILES:
        text = _head(folder / name)
        for mark, licence in _LICENCES:
            if mark.casefold() in text.casefold():
                return licence
    return ""


_WITH_CONDITIONS = re.compile(r"rail|llama|gemma|-nc\b|non-?commercial|research|community", re.I)


def has_conditions(licence: str) -> bool:
    """Tell whether a licence, by its name, is one of those that allow some uses only."""
    return _WITH_CONDITIONS.search(licence) is not None


_ENGLISH = {"eng": "en", "english": "en"}


def languages_of(folder: Path) -> tuple[str, ...]:
    """Return the languages that the model card names ("en", "zh", …), none where it does not."""
    card = _head(folder / "README.md")
    if not card.startswith("---"):
        return ()
    match = re.search(
        r"^languages?:[ \t]*(\S.*)?\n((?:[ \t]*-[ \t].*(?:\n|$))*)",
        card.split("\n---", 1)[0] + "\n",
        re.MULTILINE,
    )
    if match is None:
        return ()
    named = re.findall(r"[A-Za-z][\w-]*", f"{match[1] or ''}\n{match[2]}")
    short = [name.split("-")[0].split("_")[0].lower() for name in named]
    return tuple(dict.fromkeys(_ENGLISH.get(name, name) for name in short))


def read_config(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises `ProblemError` (`model_broken`) where the file is absent or no JSON object.
    """
    try:
        text = read_start(path, MAX_CONFIG + 1)
        if len(text) > MAX_CONFIG:
            raise ValueError("too large for a config file")
        config = json.loads(text.decode("utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not a JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise problem(
            "model_broken",
            "The file {file} in the model's folder {folder} cannot be read. "
            "Download the model again.",
            detail=f"{path}: {error}",
            file=path.name,
            folder=path.parent.name,
        ) from error
    return config


def _head(path: Path) -> str:
    try:
        return read_start(path, 4000).decode("utf-8", "replace")
    except OSError:
        return ""
