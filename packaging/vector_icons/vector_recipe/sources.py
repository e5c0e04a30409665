"""Where the training data comes from: one pinned package of icon sets, and which sets are used.

The package is read from its archive and never unpacked. A set is used if its licence, as the
package states it, is in `LICENCES` and if it is no collection of logos, flags or emoji.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "@iconify/json"
VERSION = "2.2.535"
INTEGRITY = (
    "sha512-nAV60ACUSHwnsb6fsp+letHlNkrwO4vzBtcC6B4EDHErQQfezk7E3nJdnwJjve6OCfMNO0uVT5Vrgna9"
    "/NCmXw=="
)
REGISTRY = "https://registry.npmjs.org"
REGISTRY_VARIABLE = "NPM_CONFIG_REGISTRY"

LICENCES = frozenset({"MIT", "Apache-2.0", "ISC", "CC0-1.0", "BSD-2-Clause", "BSD-3-Clause"})
LEFT_OUT_CATEGORIES = frozenset({"Logos", "Flags / Maps", "Emoji", "Programming", "UI Multicolor"})
LEFT_OUT_SETS = frozenset(
    {
        "bitcoin-icons",  # one subject, mostly a trade mark
        "ginetex",  # protected care symbols
        "famicons",  # the drawings of Ionicons under new names
        "heroicons-outline",  # the older version of heroicons
        "svg-spinners",  # animations
    }
)


class IntegrityError(RuntimeError):
    """The archive is not the one the recipe was written for."""


@dataclass(frozen=True)
class IconSet:
    """One icon set of the package: its name, its licence, and the data as the package has it."""

    prefix: str
    name: str
    licence: str
    data: dict[str, Any]


def is_used(prefix: str, about: dict[str, Any]) -> bool:
    """Whether an entry of `collections.json` may be trained on."""
    return (
        about.get("license", {}).get("spdx") in LICENCES
        and about.get("category") not in LEFT_OUT_CATEGORIES
        and not about.get("palette", False)
        and prefix not in LEFT_OUT_SETS
    )


def integrity_of(path: Path) -> str:
    """The sha512 of a file as npm writes it."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha512").digest()
    return "sha512-" + base64.b64encode(digest).decode("ascii")


def fetch(data: Path, registry: str | None = None) -> Path:
    """Download the archive if it is absent, check it, and return its path."""
    stem = f"{PACKAGE.rpartition('/')[2]}-{VERSION}.tgz"
    archive = data / "archives" / stem
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        base = (registry or os.environ.get(REGISTRY_VARIABLE) or REGISTRY).rstrip("/")
        partial = archive.with_suffix(".partial")
        with (
            urllib.request.urlopen(f"{base}/{PACKAGE}/-/{stem}") as answer,
            partial.open("wb") as handle,
        ):
            shutil.copyfileobj(answer, handle)
        partial.replace(archive)
    if integrity_of(archive) != INTEGRITY:
        raise IntegrityError(f"{archive.name} is not the archive that the recipe names")
    return archive


def used_sets(archive: Path) -> Iterator[IconSet]:
    """The sets that may be trained on, in the order of the archive."""
    with tarfile.open(archive) as tar:
        handle = tar.extractfile("package/collections.json")
        if handle is None:
            raise IntegrityError("collections.json is missing")
        about: dict[str, dict[str, Any]] = json.load(handle)
        for member in tar:
            prefix = Path(member.name).stem
            if not member.name.startswith("package/json/") or prefix not in about:
                continue
            file = tar.extractfile(member)
            if file is not None and is_used(prefix, about[prefix]):
                entry = about[prefix]
                yield IconSet(prefix, entry["name"], entry["license"]["spdx"], json.load(file))
