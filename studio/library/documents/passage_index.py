"""The index of passages: full text with FTS5, meaning by vectors. Only a cache: it can be deleted.

A document is known by the SHA-256 of its file, so that copies and new names cost nothing.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.documents.document import Document
from studio.formats.folders import make_below
from studio.kinds.sources import Passage
from studio.library.documents.passages import passages_of
from studio.library.documents.vectors import nearest
from studio.library.index.search import split_cjk

_VERSION = 4
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS documents (
    sha256 TEXT PRIMARY KEY, document BLOB NOT NULL, place TEXT NOT NULL, parts INTEGER NOT NULL,
    read TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL, passage BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS passages_of ON passages (sha256);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, around, content='', tokenize='porter unicode61 remove_diacritics 2');
CREATE TABLE IF NOT EXISTS vectors (
    model TEXT NOT NULL, passage INTEGER NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (model, passage)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS vectors_of ON vectors (passage);
PRAGMA user_version = {_VERSION};
"""
_TOKEN = re.compile(r"[^\W_]+")
_FROM_EACH = 40
_AROUND = 150
"""Characters of the passages before and after, by which a passage is found as well."""
_WEIGHT_AROUND = 0.4
_MAX_TERMS = 60
_RANK_CONSTANT = 5
"""The smaller it is, the more counts what only one of two rankings finds, but high up."""
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PIECE = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
# Words of questions, which tell nothing of the passage that answers them.
_COMMON = frozenset(
    "a an and are as at be been but by can did do does for from had has have he her his how i in is"
    " it its me my of on or she so than that the their them then there they this to was we were"
    " what when where which who whom whose why will with would you your about into tell say says"
    " said according".split()
)
_COMMON_ZH = frozenset("的了是在和与及吗呢吧什么怎样怎么哪谁为何如何请问这那个些有没")


class Hit(Struct, frozen=True):
    """A passage that was found."""

    sha256: str
    passage: Passage


class KnownFile(Struct, frozen=True):
    """A file as it was read: its stamp, how many pages or other parts it had, and when (UTC)."""

    stamp: str
    place: str
    parts: int
    read: str


class PassageIndex:
    """An index in a file, made where there is none. One connection, used from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._connection = self._open()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def document(self, sha256: str) -> Document | None:
        """Return what was read of a document, None if it is not in the index."""
        with self._lock:
            row = self._connection.execute(
                "SELECT document FROM documents WHERE sha256 = ?", (sha256,)
            ).fetchone()
        try:
            return None if row is None else msgspec.msgpack.decode(row[0], type=Document)
        except msgspec.DecodeError:
            return None

    def hash_of_file(self, path: str, stamp: str) -> str:
        """Return the hash that was noted of a file while its stamp was the same, else ""."""
        with self._lock:
            row = self._connection.execute(
                "SELECT sha256 FROM files WHERE path = ? AND stamp = ?", (_stored(path), stamp)
            ).fetchone()
        return str(row[0]) if row is not None else ""

    def known_file(self, path: str) -> KnownFile | None:
        """Return what is known of a file that was read, None if it was not."""
        with self._lock:
            row = self._connection.execute(
                "SELECT stamp, place, parts, read FROM files JOIN documents USING (sha256) "
                "WHERE path = ?",
                (_stored(path),),
            ).fetchone()
        return None if row is None else KnownFile(*row)

    def hashes_of(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the hashes of those files that were read, as they were then."""
        with self._lock:
            rows = (
                self._connection.execute(
                    "SELECT sha256 FROM files JOIN documents USING (sha256) WHERE path = ?",
                    (_stored(path),),
                ).fetchone()
                for path in paths
            )
            return tuple(row[0] for row in rows if row is not None)

    def note_file(self, path: str, stamp: str, sha256: str) -> None:
        """Note the hash of a file."""
        with self._lock, self._change():
            self._connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (_stored(path), stamp, sha256)
            )

    def add(self, document: Document) -> None:
        """Add a document, or replace it."""
        passages = list(passages_of(document))
        with self._lock, self._change():
            self._forget(document.sha256)
            self._connection.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?)",
                (
                    document.sha256,
                    msgspec.msgpack.encode(document),
                    document.place,
                    len(document.parts),
                    datetime.now(UTC).isoformat(timespec="seconds"),
                ),
            )
            for passage, words in zip(passages, _words_of(passages), strict=True):
                cursor = self._connection.execute(
                    "INSERT INTO passages (sha256, passage) VALUES (?, ?)",
                    (document.sha256, msgspec.msgpack.encode(passage)),
                )
                self._connection.execute(
                    "INSERT INTO words (rowid, text, around) VALUES (?, ?, ?)",
                    (cursor.lastrowid, *words),
                )

    def forget(self, sha256: str) -> None:
        """Remove a document, its passages and their vectors."""
        with self._lock, self._change():
            self._forget(sha256)

    def without_vectors(self, sha256s: Iterable[str], model: str) -> list[tuple[int, str]]:
        """Return ids and texts of the passages that have no vector of this model yet."""
        found: list[tuple[int, str]] = []
        with self._lock:
            for sha256 in sha256s:
                rows = self._connection.execute(
                    "SELECT id, passage FROM passages WHERE sha256 = ? AND NOT EXISTS"
                    " (SELECT 1 FROM vectors WHERE model = ? AND passage = id) ORDER BY id",
                    (sha256, model),
                )
                found += [
                    (id, _text(msgspec.msgpack.decode(data, type=Passage))) for id, data in rows
                ]
        return found

    def add_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        """Add vectors (float32, of length one) by passage id, in place of those of other models.

        Passages that are no longer there are left out; their ids are not used again.
        """
        with self._lock, self._change():
            self._connection.executemany(
                "DELETE FROM vectors WHERE passage = ?", [(passage,) for passage in vectors]
            )
            self._connection.executemany(
                "INSERT INTO vectors SELECT ?, id, ? FROM passages WHERE id = ?",
                [(model, vector, passage) for passage, vector in vectors.items()],
            )

    def search(
        self,
        question: str,
        sha256s: Sequence[str],
        most: int,
        model: str = "",
        vector: bytes = b"",
    ) -> list[Hit]:
        """Return the passages of some documents that suit a question best, the best first.

        Words and, where there is a vector of the question, meaning are searched apart, and the two
        rankings are fused.
        """
        with self._lock:
            ids = self._ids_of(sha256s)
            rankings = [self._by_words(question, ids)]
            if vector:
                rankings.append(self._by_meaning(model, vector, ids))
            best = fused(rankings)[:most]
            return [
                Hit(sha256, msgspec.msgpack.decode(data, type=Passage))
                for id in best
                for sha256, data in self._connection.execute(
                    "SELECT sha256, passage FROM passages WHERE id = ?", (id,)
                )
            ]

    def _by_words(self, question: str, ids: frozenset[int]) -> list[int]:
        expression = words_expression(question)
        if not expression:
            return []
        found: list[int] = []
        for (id,) in self._connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 1.0, ?)",
            (expression, _WEIGHT_AROUND),
        ):
            if id in ids:
                found.append(id)
                if len(found) >= _FROM_EACH:
                    break
        return found

    def _by_meaning(self, model: str, vector: bytes, ids: frozenset[int]) -> list[int]:
        return nearest(self._connection, model, vector, ids, _FROM_EACH)

    def _ids_of(self, sha256s: Sequence[str]) -> frozenset[int]:
        ids: set[int] = set()
        for sha256 in sha256s:
            ids |= {
                id
                for (id,) in self._connection.execute(
                    "SELECT id FROM passages WHERE sha256 = ?", (sha256,)
                )
            }
        return frozenset(ids)

    def _forget(self, sha256: str) -> None:
        rows = list(
            self._connection.execute(
                "SELECT id, passage FROM passages WHERE sha256 = ? ORDER BY id", (sha256,)
            )
        )
        passages = [msgspec.msgpack.decode(data, type=Passage) for _, data in rows]
        # A table without contents forgets a text only if it is told what it was.
        for (id, _), words in zip(rows, _words_of(passages), strict=True):
            self._connection.execute(
                "INSERT INTO words (words, rowid, text, around) VALUES ('delete', ?, ?, ?)",
                (id, *words),
            )
            self._connection.execute("DELETE FROM vectors WHERE passage = ?", (id,))
        self._connection.execute("DELETE FROM passages WHERE sha256 = ?", (sha256,))
        self._connection.execute("DELETE FROM documents WHERE sha256 = ?", (sha256,))

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        """Open the file; one that is damaged, or of another version, is made anew."""
        for is_last in (False, True):
            try:
                return _connect(self._file)
            except sqlite3.DatabaseError as error:
                # Another process may be making it: that is no damage.
                if is_last or "locked" in str(error):
                    break
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(OSError):
                        self._file.with_name(self._file.name + suffix).unlink()
            except OSError:
                break
        # A read-only disk, or none: it lasts as long as the program.
        return _prepared(sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None))


def fused(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Return the finds of several rankings, the best first, by reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking):
            scores[id] = scores.get(id, 0.0) + 1 / (_RANK_CONSTANT + rank)
    return sorted(scores, key=lambda id: -scores[id])


def words_expression(question: str) -> str:
    """Return the FTS5 query for a question: any of its telling words, pairs of Chinese characters.

    Words that every question has are left out, unless there are no others.
    """
    terms: dict[str, None] = {}
    common: dict[str, None] = {}
    for word in _TOKEN.findall(question.casefold()):
        for piece in _PIECE.findall(word):
            if not _CJK.match(piece):
                (common if piece in _COMMON else terms)[f'"{piece}"'] = None
            elif len(piece) == 1:
                (common if piece in _COMMON_ZH else terms)[f'"{piece}"'] = None
            else:
                for at in range(len(piece) - 1):
                    pair = piece[at : at + 2]
                    is_common = any(sign in _COMMON_ZH for sign in pair)
                    (common if is_common else terms)[f'"{pair[0]} {pair[1]}"'] = None
    return " OR ".join(list(terms or common)[:_MAX_TERMS])


def _stored(path: str) -> str:
    """Return a path that can be stored: names may have any bytes."""
    return path.encode("utf-8", "backslashreplace").decode()


def _words_of(passages: Sequence[Passage]) -> list[tuple[str, str]]:
    """Return what is indexed of each passage: its text, and what stands just around it.

    What a sentence is about often stands in the one before it.
    """
    texts = [passage.text for passage in passages]
    before = ["", *(text[-_AROUND:] for text in texts)]
    after = [*(text[:_AROUND] for text in texts[1:]), ""]
    return [
        (split_cjk(f"{passage.title}\n{passage.text}"), split_cjk(f"{start}\n{end}"))
        for passage, start, end in zip(passages, before, after, strict=False)
    ]


def _text(passage: Passage) -> str:
    return f"{passage.title}\n{passage.text}" if passage.title else passage.text


def _connect(file: Path) -> sqlite3.Connection:
    make_below(file.parent.parent, file.parent)
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("another version")
        return _prepared(connection)
    except BaseException:
        connection.close()
        raise


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_SCHEMA)
    return connection
