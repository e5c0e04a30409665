"""What occurs in the library, with counts: collections, and what filter menus offer."""

from __future__ import annotations

from msgspec import Struct

from studio.library.index.database import Database

MAX_VALUES = 200
_MAX_LABELS = 50
# Counting from an index and taking off what is in the trash is far quicker than a look at every
# asset: the trash is small, or soon empty.
_COUNTED = """
    SELECT name, total - coalesce(gone, 0) AS count
    FROM (SELECT {column} AS name, count(*) AS total FROM {table} GROUP BY 1)
    LEFT JOIN (
        SELECT {column} AS trashed, count(*) AS gone
        FROM assets CROSS JOIN {table} ON {table}.asset = assets.id
        WHERE trashed_at IS NOT NULL GROUP BY 1
    ) ON trashed = name
    WHERE count > 0 ORDER BY name
"""
# Steps from each value to the next one, so that 100,000 assets with one label cost two steps.
_DISTINCT = """
    WITH RECURSIVE found (value) AS (
        SELECT min({column}) FROM labels WHERE {condition}
        UNION ALL
        SELECT (SELECT min({column}) FROM labels WHERE {condition} AND {column} > found.value)
        FROM found WHERE found.value IS NOT NULL
    )
    SELECT value FROM found WHERE value IS NOT NULL LIMIT {limit}
"""


class Facets(Struct, frozen=True):
    """What occurs in the library, the trash left out of the counts.

    `models` are ids and how many assets are of each, `tags` names likewise. `labels` gives the
    values of each label, at most `MAX_VALUES`. All are sorted.
    """

    models: tuple[tuple[str, int], ...] = ()
    tags: tuple[tuple[str, int], ...] = ()
    labels: dict[str, tuple[str, ...]] = {}


def read_facets(database: Database) -> Facets:
    """Return what filter menus have to offer."""
    with database.read() as db:
        models = db.execute(
            "SELECT model, count(*) FROM assets INDEXED BY assets_by_model "
            "WHERE trashed_at IS NULL AND model != '' GROUP BY model ORDER BY model"
        ).fetchall()
        names = db.execute(
            _DISTINCT.format(column="name", condition="true", limit=_MAX_LABELS)
        ).fetchall()
        values = _DISTINCT.format(column="value", condition="name = :name", limit=MAX_VALUES)
        labels = {
            name: tuple(value for (value,) in db.execute(values, {"name": name}))
            for (name,) in names
        }
    return Facets(
        tuple((model, count) for model, count in models), _counted(database, "tags", "tag"), labels
    )


def read_collections(database: Database) -> tuple[tuple[str, int], ...]:
    """Return each collection with the number of its assets, by name."""
    return _counted(database, "collected", "collection")


def _counted(database: Database, table: str, column: str) -> tuple[tuple[str, int], ...]:
    with database.read() as db:
        rows = db.execute(_COUNTED.format(table=table, column=column)).fetchall()
    return tuple((row["name"], row["count"]) for row in rows)
