"""Information beside a model's weights: name, licence, languages, configuration files."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from studio.formats.untrusted_files import read_start
from studio.protocol import problem

MAX_CONFIG = 2**20
"""Bytes. Real configuration files are a few KB, and decoding takes up to 25 times its size."""

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
    """Return an id for a name: lower case, letters of all scripts, digits, dots and hyphens."""
    text = unicodedata.normalize("NFC", name).casefold()
    kept = re.sub(r"[^\w.]+|_", "-", text)
    return re.sub(r"-{2,}", "-", kept).strip("-.")[:80] or "model"


def folder_name(folder: Path) -> str:
    """Return the name of the model in `folder`.

    In the hub's cache (`models--owner--name/snapshots/<hash>`) it is `name`.
    """
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent.name.split("--")[-1]
    return folder.name


def licence_of(folder: Path) -> str:
    """Return the licence from the model card or a licence file, "" if unknown."""
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
    """Return whether a licence restricts the use, judging by its name."""
    return _WITH_CONDITIONS.search(licence) is not None


_ENGLISH = {"eng": "en", "english": "en"}


def languages_of(folder: Path) -> tuple[str, ...]:
    """Return the language codes in the model card ("en", "zh", …), empty if it names none."""
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

    Raises `ProblemError` (`model_broken`) if the file is missing or not a JSON object.
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
