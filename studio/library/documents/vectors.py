"""The vectors nearest to another: by sqlite-vec where SQLite can load it, else by numpy.

Python on macOS, and some builds elsewhere, have a SQLite that loads no extensions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Set


def has_sqlite_vec(connection: sqlite3.Connection) -> bool:
    """Load sqlite-vec into a connection. Returns whether that is possible."""
    try:
        connection.execute("SELECT vec_version()")
        return True
    except sqlite3.OperationalError:
        pass
    if not hasattr(connection, "enable_load_extension"):
        return False
    try:
        import sqlite_vec

        connection.enable_load_extension(True)
        sqlite_vec.load(connection)
        connection.enable_load_extension(False)
    except (ImportError, OSError, sqlite3.Error):
        return False
    return True


def nearest(
    connection: sqlite3.Connection, model: str, vector: bytes, ids: Set[int], most: int
) -> list[int]:
    """Return the passages among `ids` whose vectors are nearest, the nearest first."""
    if has_sqlite_vec(connection):
        rows = connection.execute(
            "SELECT passage FROM vectors WHERE model = ? AND length(vector) = ?"
            " ORDER BY vec_distance_cosine(vector, ?)",
            (model, len(vector), vector),
        )
        return [id for (id,) in rows if id in ids][:most]
    return _by_numpy(connection, model, vector, ids, most)


def _by_numpy(
    connection: sqlite3.Connection, model: str, vector: bytes, ids: Set[int], most: int
) -> list[int]:
    import numpy as np

    rows = [
        (id, data)
        for id, data in connection.execute(
            "SELECT passage, vector FROM vectors WHERE model = ?", (model,)
        )
        if id in ids and len(data) == len(vector)
    ]
    if not rows:
        return []
    wanted = np.frombuffer(vector, np.float32)
    matrix = np.frombuffer(b"".join(data for _, data in rows), np.float32)
    scores = matrix.reshape(len(rows), len(wanted)) @ wanted
    return [rows[at][0] for at in np.argsort(-scores, kind="stable")[:most]]
