"""Full-text search in prompts, answers, tags, collections, file names and labels.

SQLite's `unicode61` tokenizer treats a run of Han characters as one word, and its trigram
tokenizer does not find terms below three characters. Therefore CJK characters are indexed
separated by spaces, and a CJK word is searched as the phrase of its characters.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable

import msgspec
from msgspec import Struct

TRASHED = "trashed"
"""Filter term of assets in the trash."""
_FIRST, _LAST = -(2**63), 2**63 - 1

# Han (with extensions and compatibility forms), kana, hangul syllables, bopomofo.
_CJK = re.compile(
    "([\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])"
)


def split_cjk(text: str) -> str:
    """Return `text` with spaces around each CJK character, for the index."""
    return _CJK.sub(r" \1 ", text)


class AssetQuery(Struct, frozen=True, kw_only=True):
    """Search criteria for assets. Empty ones are ignored; all others must match.

    `words` is the text typed by the user (`match_expression`). `tags` and `labels` (name, value)
    ignore case. `model` is an id, `review` a state (`review.py`). `since` (inclusive) and `until`
    (exclusive) are Unix seconds of the creation time.
    """

    words: str = ""
    task: str | None = None
    model: str = ""
    tags: tuple[str, ...] = ()
    collection: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    starred: bool = False
    review: str = ""
    since: float | None = None
    until: float | None = None

    @property
    def matches_all(self) -> bool:
        """Whether the query matches all assets."""
        return msgspec.structs.replace(self, words=self.words.strip()) == AssetQuery()

    @property
    def terms(self) -> str:
        """Filter terms for all criteria except `words` and the dates."""
        return filter_terms(
            self.task or "",
            self.model,
            starred=self.starred,
            tags=self.tags,
            collections=[self.collection] if self.collection else [],
            labels=self.labels,
            review=self.review,
        )

    @property
    def numbers(self) -> tuple[int, int]:
        """The smallest and largest asset number within the dates."""
        since = _FIRST if self.since is None else _microseconds(self.since)
        until = _LAST if self.until is None else _microseconds(self.until) - 1
        return since, max(until, _FIRST)


def _microseconds(seconds: float) -> int:
    if abs(seconds) < 1e12:
        return round(seconds * 1_000_000)
    return _LAST if seconds > 0 else _FIRST


def filter_terms(
    task: str,
    model: str,
    *,
    starred: bool,
    tags: Iterable[str],
    collections: Iterable[str],
    labels: Iterable[tuple[str, str]],
    trashed: bool = False,
    review: str = "",
) -> str:
    """Return the filter terms of an asset or a query: words in the full-text index (`facts`).

    An empty `task` or `model` has no term.
    """
    terms = [f"task{task}"] if task else []
    terms += [_term("model", model)] if model else []
    terms += ["starred"] if starred else []
    terms += [TRASHED] if trashed else []
    terms += [review_term(review)] if review else []
    terms += [_term("tag", tag.casefold()) for tag in tags]
    terms += [_term("collection", name.casefold()) for name in collections]
    return " ".join([*terms, *(label_term(name, value) for name, value in labels)])


def label_term(name: str, value: str) -> str:
    """Return the filter term of a label."""
    return _term("label", f"{name.casefold()}\0{value.casefold()}")


def review_term(state: str) -> str:
    """Return the filter term of a state of review."""
    return _term("review", state)


def _term(kind: str, value: str) -> str:
    return kind + hashlib.sha256(value.encode()).hexdigest()[:16]


def match_expression(words: str, terms: str = "") -> str:
    """Return the FTS5 query for text typed by the user, "" if there is nothing to search for.

    All words must match, each as a prefix; quoted words must match as a phrase. FTS5 syntax in
    `words` has no effect. All filter `terms` must match as well, or alone if `words` is blank.
    """
    filters = [f'facts : "{term}"' for term in terms.split()]
    if not words.strip():
        return " AND ".join(filters)
    try:
        parts = shlex.split(words.replace("'", " ").replace("\\", " "))
    except ValueError:
        parts = words.replace('"', " ").split()
    phrases = []
    for part in parts:
        tokens = re.findall(r"[^\W_]+", split_cjk(part))
        if tokens:
            phrases.append('"' + " ".join(tokens) + '" *')
    if not phrases:
        return ""
    text = "{prompt text tags name labels} : (" + " AND ".join(phrases) + ")"
    return " AND ".join([text, *filters])
