"""Find quotations that a brief does not have, and those that it has of somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.findings import Finding

_QUOTE = re.compile(r"[“\"「]([^“”\"「」\n]{12,400})[”\"」]")
_SPEECH = re.compile(
    r"\b(?:said|says|say|saying|wrote|writes|added|adds|told|called|explained|commented|remarked"
    r"|according to|joked|warned|insisted|recalled)\b"
    r"|表示|说|称|指出|介绍|认为|强调|坦言|写道|透露|回忆|补充|告诉"
)
_BESIDE = 48
_WORD = re.compile(r"[a-z']+|[\u4e00-\u9fff]|\d+")
_ENOUGH_WORDS = 4
_ENOUGH_CHARACTERS = 8
_KNOWN = 0.6
"""So much of a quotation that was translated or shortened a little is in the brief."""
_MOST = 50


def check_quotes(given: Facts, written: Facts, *, are_alike: bool) -> Iterator[Finding]:
    """Yield what the text quotes and the brief does not say. `are_alike` where both are in one
    language; of others it is asked only whether the brief quotes anybody at all."""
    known = set(_pairs(given.text))
    for number, match in enumerate(_QUOTE.finditer(written.text)):
        if number >= _MOST:
            return
        pairs = list(_pairs(match[1]))
        if not _is_long(match[1]) or not _is_spoken(written.text, match):
            continue
        if are_alike:
            is_new = sum(pair in known for pair in pairs) < _KNOWN * len(pairs)
        else:
            is_new = not re.search(r"[“\"「]", given.text) and not _SPEECH.search(given.text)
        if not is_new:
            yield from _of_another(given.text, written.text, match)
            continue
        message = sentence("The brief does not have this quotation.")
        yield Finding("name_new", match.group(), message, *match.span())


_NAME = re.compile(r"(?<![\w.])[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+){1,2}")
_NEAR = 64


def _of_another(brief: str, draft: str, match: re.Match[str]) -> Iterator[Finding]:
    """Yield the name beside a quotation that stands beside another name in the brief."""
    at = brief.casefold().find(match[1].strip(" .,!?").casefold()[:24])
    if at < 0:
        return
    theirs = brief[max(0, at - _NEAR) : at]
    if not theirs.rstrip(' "“‘').endswith((":", "：")):
        theirs += " | " + brief[at + len(match[1]) :][:_NEAR]
    start, end = max(0, match.start() - _NEAR), match.end() + _NEAR
    beside = [
        name
        for name in _NAME.finditer(draft, start, min(len(draft), end))
        if not match.start() <= name.start() < match.end()
    ]
    known = [name for name in beside if name.group().split()[-1] in theirs]
    if known or not _NAME.search(theirs):
        return
    for name in beside:
        if name.group().split()[-1] in brief:
            around = " ".join(theirs.split(" | ")[0].split())
            message = sentence("The brief says “{brief}”.", brief=around)
            yield Finding("name_changed", name.group(), message, *name.span())


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = _WORD.findall(text.casefold().replace("’", "'"))
    yield from pairwise(words)


def _is_long(quoted: str) -> bool:
    words = _WORD.findall(quoted.casefold())
    is_chinese = any("\u4e00" <= word <= "\u9fff" for word in words)
    return len(words) >= (_ENOUGH_CHARACTERS if is_chinese else _ENOUGH_WORDS)


def _is_spoken(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - _BESIDE) : match.start()]
    after = text[match.end() : match.end() + _BESIDE]
    return bool(_SPEECH.search(before) or _SPEECH.search(after))
