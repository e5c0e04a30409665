"""Find who does what to whom the other way round: Hook succeeds Pratt, for Pratt Hook."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.findings import Finding

_NAME = r"[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+){0,2}"
_VERBS = (
    r"tak(?:es?|ing|en) over from|took over from|succeed(?:s|ed|ing)?|replac(?:es|ed|ing)",
    r"(?:buys|bought|acquir(?:es|ed)|takes over|took over|is buying)(?! from)",
    r"(?:sells|sold) to|hands? over to|handed over to|lends to|lent to|pays|paid|owes",
    r"su(?:es|ed)|accus(?:es|ed)|appoint(?:s|ed)|nominat(?:es|ed)|invit(?:es|ed)",
    r"beats?|defeat(?:s|ed)|lost to|won against",
)
_CHINESE_VERBS = ("接替|取代", "收购|并购", "起诉|状告|控告", "转让给|出售给|卖给|支付给|付给")
_BETWEEN = r"[^.;。；\n\d]{0,24}?"
_SMALL = r"[^.;\nA-Z\d]{0,24}?"
_MOST = 20


def check_relations(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield a verb whose two names stand in the other order in the brief."""
    for verb in _VERBS:
        pattern = re.compile(
            rf"(?P<one>{_NAME})(?: \([^()]*\))?,?{_SMALL}\b(?:{verb})\b{_BETWEEN}(?P<other>{_NAME})"
        )
        yield from _turned(pattern, given.text, written.text)
    people = sorted({name.text for name in given.names if name.text in written.text}, key=len)
    chinese = [name for name in people if "\u4e00" <= name[0] <= "\u9fff"][-_MOST:]
    if len(chinese) > 1:
        name = "|".join(map(re.escape, reversed(chinese)))
        for verb in _CHINESE_VERBS:
            pattern = re.compile(f"(?P<one>{name}){_BETWEEN}(?:{verb}){_BETWEEN}(?P<other>{name})")
            yield from _turned(pattern, given.text, written.text)


def _turned(pattern: re.Pattern[str], brief: str, draft: str) -> Iterator[Finding]:
    known = {
        (_last(match["one"]), _last(match["other"])): match.group()
        for match in pattern.finditer(brief)
    }
    for match in pattern.finditer(draft):
        pair = (_last(match["one"]), _last(match["other"]))
        said = known.get(pair[::-1])
        if said is None or pair in known or pair[0] == pair[1]:
            continue
        message = sentence("The brief has it the other way round: “{brief}”.", brief=said)
        yield Finding("name_changed", match.group(), message, *match.span())


def _last(name: str) -> str:
    return name.split()[-1]
