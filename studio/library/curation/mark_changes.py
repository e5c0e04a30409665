"""Change stars, tags, collections and reviews of assets, in the index and in `marks.jsonl`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from studio.library.curation.changes import Changes, Step
from studio.library.folder.marks_file import Marks, read_marks
from studio.library.index.assets import Assets
from studio.library.index.database import Database
from studio.library.index.facets import read_collections
from studio.library.index.index_marks import marks_in_index
from studio.library.records import Asset
from studio.library.review import MAX_REMARK, MAX_REVIEWER, Review, ReviewState
from studio.protocol import problem

MAX_NAME_LENGTH = 100


class MarkChanges:
    """Changes the marks of assets of the library in `root`. Methods may be called from any thread.

    They return the existing assets among those given, in order, whether changed or not, and raise
    `ProblemError` on disk errors.
    """

    def __init__(self, database: Database, assets: Assets, changes: Changes, root: Path) -> None:
        self._database = database
        self._assets = assets
        self._changes = changes
        self._root = root
        self._unknown_by_id: dict[str, dict[str, Any]] | None = None

    def star(self, ids: Iterable[str], starred: bool) -> list[Asset]:
        """Star assets or remove their stars."""
        return self._change_many(ids, lambda mark: msgspec.structs.replace(mark, starred=starred))

    def retag(
        self, ids: Iterable[str], remove: Collection[str], add: Collection[str]
    ) -> list[Asset]:
        """Remove tags from assets, ignoring case, and add others. Other tags are kept."""
        return self._change_many(ids, lambda mark: _retagged(mark, remove, add))

    def review(
        self, ids: Iterable[str], state: ReviewState, reviewer: str, remark: str
    ) -> list[Asset]:
        """Note what a person decided who reviewed assets, with the time."""
        review = Review(
            state,
            " ".join(reviewer.split())[:MAX_REVIEWER],
            datetime.now(UTC).isoformat(timespec="seconds"),
            remark.strip()[:MAX_REMARK],
        )
        return self._change_many(ids, lambda mark: msgspec.structs.replace(mark, review=review))

    def restore_reviews(self, before: Mapping[str, Review | None]) -> list[Asset]:
        """Take back what was decided: give assets the reviews that they had."""
        return self._change_many(
            before, lambda mark: msgspec.structs.replace(mark, review=before[mark.asset])
        )

    def collections(self) -> list[tuple[str, int]]:
        """Return each collection with the number of its assets, not counting the trash, by name."""
        return list(read_collections(self._database))

    def _change_many(self, ids: Iterable[str], change: Callable[[Marks], Marks]) -> list[Asset]:
        """Apply `change` to the marks of assets, with a single disk sync.

        Returns the existing assets in order. Raises `ProblemError` without changing anything.
        """
        ids = list(dict.fromkeys(ids))
        with self._changes.locked():
            self._change(ids, change)
        return [asset for id in ids if (asset := self._assets.get(id)) is not None]

    def _change(self, ids: Iterable[str], change: Callable[[Marks], Marks]) -> None:
        steps: list[Step] = []
        stored: dict[str, Marks] | None = None
        for id in ids:
            old = self._current(id)
            if old is None:
                continue
            if old.trashed_at is not None:
                # The index does not contain the original path.
                stored = read_marks(self._root) if stored is None else stored
                origin = stored[id].origin if id in stored else ""
                old = msgspec.structs.replace(old, origin=origin)
            new = change(old)
            if new != old:
                steps.append(Step(new))
        self._changes.run(steps)

    def _unknown_fields(self) -> dict[str, dict[str, Any]]:
        """Return fields of `marks.jsonl` that only another version knows, by asset id."""
        if self._unknown_by_id is None:
            stored = read_marks(self._root)
            unknown = {id: marks.unknown for id, marks in stored.items() if marks.unknown}
            self._unknown_by_id = unknown
        return self._unknown_by_id

    def _current(self, id: str) -> Marks | None:
        with self._database.read() as db:
            marks = marks_in_index(db, id)
        if marks is None:
            return None
        return msgspec.structs.replace(marks, unknown=self._unknown_fields().get(id, {}))

    def add_to_collection(self, name: str, ids: Iterable[str]) -> list[Asset]:
        """Add assets to a collection, creating it if needed. Raises `ProblemError`."""
        name = self._existing_spelling(name)
        return self._change_many(ids, lambda mark: _collected(mark, add=name))

    def remove_from_collection(self, name: str, ids: Iterable[str]) -> list[Asset]:
        """Remove assets from a collection. An empty collection ceases to exist."""
        return self._change_many(ids, lambda mark: _collected(mark, remove=name))

    def rename_collection(self, old: str, new: str) -> int:
        """Rename a collection, merging it into an existing one of the new name.

        Returns how many assets were in it, including those in the trash. Raises `ProblemError`.
        """
        is_same = old.strip().casefold() == new.strip().casefold()
        new = _validated_name(new) if is_same else self._existing_spelling(new)
        with self._changes.locked():
            with self._database.read() as db:
                rows = db.execute(
                    "SELECT asset FROM collected WHERE collection = ?", (old.strip(),)
                ).fetchall()
            ids = [row["asset"] for row in rows]
            self._change(ids, lambda mark: _collected(mark, remove=old, add=new))
        return len(ids)

    def _existing_spelling(self, name: str) -> str:
        """Return the name in the case of the existing collection, if there is one."""
        name = _validated_name(name)
        with self._database.read() as db:
            known = db.execute("SELECT DISTINCT collection FROM collected").fetchall()
        spellings: dict[str, str] = {row[0].casefold(): row[0] for row in known}
        return spellings.get(name.casefold(), name)


def _retagged(mark: Marks, remove: Collection[str], add: Iterable[str]) -> Marks:
    """Return the marks with tags removed and added. Of equal tags, the first spelling is kept."""
    removed = {tag.strip().casefold() for tag in remove}
    tags: dict[str, str] = {}
    for tag in (*(tag for tag in mark.tags if tag.casefold() not in removed), *add):
        if tag.strip():
            tags.setdefault(tag.strip().casefold(), tag.strip())
    return msgspec.structs.replace(mark, tags=tuple(tags.values()))


def _collected(mark: Marks, *, remove: str = "", add: str = "") -> Marks:
    removed = {remove.strip().casefold(), add.casefold()}
    kept = [name for name in mark.collections if name.casefold() not in removed]
    return msgspec.structs.replace(mark, collections=(*kept, add) if add else tuple(kept))


def _validated_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise problem("bad_input", "A collection needs a name.")
    if len(name) > MAX_NAME_LENGTH:
        raise problem(
            "bad_input",
            "The name of the collection is too long. Use at most {n} characters.",
            n=MAX_NAME_LENGTH,
        )
    return name
