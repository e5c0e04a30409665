"""Checksums of assets in the index: SQLite notices damage to its structure, not to values."""

from __future__ import annotations

import sqlite3
import zlib

import msgspec

from studio.kinds.coding import recipe_from_json
from studio.kinds.registry import kind_if_known, medium_of
from studio.kinds.requests import display_name, has_prompt
from studio.library.folder.stored_paths import StoredPaths

_ASSET = (
    "number",
    "id",
    "job",
    "row",
    "task",
    "path",
    "size",
    "sha256",
    "width",
    "height",
    "duration",
    "medium",
    "created",
    "prompt",
)
_CONTENT = "recipe", "text"
_COLUMNS = (*_ASSET, *_CONTENT)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM assets JOIN contents USING (number)"


def set_checksum(db: sqlite3.Connection, name: str) -> None:
    """Set the checksum of an asset: call it after each change of the asset."""
    row = db.execute(f"{_SELECT} WHERE id = ?", (name,)).fetchone()
    if row is not None:
        db.execute(
            "UPDATE contents SET checksum = ? WHERE number = ?", (_checksum(row), row["number"])
        )


def is_intact(row: sqlite3.Row) -> bool:
    """Return whether a row of assets and contents has its checksum, or none."""
    return row["checksum"] is None or row["checksum"] == _checksum(row)


def add_checksums(db: sqlite3.Connection, paths: StoredPaths | None) -> str | None:
    """Add the checksums that are missing: another version, or another program, wrote the assets.

    With `paths`, they are compared with their recipes, and with the sizes of their files. Returns
    the id of an asset that differs, which may be any text, or None.
    """
    rows = db.execute(
        "SELECT assets.*, recipe, text FROM contents CROSS JOIN assets USING (number) "
        "WHERE checksum IS NULL"
    ).fetchall()
    for row in rows:
        if paths is not None and not _is_plausible(row, paths):
            return str(row["id"])
        set_checksum(db, row["id"])
    return None


def _is_plausible(row: sqlite3.Row, paths: StoredPaths) -> bool:
    try:
        recipe = recipe_from_json(row["recipe"])
        if paths.shown(row["path"]).stat().st_size != row["size"]:
            return False
    except (msgspec.MsgspecError, OSError, TypeError, ValueError, RecursionError):
        return False
    if row["id"] != f"{row['job']}-{row['row']}" and not str(row["id"]).startswith("file-"):
        return False
    if kind_if_known(recipe.request) is None:
        return True  # another version knows more about it
    if has_prompt(recipe.request) and row["prompt"] != display_name(recipe.request):
        return False
    return (row["job"], row["task"], row["created"], row["medium"]) == (
        recipe.job,
        recipe.request.task,
        recipe.created,
        medium_of(recipe.request.task) or "",
    ) and row["row"] in (recipe.row, 2**63 - 1, -(2**63))


def _checksum(row: sqlite3.Row) -> int:
    return zlib.crc32(msgspec.json.encode([row[name] for name in _COLUMNS]))
