"""Full-text search: prompts, answers, tags, collections, file names, labels; Chinese included.

SQLite's `unicode61` tokenizer takes a run of Han characters for one word, and its trigram
tokenizer finds nothing shorter than three characters. So text goes into the index with every
CJK character standing alone, and a CJK word is looked up as the phrase of its characters.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable

import msgspec
from msgspec import Struct

TRASHED = "trashed"
"""The word of the index that stands for lying in the trash."""
_FIRST, _LAST = -(2**63), 2**63 - 1

# Han (with extensions and compatibility forms), kana, hangul syllables, bopomofo.
_CJK = re.compile(
    "([\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])"
)


def spaced(text: str) -> str:
    """Return `text` with spaces around each CJK character, as it goes into the index."""
    return _CJK.sub(r" \1 ", text)


class AssetQuery(Struct, frozen=True, kw_only=True):
    """What is looked for; what is left empty is not looked at.

    `words` is what a person typed (`match_expression`). `tags` and `labels` (name, value) must
    all be there, in any case. `model` is an id. `since` (inclusive) and `until` (exclusive) are
    Unix seconds of the creation.
    """

    words: str = ""
    task: str | None = None
    model: str = ""
    tags: tuple[str, ...] = ()
    collection: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    starred: bool = False
    since: float | None = None
    until: float | None = None

    @property
    def matches_all(self) -> bool:
        """Whether nothing is left out."""
        return msgspec.structs.replace(self, words=self.words.strip()) == AssetQuery()

    @property
    def terms(self) -> str:
        """The words of the index that answer the filters, all but the dates."""
        return filter_terms(
            self.task or "",
            self.model,
            starred=self.starred,
            tags=self.tags,
            collections=[self.collection] if self.collection else [],
            labels=self.labels,
        )

    @property
    def numbers(self) -> tuple[int, int]:
        """The first and the last number that an asset of the wanted dates can have."""
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
) -> str:
    """Return the words by which the index answers filters, for one asset or one search.

    An empty `task` or `model` gives no word: it is not filtered by.
    """
    words = [f"task{task}"] if task else []
    words += [_fact("model", model)] if model else []
    words += ["starred"] if starred else []
    words += [TRASHED] if trashed else []
    words += [_fact("tag", tag.casefold()) for tag in tags]
    words += [_fact("collection", name.casefold()) for name in collections]
    return " ".join([*words, *(label_fact(name, value) for name, value in labels)])


def label_fact(name: str, value: str) -> str:
    """Return the word of the index that stands for a label."""
    return _fact("label", f"{name.casefold()}\0{value.casefold()}")


def _fact(kind: str, value: str) -> str:
    return kind + hashlib.sha256(value.encode()).hexdigest()[:16]


def match_expression(query: str, wanted_facts: str = "") -> str:
    """Turn what a person typed into an FTS5 query. "" when nothing can be looked for.

    Every word must be found; the last letters of a word may be missing; "…" is a phrase.
    Nothing in `query` is FTS5 syntax to be obeyed. `wanted_facts` must all be there as well;
    a blank `query` asks for them alone.
    """
    answers = [f'facts : "{fact}"' for fact in wanted_facts.split()]
    if not query.strip():
        return " AND ".join(answers)
    try:
        parts = shlex.split(query.replace("'", " ").replace("\\", " "))
    except ValueError:
        parts = query.replace('"', " ").split()
    terms = []
    for part in parts:
        words = re.findall(r"[^\W_]+", spaced(part))
        if words:
            terms.append('"' + " ".join(words) + '" *')
    if not terms:
        return ""
    text = "{prompt text tags name labels} : (" + " AND ".join(terms) + ")"
    return " AND ".join([text, *answers])
