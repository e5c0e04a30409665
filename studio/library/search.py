"""Full-text search over prompts, answers, tags, file names and labels, Chinese included.

SQLite's `unicode61` tokenizer takes a run of Han characters for one word, and its trigram
tokenizer finds nothing shorter than three characters. So text goes into the index with every
CJK character standing alone, and a CJK word is looked up as the phrase of its characters.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable

# Han (with extensions and compatibility forms), kana, hangul syllables, bopomofo.
_CJK = re.compile(
    "([\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])"
)


def spaced(text: str) -> str:
    """Return `text` with spaces around each CJK character, as it goes into the index."""
    return _CJK.sub(r" \1 ", text)


def facts(task: str, model: str, *, starred: bool, tags: Iterable[str]) -> str:
    """Return the words by which the index answers filters, for one asset or one search.

    An empty `task` or `model` gives no word: it is not filtered by.
    """
    words = [f"task{task}"] if task else []
    words += [_fact("model", model)] if model else []
    words += ["starred"] if starred else []
    return " ".join([*words, *(_fact("tag", tag.casefold()) for tag in tags)])


def _fact(kind: str, value: str) -> str:
    return kind + hashlib.sha256(value.encode()).hexdigest()[:16]


def match_expression(query: str, wanted_facts: str = "") -> str:
    """Turn what a person typed into an FTS5 query. "" when nothing can be looked for.

    Every word must be found; the last letters of a word may be missing; "…" is a phrase.
    Nothing in `query` is FTS5 syntax to be obeyed. `wanted_facts` must all be there as well.
    """
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
    return " AND ".join([text, *(f'facts : "{fact}"' for fact in wanted_facts.split())])
