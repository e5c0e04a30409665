"""The words of a prompt as a model knows them: in English and Chinese, also misspelled."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Set
from functools import cache
from pathlib import Path

from msgspec import Struct

from studio.formats.icons import chinese, names

_RUNS = re.compile(r"[\u4e00-\u9fff]+|[a-z0-9]+(?:['’-][a-z0-9]+)*|[^\s\u4e00-\u9fffa-z0-9]+")
_JOINING = frozenset(
    "a an the with of and or for to my your his her its some this that is as by from please draw "
    "make show icon icons".split()
)
"""Words that say nothing of what is drawn; one of them alone is a prompt."""
_STYLES = frozenset("line outline outlined stroke thin light regular bold rounded sharp".split())
_ONLY_STYLES = _STYLES - frozenset("line light stroke bold".split())
"""Words of style that name no thing: they are left out beside a thing."""
_SHORTEST_MISSPELLED = 5
"""Letters of a word that may be misspelled; in shorter ones every letter makes another word."""
_NEAR = 0.84
"""How like a known word a misspelled one has to be, as a share of their letters."""
_LONGEST_WORD = 40


class Reading(Struct, frozen=True):
    """What a prompt says to a model.

    Attributes:
        known: words that the model knows, in order, each once.
        replaced: words that it does not know, each with the known one that stands for it.
        unknown: parts of the prompt that are left out.
        is_style: whether the prompt has words of style and no others.
    """

    known: tuple[str, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    is_style: bool = False


def read_prompt(text: str, known: Set[str]) -> Reading:
    """Return the words of a prompt that a model with the words `known` can draw."""
    found: list[str] = []
    unknown: list[str] = []
    for run in _runs(text):
        if chinese.is_chinese(run):
            words, rest = chinese.words_of(run, _chinese())
            found.extend(words)
            unknown.extend([rest] if rest else [])
        elif run[0].isascii() and run[0].isalnum():
            found.extend(_english(run))
        elif any(unicodedata.category(character)[0] in "LNS" for character in run):
            unknown.append(run)
    if len(found) > 1:
        found = [word for word in found if word not in _JOINING] or found[:1]
    if found and not unknown and _STYLES.issuperset(found):
        return Reading(is_style=True)
    used: dict[str, None] = {}
    replaced: dict[str, str] = {}
    for word in found:
        if word in _ONLY_STYLES:
            continue
        near = _known_word(word, known)
        if near is None:
            unknown.append(word)
            continue
        used[near] = None
        if near != word and names.similar(word, frozenset({near})) is None:
            replaced[word] = near
    return Reading(tuple(used), tuple(replaced.items()), tuple(dict.fromkeys(unknown)))


def _runs(text: str) -> list[str]:
    """Return the words of a text in lower case, without accents, and what is between them."""
    parts = unicodedata.normalize("NFKD", text)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return _RUNS.findall(plain.lower())


def _english(run: str) -> tuple[str, ...]:
    # The number of an icon in its set is left out of names, and is a thing in a prompt.
    if run.isdigit():
        return (run,) if len(run) < 3 else ()
    run = run.replace("'s", "").replace("’s", "")
    return names.words_of(run[: 4 * _LONGEST_WORD])


def _known_word(word: str, known: Set[str]) -> str | None:
    if word in known:
        return word
    similar = names.similar(word, known)
    if similar is not None:
        return similar
    meant = _synonyms().get(word) or _synonyms().get(word.removesuffix("s"))
    if meant is not None and meant in known:
        return meant
    # A word with a Chinese name is no other word misspelled, as tiger is none of tier.
    if _SHORTEST_MISSPELLED <= len(word) <= _LONGEST_WORD and word not in _named_in_chinese():
        # The first letter is nearly never the wrong one, and there are fewer words to compare.
        alike = [each for each in known if each[:1] == word[:1] and abs(len(each) - len(word)) < 3]
        return next(iter(difflib.get_close_matches(word, sorted(alike), 1, _NEAR)), None)
    return None


@cache
def _chinese() -> dict[str, str]:
    return chinese.load()


@cache
def _named_in_chinese() -> frozenset[str]:
    return frozenset(_chinese().values())


@cache
def _synonyms() -> dict[str, str]:
    """Return words with the word of icons that shows the same thing, or a near one."""
    table: dict[str, str] = {}
    lines = Path(__file__).with_name("words_near.txt").read_text("utf-8").splitlines()
    for line in lines:
        word, *others = line.split()
        for other in others:
            table.setdefault(other, word)
    return table
