"""The assets in the database, as they are looked for and read."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from pathlib import Path

import msgspec

from studio.kinds.coding import recipe_from_json
from studio.kinds.kind import Medium
from studio.library.index.database import DamagedDatabaseError, Database
from studio.library.index.facets import Facets, read_facets
from studio.library.index.search import TRASHED, AssetQuery, match_expression
from studio.library.records import Asset

_COLUMNS = """
    assets.*, contents.recipe, contents.text,
    (SELECT json_group_array(tag) FROM tags WHERE asset = assets.id) AS tag_list,
    (SELECT json_group_array(collection) FROM collected WHERE asset = assets.id) AS collected_in
"""
_SELECT = f"SELECT {_COLUMNS} FROM assets JOIN contents USING (number)"


class Assets:
    """The assets of the library in `root`, to be looked for and read, from any thread.

    Methods raise `ProblemError` when the disk fails them.
    """

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root

    def _asset(self, row: sqlite3.Row) -> Asset:
        try:
            recipe = recipe_from_json(row["recipe"])
        except (msgspec.DecodeError, TypeError) as error:
            # SQLite has no checksums: what was overwritten may still look like a page.
            raise DamagedDatabaseError(self._database.path, f"a recipe: {error}") from error
        return Asset(
            id=row["id"],
            job=row["job"],
            row=row["row"],
            task=row["task"],
            path=self._root / row["path"],
            created=row["created"],
            recipe=recipe,
            prompt=row["prompt"],
            text=row["text"],
            starred=bool(row["starred"]),
            tags=_sorted(row["tag_list"]),
            collections=_sorted(row["collected_in"]),
            size=row["size"],
            width=row["width"],
            height=row["height"],
            duration=row["duration"],
            medium=_medium(row["medium"]),
            sha256=row["sha256"],
            number=row["number"],
        )

    def get(self, name: str) -> Asset | None:
        """Return an asset, or None."""
        return self._one("WHERE assets.id = ?", name)

    def of_row(self, job: str, row: int) -> Asset | None:
        """Return the asset of a row of a job, None where it has none."""
        return self._one(
            "WHERE assets.id = (SELECT asset FROM job_rows WHERE job = ? AND row = ?)", job, row
        )

    def of_job(self, job: str) -> list[Asset]:
        """Return the assets of a job in the order of their rows."""
        with self._database.read() as db:
            rows = db.execute(f"{_SELECT} WHERE job = ? ORDER BY row", (job,)).fetchall()
        return [self._asset(row) for row in rows]

    def _one(self, where: str, *values: object) -> Asset | None:
        with self._database.read() as db:
            row = db.execute(f"{_SELECT} {where}", values).fetchone()
        return self._asset(row) if row else None

    def numbers(self, wanted: AssetQuery, limit: int = -1, offset: int = 0) -> array[int]:
        """Return the numbers of the assets that match, newest first; all without a limit."""
        first, last = wanted.numbers
        expression = match_expression(wanted.words, wanted.terms)
        values: tuple[object, ...] = (first, last, limit, offset)
        if expression:
            # The index gives its rows newest first, so a limit ends the search early.
            query = (
                "SELECT rowid AS number FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? "
                "ORDER BY rowid DESC"
            )
            values = (f"({expression}) NOT facts : {TRASHED}", *values)
        elif wanted.words.strip():
            return array("q")
        else:
            query = (
                "SELECT number FROM assets INDEXED BY assets_kept WHERE trashed_at IS NULL "
                "AND number BETWEEN ? AND ? ORDER BY number DESC"
            )
        # One long text is read in half the time of 100,000 rows.
        query = f"SELECT group_concat(number) FROM ({query} LIMIT ? OFFSET ?)"
        with self._database.read() as db:
            (found,) = db.execute(query, values).fetchone()
        numbers = msgspec.json.decode(f"[{found or ''}]", type=list[int])
        return array("q", sorted(numbers, reverse=True))

    def by_numbers(self, numbers: Sequence[int]) -> list[Asset]:
        """Return the assets of these numbers, in this order, without those gone or in the trash."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT} WHERE number IN (SELECT value FROM json_each(?)) "
                "AND trashed_at IS NULL",
                (msgspec.json.encode(list(numbers)).decode(),),
            ).fetchall()
        found = {row["number"]: row for row in rows}
        return [self._asset(found[number]) for number in numbers if number in found]

    def find(self, wanted: AssetQuery, limit: int = 200, offset: int = 0) -> list[Asset]:
        """Return the assets that match everything wanted, newest first.

        Words may be cut short; Chinese words of any length are found; "…" is a phrase.
        """
        return self.by_numbers(self.numbers(wanted, limit, offset))

    def recent(self, limit: int = 200, offset: int = 0) -> list[Asset]:
        """Return assets newest first."""
        return self.find(AssetQuery(), limit, offset)

    def facets(self) -> Facets:
        """Return which models, tags and labels occur, for filter menus."""
        return read_facets(self._database)

    def count(self) -> int:
        """Return how many assets there are."""
        with self._database.read() as db:
            row = db.execute("SELECT count(*) FROM assets WHERE trashed_at IS NULL").fetchone()
        return int(row[0])

    def trashed(self) -> list[Asset]:
        """Return the assets in the trash, last deleted first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT} WHERE trashed_at IS NOT NULL ORDER BY trashed_at DESC"
            ).fetchall()
        return [self._asset(row) for row in rows]


def _sorted(names: str) -> tuple[str, ...]:
    return tuple(sorted(msgspec.json.decode(names, type=list[str])))


def _medium(name: str) -> Medium | None:
    try:
        return Medium(name)
    except ValueError:
        return None
