"""Changing stars, tags and collections of many results at once: index and `marks.jsonl`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from studio.library.folder.marks_file import Marks, append_marks, read_marks
from studio.library.index.asset_writer import AssetWriter
from studio.library.index.assets import Assets
from studio.library.index.database import Database
from studio.library.index.facets import read_collections
from studio.library.records import Asset
from studio.protocol import problem

MAX_NAME = 100


class MarkChanges:
    """Changes what the user says about the assets of the library in `root`.

    Methods may be called from any thread. They return the assets that are there, in the order
    asked for, changed or not, and raise `ProblemError` when the disk fails them.
    """

    def __init__(self, database: Database, assets: Assets, writer: AssetWriter, root: Path) -> None:
        self._database = database
        self._assets = assets
        self._writer = writer
        self._root = root
        self._unknown: dict[str, dict[str, Any]] | None = None

    def star(self, ids: Iterable[str], starred: bool) -> list[Asset]:
        """Star assets or take the stars away."""
        return self._change_many(ids, lambda mark: msgspec.structs.replace(mark, starred=starred))

    def retag(
        self, ids: Iterable[str], remove: Collection[str], add: Collection[str]
    ) -> list[Asset]:
        """Take tags away from assets, in any case, and add others; what else they have stays."""
        return self._change_many(ids, lambda mark: _retagged(mark, remove, add))

    def collections(self) -> list[tuple[str, int]]:
        """Return each collection with the number of its assets (the trash left out), by name."""
        return list(read_collections(self._database))

    def _change_many(self, ids: Iterable[str], new: Callable[[Marks], Marks]) -> list[Asset]:
        """Give assets new marks, with one sync of the disk. Unknown ids are skipped.

        Returns the assets that are there, in the order asked for, changed or not. Raises
        `ProblemError`; then nothing is changed.
        """
        names = list(dict.fromkeys(ids))
        with self._database.write() as db:
            self._change(db, names, new)
        return [asset for name in names if (asset := self._assets.get(name)) is not None]

    def _change(
        self, db: sqlite3.Connection, names: Iterable[str], new: Callable[[Marks], Marks]
    ) -> int:
        changed: list[Marks] = []
        noted: dict[str, Marks] | None = None
        for name in names:
            old = self._now(db, name)
            if old is None:
                continue
            if old.trashed_at is not None:
                # Where it came from stands in the file alone.
                noted = read_marks(self._root) if noted is None else noted
                origin = noted[name].origin if name in noted else ""
                old = msgspec.structs.replace(old, origin=origin)
            mark = new(old)
            if mark != old:
                self._writer.mark(db, mark)
                changed.append(mark)
        append_marks(self._root, *changed)
        return len(changed)

    def _written_by_others(self) -> dict[str, dict[str, Any]]:
        """Return what another build said about assets, by their ids. The index does not know it."""
        if self._unknown is None:
            held = read_marks(self._root)
            self._unknown = {name: mark.unknown for name, mark in held.items() if mark.unknown}
        return self._unknown

    def _now(self, db: sqlite3.Connection, name: str) -> Marks | None:
        row = db.execute("SELECT starred, trashed_at FROM assets WHERE id = ?", (name,)).fetchone()
        if row is None:
            return None
        tags = db.execute("SELECT tag FROM tags WHERE asset = ? ORDER BY tag", (name,))
        collections = db.execute(
            "SELECT collection FROM collected WHERE asset = ? ORDER BY collection", (name,)
        )
        return Marks(
            name,
            bool(row["starred"]),
            tuple(tag for (tag,) in tags),
            tuple(collection for (collection,) in collections),
            row["trashed_at"],
            unknown=self._written_by_others().get(name, {}),
        )

    def add_to_collection(self, name: str, ids: Iterable[str]) -> list[Asset]:
        """Put assets into a collection, which begins to exist by it. Raises `ProblemError`."""
        name = self._spelling(name)
        return self._change_many(ids, lambda mark: _collected(mark, add=name))

    def remove_from_collection(self, name: str, ids: Iterable[str]) -> list[Asset]:
        """Take assets out of a collection; without any, it exists no more."""
        return self._change_many(ids, lambda mark: _collected(mark, remove=name))

    def rename_collection(self, old: str, new: str) -> int:
        """Rename a collection; one that has the new name already takes the assets in.

        Returns how many assets were in it, with those in the trash. Raises `ProblemError`.
        """
        same = old.strip().casefold() == new.strip().casefold()
        new = _clean(new) if same else self._spelling(new)
        with self._database.write() as db:
            held = db.execute("SELECT asset FROM collected WHERE collection = ?", (old.strip(),))
            ids = [row["asset"] for row in held]
            self._change(db, ids, lambda mark: _collected(mark, remove=old, add=new))
        return len(ids)

    def _spelling(self, name: str) -> str:
        """Return the name as the collection is written where there is one by that name."""
        name = _clean(name)
        with self._database.read() as db:
            known = db.execute("SELECT DISTINCT collection FROM collected").fetchall()
        spellings: dict[str, str] = {row[0].casefold(): row[0] for row in known}
        return spellings.get(name.casefold(), name)


def _retagged(mark: Marks, remove: Collection[str], add: Iterable[str]) -> Marks:
    """Return the marks with tags taken away, in any case, and others added."""
    gone = {tag.strip().casefold() for tag in remove}
    return _with_tags(mark, [*(tag for tag in mark.tags if tag.casefold() not in gone), *add])


def _with_tags(mark: Marks, tags: Iterable[str]) -> Marks:
    """Return the marks with these tags and no others. Each is kept once, in its first case."""
    kept: dict[str, str] = {}
    for tag in tags:
        if tag.strip():
            kept.setdefault(tag.strip().casefold(), tag.strip())
    return msgspec.structs.replace(mark, tags=tuple(kept.values()))


def _collected(mark: Marks, *, remove: str = "", add: str = "") -> Marks:
    gone = {remove.strip().casefold(), add.casefold()}
    kept = [name for name in mark.collections if name.casefold() not in gone]
    return msgspec.structs.replace(mark, collections=(*kept, add) if add else tuple(kept))


def _clean(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise problem("bad_input", "A collection needs a name.")
    if len(name) > MAX_NAME:
        raise problem(
            "bad_input",
            "The name of the collection is too long. Use at most {n} characters.",
            n=MAX_NAME,
        )
    return name
