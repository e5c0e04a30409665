"""Words that must not occur, terms and points that must."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from studio.protocol import sentence
from studio.writing.facts.findings import Finding

_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[^\W\d_\u4e00-\u9fff]{3,}|\d[\d.,]*")
_COMMON = frozenset(
    "the and for with from that this are was were has have had not but you your our their its can"
    " will all any per more than into about only also they them who what when which there".split()
)
_STEM = 5
"""Letters of a word by which its forms are known: delivery, delivers, delivered."""


def banned_words(text: str, words: Iterable[str]) -> Iterator[Finding]:
    """Yield each place of a word that must not occur; of overlapping ones the longest."""
    places: list[tuple[int, int]] = []
    folded = text.casefold()
    for word in {word.strip() for word in words}:
        # One pattern of ten thousand words would take a minute.
        if word and word.split()[0].casefold() in folded:
            pattern = re.compile(_pattern(word), re.IGNORECASE)
            places += (found.span() for found in pattern.finditer(text))
    last = 0
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if start >= last:
            last = end
            word = text[start:end]
            message = sentence("“{word}” is one of the words to avoid.", word=word)
            yield Finding("word_banned", word, message, start, end)


def missing_points(text: str, points: Iterable[str]) -> Iterator[Finding]:
    """Yield each point of which less than half of the words, or pairs of characters, occur."""
    known = _parts(text)
    for point in points:
        parts = _parts(point)
        if parts and len(parts & known) * 2 < len(parts):
            message = sentence("The text does not seem to say: “{point}”.", point=point[:200])
            yield Finding("point_missing", point[:200], message, 0, 0)


def missing_terms(brief: str, text: str, glossary: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the terms of a brief whose translations do not occur in the text."""
    for term, wanted in glossary.items():
        if not _occurs(term, brief) or _occurs(wanted, text):
            continue
        message = sentence(
            "“{term}” should be translated as “{wanted}”.", term=term[:200], wanted=wanted[:200]
        )
        place = re.search(_pattern(term), text, re.IGNORECASE)
        start, end = place.span() if place else (0, 0)
        yield Finding("term_missing", text[start:end] or wanted[:200], message, start, end)


def glossary_of(lines: Iterable[str]) -> dict[str, str]:
    """Return the terms of lines such as "term = translation"; other lines are left out."""
    terms = {}
    for line in lines:
        term, sign, wanted = re.sub(r"\s*(?:=>|→|＝|=)\s*", "\0", line, count=1).partition("\0")
        if sign and term.strip() and wanted.strip():
            terms[term.strip()] = wanted.strip()
    return terms


def _occurs(words: str, text: str) -> bool:
    return re.search(_pattern(words), text, re.IGNORECASE) is not None


def _pattern(word: str) -> str:
    """Return a pattern of a word: whole words in scripts with spaces between them."""
    start = r"(?<![^\W\u4e00-\u9fff])" if re.match(r"[^\W\u4e00-\u9fff]", word) else ""
    end = r"(?![^\W\u4e00-\u9fff])" if re.search(r"[^\W\u4e00-\u9fff]$", word) else ""
    return start + r"\s+".join(map(re.escape, word.split())) + end


def _parts(text: str) -> set[str]:
    lower = text.casefold()
    parts = {word[:_STEM] for word in _LATIN.findall(lower) if word not in _COMMON}
    for run in _CHINESE.findall(lower):
        parts |= {run[n : n + 2] for n in range(max(1, len(run) - 1))}
    return parts
