"""Search and read assets in the index; `asset_writer.py` writes them."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from pathlib import Path

import msgspec

from studio.kinds.coding import recipe_from_json
from studio.kinds.kind import Medium
from studio.library.folder.stored_paths import StoredPaths
from studio.library.index.checksums import is_intact
from studio.library.index.database import DamagedDatabaseError, Database
from studio.library.index.facets import Facets, read_facets, read_model_use
from studio.library.index.search import TRASHED, AssetQuery, match_expression
from studio.library.records import Asset
from studio.library.review import REVIEW_LABEL, Review, review_state

_COLUMNS = """
    assets.*, contents.recipe, contents.text, contents.checksum,
    (SELECT json_group_array(tag) FROM tags WHERE asset = assets.id) AS tag_list,
    (SELECT json_group_array(collection) FROM collected WHERE asset = assets.id) AS collected_in,
    (SELECT json_array(state, reviewer, date, remark) FROM reviews WHERE asset = assets.id)
    AS reviewed
"""
_SELECT = f"SELECT {_COLUMNS} FROM assets JOIN contents USING (number)"
_DECODE_ERRORS = (TypeError, ValueError, IndexError, RecursionError, OverflowError)


class Assets:
    """The assets of the library in `root`. Methods may be called from any thread.

    They raise `ProblemError` on disk errors.
    """

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._paths = StoredPaths(root)

    def _asset(self, row: sqlite3.Row) -> Asset:
        """Convert a row. Raises `DamagedDatabaseError` if it is not as it was written."""
        try:
            if not is_intact(row):
                raise ValueError("wrong checksum")
            return self._read(row)
        except (*_DECODE_ERRORS, msgspec.MsgspecError) as error:
            raise DamagedDatabaseError(self._database.path, f"an asset: {error}") from error

    def _read(self, row: sqlite3.Row) -> Asset:
        return Asset(
            id=row["id"],
            job=row["job"],
            row=row["row"],
            task=row["task"],
            path=self._paths.shown(row["path"]),
            created=row["created"],
            recipe=recipe_from_json(row["recipe"]),
            prompt=row["prompt"],
            text=row["text"],
            starred=bool(row["starred"]),
            tags=_sorted(row["tag_list"]),
            collections=_sorted(row["collected_in"]),
            review=_review(row["reviewed"]),
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
        return self._select_one("WHERE assets.id = ?", name)

    def entry(self, name: str) -> Path | None:
        """Return where an asset's file lies, also if it is a link out of the library.

        For moving and deleting only, which do not follow links.
        """
        with self._database.read() as db:
            row = db.execute("SELECT path FROM assets WHERE id = ?", (name,)).fetchone()
        return self._paths.entry(row["path"]) if row else None

    def review_states(self, names: Sequence[str]) -> dict[str, str]:
        """Return the states of review of those of these assets that exist, "" for none."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, (SELECT state FROM reviews WHERE asset = id), "
                "(SELECT value FROM labels WHERE asset = id AND name = ?) "
                "FROM assets WHERE id IN (SELECT value FROM json_each(?))",
                (REVIEW_LABEL, msgspec.json.encode(list(names)).decode()),
            ).fetchall()
        return {
            row[0]: review_state(Review(row[1]) if row[1] else None, {REVIEW_LABEL: row[2] or ""})
            for row in rows
        }

    def of_row(self, job: str, row: int) -> Asset | None:
        """Return the asset of a row of a job, or None."""
        return self._select_one(
            "WHERE assets.id = (SELECT asset FROM job_rows WHERE job = ? AND row = ?)", job, row
        )

    def of_job(self, job: str) -> list[Asset]:
        """Return the assets of a job, by row."""
        with self._database.read() as db:
            rows = db.execute(f"{_SELECT} WHERE job = ? ORDER BY row", (job,)).fetchall()
        return [self._asset(row) for row in rows]

    def _select_one(self, where: str, *values: object) -> Asset | None:
        with self._database.read() as db:
            row = db.execute(f"{_SELECT} {where}", values).fetchone()
        return self._asset(row) if row else None

    def numbers(self, query: AssetQuery, limit: int = -1, offset: int = 0) -> array[int]:
        """Return the numbers of the matching assets, newest first. -1 is no limit."""
        first, last = query.numbers
        expression = match_expression(query.words, query.terms)
        values: tuple[object, ...] = (first, last, limit, offset)
        if expression:
            # The index yields rows newest first, so a limit ends the search early.
            select = (
                "SELECT rowid AS number FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? "
                "ORDER BY rowid DESC"
            )
            values = (f"({expression}) NOT facts : {TRASHED}", *values)
        elif query.words.strip():
            return array("q")
        else:
            select = (
                "SELECT number FROM assets INDEXED BY assets_kept WHERE trashed_at IS NULL "
                "AND number BETWEEN ? AND ? ORDER BY number DESC"
            )
        # For 100,000 assets, one long text takes half the time of as many rows.
        select = f"SELECT group_concat(number) FROM ({select} LIMIT ? OFFSET ?)"
        with self._database.read() as db:
            (found,) = db.execute(select, values).fetchone()
        numbers = msgspec.json.decode(f"[{found or ''}]", type=list[int])
        return array("q", sorted(numbers, reverse=True))

    def by_numbers(self, numbers: Sequence[int]) -> list[Asset]:
        """Return the assets with these numbers in order, without deleted and trashed ones."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT} WHERE number IN (SELECT value FROM json_each(?)) "
                "AND trashed_at IS NULL",
                (msgspec.json.encode(list(numbers)).decode(),),
            ).fetchall()
        found = {row["number"]: row for row in rows}
        return [self._asset(found[number]) for number in numbers if number in found]

    def find(self, query: AssetQuery, limit: int = 200, offset: int = 0) -> list[Asset]:
        """Return the matching assets, newest first. See `match_expression` for the syntax."""
        return self.by_numbers(self.numbers(query, limit, offset))

    def recent(self, limit: int = 200, offset: int = 0) -> list[Asset]:
        """Return all assets outside the trash, newest first."""
        return self.find(AssetQuery(), limit, offset)

    def facets(self) -> Facets:
        """Return the models, tags and labels for filter menus."""
        return read_facets(self._database)

    def model_use(self) -> dict[str, tuple[int, str]]:
        """Return id of each model → number of assets, and when the last was made (ISO 8601)."""
        return read_model_use(self._database)

    def count(self) -> int:
        """Return the number of assets outside the trash."""
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


def _review(found: str | None) -> Review | None:
    return None if found is None else Review(*msgspec.json.decode(found, type=list[str]))


def _medium(name: str) -> Medium | None:
    try:
        return Medium(name)
    except ValueError:
        return None
