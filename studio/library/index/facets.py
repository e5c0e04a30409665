"""Values for filter menus and lists of collections, with the number of assets of each."""

from __future__ import annotations

from msgspec import Struct

from studio.library.index.database import Database

MAX_VALUES = 200
_MAX_LABELS = 50
_LONGEST_VALUE = 200
"""Characters of a label that is listed: a form keeps whole texts in labels."""
# Counting with an index and subtracting the usually few trashed assets is much faster than reading
# all assets.
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
# A loose index scan: it steps from each value to the next, so that 100,000 assets with the same
# label take two steps.
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
    """Values that occur in the library, sorted. Counts do not include the trash.

    `models` holds (id, number of assets), `tags` (name, number of assets). `labels` maps label
    names → values, at most `MAX_VALUES` each.
    """

    models: tuple[tuple[str, int], ...] = ()
    tags: tuple[tuple[str, int], ...] = ()
    labels: dict[str, tuple[str, ...]] = {}


def read_facets(database: Database) -> Facets:
    """Return the values for filter menus."""
    with database.read() as db:
        models = db.execute(
            "SELECT model, count(*) FROM assets INDEXED BY assets_by_model "
            "WHERE trashed_at IS NULL AND model != '' GROUP BY model ORDER BY model"
        ).fetchall()
        names = db.execute(
            _DISTINCT.format(column="name", condition="true", limit=_MAX_LABELS)
        ).fetchall()
        short = f"name = :name AND length(value) <= {_LONGEST_VALUE}"
        values = _DISTINCT.format(column="value", condition=short, limit=MAX_VALUES)
        labels = {
            name: tuple(value for (value,) in db.execute(values, {"name": name}))
            for (name,) in names
        }
    return Facets(
        tuple((model, count) for model, count in models), _counted(database, "tags", "tag"), labels
    )


def read_model_use(database: Database) -> dict[str, tuple[int, str]]:
    """Return id of each model → number of assets, and when the last was made (ISO 8601)."""
    with database.read() as db:
        rows = db.execute(
            "SELECT model, count(*), max(created) FROM assets WHERE model != '' GROUP BY model"
        ).fetchall()
    return {model: (count, str(created)) for model, count, created in rows}


def read_collections(database: Database) -> tuple[tuple[str, int], ...]:
    """Return (collection, number of assets), sorted by name."""
    return _counted(database, "collected", "collection")


def _counted(database: Database, table: str, column: str) -> tuple[tuple[str, int], ...]:
    with database.read() as db:
        rows = db.execute(_COUNTED.format(table=table, column=column)).fetchall()
    return tuple((row["name"], row["count"]) for row in rows)
