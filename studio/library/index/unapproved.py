"""Whether a result is made from something that no person has approved."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

from studio.kinds.kind import Medium
from studio.kinds.registry import kind_if_known
from studio.library.index.database import Database
from studio.library.index.index_marks import review_in_index
from studio.library.review import REVIEW_LABEL, mark_of, review_state
from studio.protocol import Parent, Request

_BREAK = re.compile(r"[\n.!?。！？;；:：|*\"#`_\\]+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LONG_ENOUGH, _SHORTEST = 24, 12
"""Characters of a passage that two texts do not share by chance. A Chinese one counts three."""
_MOST_PASSAGES = 12


def is_from_unapproved(database: Database, request: Request, parents: Iterable[Parent]) -> bool:
    """Return whether an input file, or the text that is spoken, was not approved.

    A text is found by its passages: it may come by any way into the prompt, also in parts.
    """
    with database.read() as db:
        for parent in parents:
            if parent.asset and mark_of(_state(db, parent.asset)) is not None:
                return True
        kind = kind_if_known(request)
        if kind is None or not kind.text_action or kind.medium is Medium.TEXT:
            return False
        passages = _passages(str(getattr(request, "prompt", "")))
        if not passages:
            return False
        found = " OR ".join(["instr(text, ?)"] * len(passages))
        rows = db.execute(
            "SELECT assets.id FROM assets JOIN contents USING (number) "
            "WHERE assets.id IN (SELECT asset FROM labels WHERE name = ? "
            f"UNION SELECT asset FROM reviews) AND text != '' AND ({found})",
            (REVIEW_LABEL, *passages),
        ).fetchall()
        return any(mark_of(_state(db, row[0])) is not None for row in rows)


def _state(db: sqlite3.Connection, asset: str) -> str:
    labels = db.execute(
        "SELECT name, value FROM labels WHERE asset = ? AND name = ?", (asset, REVIEW_LABEL)
    ).fetchall()
    return review_state(review_in_index(db, asset), dict(map(tuple, labels)))


def _passages(prompt: str) -> list[str]:
    """Return the longest passages of a text, the whole of a short one."""
    parts = sorted({part.strip() for part in _BREAK.split(prompt)}, key=_weight, reverse=True)
    long = [part for part in parts if _weight(part) >= _LONG_ENOUGH][:_MOST_PASSAGES]
    return long or [part for part in parts[:1] if _weight(part) >= _SHORTEST]


def _weight(text: str) -> int:
    return len(text) + 2 * len(_CJK.findall(text))
