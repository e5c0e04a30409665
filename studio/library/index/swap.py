"""Replace the index of a library by a new one, made in a database of its own, in one transaction.

Other processes may have the library open: they see the old index or the new one. The jobs and
what else the database holds stay as they are.
"""

from __future__ import annotations

import sqlite3

from studio.library.index.database import ATTACHED, INCOMPLETE

_TABLES = ("assets", "contents", "labels", "parents", "tags", "collected", "reviews")


def replace_index(db: sqlite3.Connection) -> None:
    """Copy the index from the attached database, within a transaction of `write_attached`."""
    others = ", ".join(_names(db, "main") - _names(db, ATTACHED))
    if others:
        db.execute(f"CREATE TEMP TABLE former AS SELECT id, {others} FROM main.assets")
    for table in _TABLES:
        columns = _columns(db, table)
        db.execute(f"DELETE FROM main.{table}")
        db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM {ATTACHED}.{table}")
    if others:
        # Columns that a newer version added.
        db.execute(
            f"UPDATE main.assets SET ({others}) = (SELECT {others} FROM temp.former "
            "WHERE former.id = assets.id) WHERE id IN (SELECT id FROM temp.former)"
        )
        db.execute("DROP TABLE temp.former")
    # Deleting its rows would take as long as adding them.
    (sql,) = db.execute("SELECT sql FROM main.sqlite_schema WHERE name = 'words'").fetchone()
    db.execute("DROP TABLE main.words")
    db.execute(sql)
    words = _columns(db, "words")
    db.execute(
        f"INSERT INTO main.words (rowid, {words}) SELECT rowid, {words} FROM {ATTACHED}.words"
    )
    db.execute("UPDATE job_rows SET asset = NULL WHERE asset NOT IN (SELECT id FROM main.assets)")
    db.execute(
        "INSERT INTO main.job_rows (job, row, asset, seconds) "
        f"SELECT job, row, asset, seconds FROM {ATTACHED}.job_rows "
        "WHERE asset IS NOT NULL AND job IN (SELECT id FROM main.jobs) "
        "ON CONFLICT (job, row) DO UPDATE SET asset = excluded.asset, problem = NULL, "
        "seconds = excluded.seconds WHERE job_rows.asset IS NULL"
    )
    db.execute("DELETE FROM main.state WHERE key = ?", (INCOMPLETE,))


def _columns(db: sqlite3.Connection, table: str) -> str:
    rows = db.execute(f"PRAGMA {ATTACHED}.table_info({table})").fetchall()
    return ", ".join(row["name"] for row in rows)


def _names(db: sqlite3.Connection, schema: str) -> set[str]:
    """Return the columns of the table `assets`, quoted."""
    rows = db.execute(f"PRAGMA {schema}.table_info(assets)").fetchall()
    return {'"' + row["name"].replace('"', '""') + '"' for row in rows}
