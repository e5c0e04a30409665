"""Write assets to the index; `assets.py` reads them."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from studio.kinds.coding import recipe_from_json, to_json
from studio.kinds.registry import kinds
from studio.kinds.requests import display_name, has_prompt, input_files, own_name
from studio.library.folder.marks_file import Marks
from studio.library.index.checksums import set_checksum
from studio.library.index.database import Database, medium_name
from studio.library.index.index_marks import review_in_index
from studio.library.index.search import filter_terms, split_cjk
from studio.library.records import making_seconds
from studio.library.review import review_state
from studio.protocol import Parent, Recipe, Request

_SAFE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def asset_id(job: str, row: int, path: str) -> str:
    """Return the id of an asset, derived from its recipe or path so that rebuilds preserve it."""
    if job and _SAFE_ID.fullmatch(job):
        return f"{job}-{row}"
    return f"file-{hashlib.sha256(path.encode()).hexdigest()[:16]}"


class FinishedFile(msgspec.Struct, frozen=True):
    """A finished file to be indexed. `text` is the answer, "" for other media."""

    path: Path
    recipe: Recipe
    size: int
    sha256: str = ""
    text: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None


class AssetWriter:
    """Writes the index of the library in `root`. Methods raise `ProblemError` on disk errors."""

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root

    def stored_path(self, path: Path) -> str:
        """Return a path as stored in the database: relative to the library, which may be moved."""
        try:
            return path.relative_to(self._root).as_posix()
        except ValueError:
            return str(path)

    def insert(self, found: FinishedFile) -> str:
        """Index a finished file unless it is indexed already. Returns the asset's id."""
        with self._database.write() as db:
            return self.insert_into(db, found)

    def insert_into(
        self,
        db: sqlite3.Connection,
        found: FinishedFile,
        numbers: Mapping[str, int] | None = None,
        *,
        is_copy: bool = False,
    ) -> str:
        """Like `insert`, but within the transaction `db`.

        `numbers` are those of a former index, by asset id. They are kept where possible. The id of
        a copy, made by the user, is derived from its path.
        """
        recipe, stored = found.recipe, self.stored_path(found.path)
        model = recipe.model_id or recipe.request.model
        known = db.execute("SELECT id, job, row FROM assets WHERE path = ?", (stored,)).fetchone()
        if known is not None:
            is_other = recipe.job and (known["job"], known["row"]) != (recipe.job, recipe.row)
            if not is_other:
                return str(known["id"])
            # Its file was deleted by hand: a new one got the name.
            self.delete(db, [known["id"]])
        name = asset_id("" if is_copy else recipe.job, recipe.row, stored)
        if db.execute("SELECT 1 FROM assets WHERE id = ?", (name,)).fetchone():
            name = asset_id("", 0, stored)
        number = _unused_number(db, recipe.created, (numbers or {}).get(name))
        inherited = _prompt_of_parent(db, recipe)
        prompt = own_name(recipe.request) or inherited or display_name(recipe.request)
        db.execute(
            "INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, "
            "width, height, duration, medium, created, prompt) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                name,
                recipe.job,
                _storable(recipe.row),
                recipe.request.task,
                model,
                _storable(recipe.seed),
                stored,
                found.size,
                found.sha256,
                found.width,
                found.height,
                found.duration,
                medium_name(recipe.request.task, stored),
                recipe.created,
                prompt,
            ),
        )
        db.execute(
            "INSERT INTO contents (number, recipe, text) VALUES (?, ?, ?)",
            (number, to_json(recipe), found.text),
        )
        db.execute(
            "INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) "
            "VALUES (?, ?, ?, '', ?, ?, ?)",
            (
                number,
                split_cjk(_searchable_prompt(recipe.request, inherited or prompt)),
                split_cjk(found.text),
                split_cjk(found.path.stem),
                split_cjk(" ".join(recipe.labels.values())),
                filter_terms(
                    recipe.request.task,
                    model,
                    starred=False,
                    tags=(),
                    collections=(),
                    labels=recipe.labels.items(),
                    review=review_state(None, recipe.labels),
                ),
            ),
        )
        db.executemany(
            "INSERT INTO labels (asset, name, value) VALUES (?, ?, ?)",
            [(name, label, value) for label, value in recipe.labels.items()],
        )
        db.executemany(
            "INSERT OR IGNORE INTO parents (asset, parent) VALUES (?, ?)",
            [(name, parent.asset) for parent in recipe.parents if parent.asset],
        )
        db.execute(
            "INSERT INTO job_rows (job, row, asset, seconds) SELECT id, ?, ?, ? FROM jobs "
            "WHERE id = ? ON CONFLICT (job, row) DO UPDATE SET asset = excluded.asset, "
            "problem = NULL, seconds = excluded.seconds WHERE job_rows.asset IS NULL",
            (_storable(recipe.row), name, making_seconds(recipe), recipe.job),
        )
        set_checksum(db, name)
        _propagate_prompt(db, name, prompt)
        return name

    def set_marks(self, db: sqlite3.Connection, marks: Marks) -> None:
        """Set star, tags, collections and review in the index. Unknown assets are ignored."""
        name = marks.asset
        known = db.execute("UPDATE assets SET starred = ? WHERE id = ?", (int(marks.starred), name))
        if not known.rowcount:
            return
        db.execute("DELETE FROM tags WHERE asset = ?", (name,))
        db.executemany(
            "INSERT OR IGNORE INTO tags (asset, tag) VALUES (?, ?)",
            [(name, tag) for tag in marks.tags],
        )
        db.execute("DELETE FROM collected WHERE asset = ?", (name,))
        db.executemany(
            "INSERT OR IGNORE INTO collected (asset, collection) VALUES (?, ?)",
            [(name, collection) for collection in marks.collections],
        )
        db.execute("DELETE FROM reviews WHERE asset = ?", (name,))
        if (review := marks.review) is not None:
            db.execute(
                "INSERT INTO reviews (asset, state, reviewer, date, remark) VALUES (?, ?, ?, ?, ?)",
                (name, review.state, review.reviewer, review.date, review.remark),
            )
        self._index_marks(db, name)

    @staticmethod
    def _index_marks(db: sqlite3.Connection, name: str) -> None:
        """Update the full-text index of an asset's marks from the tables."""

        def select(query: str) -> list[sqlite3.Row]:
            return db.execute(query, (name,)).fetchall()

        tags = [tag for (tag,) in select("SELECT tag FROM tags WHERE asset = ?")]
        collected = select("SELECT collection FROM collected WHERE asset = ?")
        collections = [collection for (collection,) in collected]
        labels = select("SELECT name, value FROM labels WHERE asset = ?")
        state = review_state(review_in_index(db, name), dict(map(tuple, labels)))
        for row in select("SELECT * FROM assets WHERE id = ?"):
            words = filter_terms(
                row["task"],
                row["model"],
                starred=bool(row["starred"]),
                tags=tags,
                collections=collections,
                labels=[(label, value) for label, value in labels],
                trashed=row["trashed_at"] is not None,
                review=state,
            )
            db.execute(
                "UPDATE words SET tags = ?, facts = ? WHERE rowid = ?",
                (split_cjk(" ".join([*tags, *collections])), words, row["number"]),
            )

    def set_location(
        self, db: sqlite3.Connection, name: str, path: Path, trashed_at: float | None
    ) -> None:
        """Update the path of an asset's file, and when it was moved to the trash, if it was."""
        db.execute(
            "UPDATE assets SET path = ?, trashed_at = ? WHERE id = ?",
            (self.stored_path(path), trashed_at, name),
        )
        set_checksum(db, name)
        self._index_marks(db, name)

    def delete(self, db: sqlite3.Connection, names: Iterable[str]) -> None:
        """Delete assets from the index, but not their files."""
        for name in names:
            db.execute(
                "DELETE FROM words WHERE rowid = (SELECT number FROM assets WHERE id = ?)", (name,)
            )
            db.execute("DELETE FROM assets WHERE id = ?", (name,))

    def is_indexed(self, path: Path) -> bool:
        """Return whether an asset has this path."""
        with self._database.read() as db:
            row = db.execute("SELECT 1 FROM assets WHERE path = ?", (self.stored_path(path),))
            return row.fetchone() is not None

    def paths(self) -> dict[str, str]:
        """Return all indexed files: stored path → asset id."""
        with self._database.read() as db:
            return {row[0]: row[1] for row in db.execute("SELECT path, id FROM assets")}

    def parents(self, request: Request, reported: tuple[Parent, ...]) -> tuple[Parent, ...]:
        """Return the parents of a result, with asset ids for files of the library.

        `reported` are those from the engine; if empty, the request's input files are used.
        """
        if not reported:
            reported = tuple(Parent(file.path, file.sha256) for file in input_files(request))
        return tuple(
            msgspec.structs.replace(parent, asset=parent.asset or self._asset_of(parent))
            for parent in reported
        )

    def _asset_of(self, parent: Parent) -> str:
        stored = self.stored_path(Path(parent.path))
        with self._database.read() as db:
            row = db.execute(
                "SELECT id FROM assets WHERE (sha256 = ? AND sha256 != '') OR path = ? "
                "ORDER BY sha256 = ? DESC, path = ? DESC LIMIT 1",
                (parent.sha256, stored, parent.sha256, stored),
            ).fetchone()
        return str(row[0]) if row else ""


def _searchable_prompt(request: Request, prompt: str) -> str:
    """Return the text to index for an asset's prompt column."""
    if not has_prompt(request):
        return _with_file_name(prompt, display_name(request))
    extra = getattr(request, "system_prompt", "") or getattr(request, "negative_prompt", "")
    return f"{prompt}\n{extra}" if extra else prompt


def _with_file_name(prompt: str, name: str) -> str:
    return prompt if prompt == name else f"{prompt}\n{name}"


def _prompt_of_parent(db: sqlite3.Connection, recipe: Recipe) -> str:
    """Return the parent's prompt for a result without its own, "" if unknown."""
    if not has_prompt(recipe.request):
        for parent in recipe.parents:
            known = db.execute("SELECT prompt FROM assets WHERE id = ?", (parent.asset,)).fetchone()
            if known is not None:
                return str(known[0])
    return ""


def _propagate_prompt(db: sqlite3.Connection, name: str, prompt: str) -> None:
    """Set the prompt of an asset's descendants without their own that were indexed earlier."""
    inheriting = [
        task for task, kind in kinds().items() if not kind.has_prompt and kind.listed_as is None
    ]
    tasks = msgspec.json.encode(inheriting).decode()
    changed = [name]
    while changed:
        children = db.execute(
            "SELECT id, number, contents.recipe AS recipe "
            "FROM parents JOIN assets ON id = asset JOIN contents USING (number) "
            "WHERE parent = ? AND prompt != ? AND task IN (SELECT value FROM json_each(?))",
            (changed.pop(), prompt, tasks),
        ).fetchall()
        for child in children:
            file = display_name(recipe_from_json(child["recipe"]).request)
            db.execute("UPDATE assets SET prompt = ? WHERE id = ?", (prompt, child["id"]))
            set_checksum(db, child["id"])
            db.execute(
                "UPDATE words SET prompt = ? WHERE rowid = ?",
                (split_cjk(_with_file_name(prompt, file)), child["number"]),
            )
            changed.append(child["id"])


def _storable(number: int) -> int:
    """Clamp a number to SQLite's range. The recipe keeps the exact value."""
    return max(-(2**63), min(number, 2**63 - 1))


def _unused_number(db: sqlite3.Connection, created: str, former: int | None) -> int:
    """Return an asset number: microseconds of `created` since 1970, or one soon after that.

    It is `former` if possible.
    """
    try:
        number = max(0, round(datetime.fromisoformat(created).timestamp() * 1_000_000))
    except (ValueError, OverflowError, OSError):
        number = 0
    last = number + 999_999
    if former is not None and number <= former <= last and not _is_taken(db, former):
        return former
    if not _is_taken(db, number):
        return number
    taken = db.execute(
        "SELECT max(number) FROM assets WHERE number BETWEEN ? AND ?", (number, last)
    ).fetchone()
    return int(taken[0]) + 1


def _is_taken(db: sqlite3.Connection, number: int) -> bool:
    return db.execute("SELECT 1 FROM assets WHERE number = ?", (number,)).fetchone() is not None
