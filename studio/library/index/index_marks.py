"""Read stars, tags, collections, reviews and the trash from the index."""

from __future__ import annotations

import sqlite3

from studio.library.folder.marks_file import Marks
from studio.library.review import Review


def marks_in_index(db: sqlite3.Connection, name: str) -> Marks | None:
    """Return the marks of an asset, without `origin` and `unknown`. None if it is not indexed."""
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
        review=review_in_index(db, name),
    )


def review_in_index(db: sqlite3.Connection, name: str) -> Review | None:
    """Return the review of an asset."""
    row = db.execute(
        "SELECT state, reviewer, date, remark FROM reviews WHERE asset = ?", (name,)
    ).fetchone()
    return Review(*map(str, row)) if row is not None else None


def all_marks_in_index(db: sqlite3.Connection) -> dict[str, Marks]:
    """Return the marks of all assets that have any, by asset id."""
    marked = db.execute(
        "SELECT id FROM assets WHERE starred OR trashed_at IS NOT NULL "
        "UNION SELECT asset FROM tags UNION SELECT asset FROM collected "
        "UNION SELECT asset FROM reviews"
    ).fetchall()
    found = (marks_in_index(db, name) for (name,) in marked)
    return {marks.asset: marks for marks in found if marks is not None}
