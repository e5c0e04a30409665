"""Find a thing of one kind in place of another: hazelnut for almond, 货车 for 出租车."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure_context import STOP_WORDS, stems
from studio.writing.facts.findings import Finding
from studio.writing.facts.word_groups import groups, pattern_of

_CUT = re.compile(r"[。；;！？!?\n]|\.(?=\s|$)")
_NEAR = 120
_CLOSE = 24
_MOST = 20
_LIST = re.compile(r"[,、，]|\band\b|\bor\b|和|及|与|或|/")


def check_kinds(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield a word of a group that the brief lacks, where it stands in place of another one of
    the group: the draft lacks that one, and what is said around both has words in common."""
    brief, draft = given.text, written.text
    for group in groups():
        here = [thing for thing in group if pattern_of(thing).search(draft)]
        if not here:
            continue
        there = [thing for thing in group if pattern_of(thing).search(brief)]
        new = [thing for thing in here if thing not in there]
        gone = [thing for thing in there if thing not in here]
        if not new or not gone:
            continue
        for thing in new:
            for match in islice(pattern_of(thing).finditer(draft), _MOST):
                said = _replaced(match, draft, gone, brief)
                if said is not None:
                    message = sentence("The brief says “{brief}”.", brief=said)
                    yield Finding("name_changed", match.group(), message, *match.span())
                    break


def _replaced(
    match: re.Match[str], draft: str, gone: list[tuple[str, ...]], brief: str
) -> str | None:
    """Return the word of the brief in whose place a word of the draft stands."""
    mine, near = _around(match, draft)
    best, score = None, 0
    for thing in gone:
        for other in islice(pattern_of(thing).finditer(brief), _MOST):
            theirs, close = _around(other, brief)
            common = len(mine & theirs) + 2 * len(near & close)
            if common > score:
                best, score = other.group(), common
    return best if score >= _LEAST else None


_LEAST = 2


def _around(match: re.Match[str], text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what the words of the sentence around a word are, and those right beside it."""
    start, end = max(0, match.start() - _NEAR), min(len(text), match.end() + _NEAR)
    before = _CUT.split(text[start : match.start()])[-1]
    after = _CUT.split(text[match.end() : end])[0]
    is_chinese = match.group()[0] >= "\u4e00"
    if is_chinese:
        beside = {f"<{before[-1:]}", f">{after[:1]}", f"<<{before[-2:]}", f">>{after[:2]}"}
        beside = {one for one in beside if one[-1] >= "\u4e00"}
    else:
        left, right = re.findall(r"[A-Za-z'’]+", before)[-1:], re.findall(r"[A-Za-z'’]+", after)[:1]
        beside = {f"<{word.casefold()}" for word in left} | {
            f">{word.casefold()}" for word in right
        }
        beside = {one for one in beside if one[1:] not in STOP_WORDS}
    return stems(before + " | " + after), frozenset(beside)
