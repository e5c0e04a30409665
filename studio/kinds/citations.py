"""Which passages the statements of an answer rest on: as the model says, or by their words.

Small models forget to cite, and cite what they were not shown. A number that there is not is left
as text; a sentence without any gets the passage that has most of its words, if it has enough.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.kinds.sources import Source, numbered

By: TypeAlias = Literal["model", "words"]

_CITED = re.compile(r"\[(\d{1,3}(?:\s?[,，、;]\s?\d{1,3}){0,9})\]")
_SENTENCE = re.compile(
    r"[^.!?。！？\n]*(?:[.!?](?=\s|$|\[)|[。！？]|\n|$)(?:[ ]?\[[\d,，、; ]{1,40}\]){0,9}"
)
_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_ENOUGH = 0.6
"""Of the weight of a sentence's words that a passage has."""
_LEAST_WORDS = 3
_MAX_SENTENCES = 400


class Citation(Struct, frozen=True):
    """Numbers of passages for the statement that ends at `end` of the answer.

    Where the model gave them, `start` to `end` is what it wrote; else both are the same.
    """

    start: int
    end: int
    numbers: tuple[int, ...]
    by: By


def cite(answer: str, sources: Sequence[Source]) -> tuple[Citation, ...]:
    """Return the citations of an answer in their order."""
    passages = {number: _terms(passage.text) for number, _, passage in numbered(sources)}
    if not passages:
        return ()
    found = [
        Citation(match.start(), match.end(), numbers, "model")
        for match in _CITED.finditer(answer)
        if (numbers := tuple(n for n in _numbers(match[1]) if n in passages))
    ]
    frequency = Counter(term for terms in passages.values() for term in terms)
    for count, match in enumerate(_SENTENCE.finditer(answer)):
        if count > _MAX_SENTENCES:
            break
        if not match[0].strip() or any(match.start() <= c.start <= match.end() for c in found):
            continue
        number = _nearest(_terms(match[0]), passages, frequency)
        if number:
            end = match.start() + len(match[0].rstrip())
            found.append(Citation(end, end, (number,), "words"))
    return tuple(sorted(found, key=lambda citation: citation.end))


def with_numbers(answer: str, sources: Sequence[Source]) -> str:
    """Return an answer with [1] after the statements whose passage is found by words."""
    for citation in reversed(cite(answer, sources)):
        if citation.by == "words":
            mark = "".join(f"[{number}]" for number in citation.numbers)
            answer = f"{answer[: citation.end]} {mark}{answer[citation.end :]}"
    return answer


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _nearest(
    terms: frozenset[str], passages: dict[int, frozenset[str]], frequency: Counter[str]
) -> int:
    if len(terms) < _LEAST_WORDS:
        return 0
    weights = {term: math.log(1 + len(passages) / (1 + frequency[term])) + 0.1 for term in terms}
    total = sum(weights.values())
    best, number = max(
        (sum(weights[term] for term in terms & there), -number)
        for number, there in passages.items()
    )
    return -number if best >= _ENOUGH * total else 0


def _terms(text: str) -> frozenset[str]:
    """Return the words of a text, and the pairs of Chinese characters."""
    terms: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if _CJK.search(word):
            terms |= {word[at : at + 2] for at in range(len(word) - 1)}
        elif len(word) > 2 or word.isdecimal():
            # Plurals and other endings count as the same word.
            terms.add(word[:6])
    return frozenset(terms)
