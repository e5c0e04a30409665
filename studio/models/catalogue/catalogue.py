"""Read the catalogue: the entries that the app comes with, and those of the settings folder.

A file `catalogue.json` beside the settings, or each file in a folder `catalogue` there, adds
entries, replaces those with the same id, hides single ones (`hidden`) or all that the app comes
with (`replaces`). So a school or a company can offer its own list.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file
from studio.formats.untrusted_files import entries_of
from studio.models.catalogue.entries import CatalogueEntry, CatalogueFolderFile, Use
from studio.protocol import Problem, Sentence
from studio.settings import RESOURCES, Paths

SHIPPED = RESOURCES / "catalogue"


class Catalogue(Struct, frozen=True):
    """All entries in their order, the uses by which they are found, and unreadable files."""

    entries: tuple[CatalogueEntry, ...] = ()
    uses: tuple[Use, ...] = ()
    problems: tuple[Problem, ...] = ()

    def get(self, id: str) -> CatalogueEntry | None:
        """Return the entry with this id, or None."""
        return next((entry for entry in self.entries if entry.id == id), None)

    def for_use(self, use: str) -> tuple[CatalogueEntry, ...]:
        """Return the entries for a use."""
        return tuple(entry for entry in self.entries if use in entry.uses)

    def for_repository(self, repository: str) -> CatalogueEntry | None:
        """Return the first entry with a variant in this hub repository, or None."""
        for entry in self.entries:
            if any(variant.repository == repository for variant in entry.variants):
                return entry
        return None

    def uses_of(self, task: str) -> tuple[Use, ...]:
        """Return the uses with an entry of this kind of work."""
        used = {use for entry in self.entries if entry.task == task for use in entry.uses}
        return tuple(use for use in self.uses if use.id in used and use.task in ("", task))


def load_catalogue(paths: Paths) -> Catalogue:
    """Return the catalogue. A file that cannot be read is among `problems`."""
    shipped, problems = _read_all(_shipped_files())
    own, own_problems = _read_all(_own_files(paths.settings.parent))
    files = own if any(file.replaces for file in own) else [*shipped, *own]
    hidden = {id for file in own for id in file.hidden}
    entries: dict[str, CatalogueEntry] = {}
    for file in files:
        for entry in file.entries:
            entries[entry.id] = entry
    uses = {use.id: use for file in [*shipped, *own] for use in file.uses}
    return Catalogue(
        tuple(entry for id, entry in entries.items() if id not in hidden),
        tuple(uses.values()),
        (*problems, *own_problems),
    )


@cache
def _shipped_files() -> tuple[Path, ...]:
    return tuple(sorted(SHIPPED.glob("*.json")))


def _own_files(folder: Path) -> Iterator[Path]:
    yield folder / "catalogue.json"
    yield from sorted(
        entry for entry in entries_of(folder / "catalogue") if entry.suffix == ".json"
    )


def _read_all(
    files: Iterator[Path] | tuple[Path, ...],
) -> tuple[list[CatalogueFolderFile], list[Problem]]:
    found: list[CatalogueFolderFile] = []
    problems: list[Problem] = []
    for path in files:
        try:
            content = read_json_file(path, CatalogueFolderFile)
        except msgspec.DecodeError as error:
            message = Sentence(
                "The catalogue in {path} is not valid. Its models are not offered.",
                {"path": str(path)},
            )
            problems.append(Problem("bad_input", message, detail=str(error)))
            continue
        if content is not None:
            found.append(content)
    return found, problems
