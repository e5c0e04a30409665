"""Find where a text lets the loser of the brief's match win, or the winner lose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.findings import Finding

_LATIN = r"[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*){0,2}"
_HAN = r"[\u4e00-\u9fff]{2,7}"
_SCORES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<one>{_LATIN}) (?P<a>\d{{1,3}})[,;]? (?P<other>{_LATIN}) (?P<b>\d{{1,3}})"
        r"(?!\d|%|\.\d)",
        rf"(?P<one>{_LATIN}) (?P<a>\d{{1,3}})\s?[-–:]\s?(?P<b>\d{{1,3}}) (?P<other>{_LATIN})",
        rf"(?P<one>{_HAN})\s?(?P<a>\d{{1,3}})\s?[-–:比]\s?(?P<b>\d{{1,3}})\s?(?P<other>{_HAN})",
    )
)
_WINS = (
    r"[^\n。，,；;.]{0,16}?(?:\b(?:won|wins?|beats?|beat|defeat(?:ed|s)|edged|overcame|thrashed"
    r"|saw off)\b"
    r"|战胜|击败|力克|大胜|险胜|完胜|轻取|取胜|获胜|力压)"
)
_LOSES = (
    r"[^\n。，,；;.]{0,16}?(?:\b(?:lost|loses?|went down|fell to|(?:was|were) beaten)\b"
    r"|不敌|负于|输给|惜败|告负|落败)"
)

_MOST = 20
"""So many scores of a brief are looked at."""


def check_results(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield a verb of winning said of the loser, and one of losing said of the winner."""
    for pattern in _SCORES:
        for match in islice(pattern.finditer(given.text), _MOST):
            first, second = int(match["a"]), int(match["b"])
            if first == second:
                continue
            sides = (match["one"], match["other"])
            winner, loser = sides if first > second else sides[::-1]
            for side, other, verb in ((loser, winner, _WINS), (winner, loser, _LOSES)):
                yield from _wrong(match.group(), written.text, (side, other), verb)


def _wrong(result: str, draft: str, sides: tuple[str, str], verb: str) -> Iterator[Finding]:
    side, other = sides
    for match in re.finditer(re.escape(side) + verb, draft):
        if other in match.group() or "被" in match.group() or " by " in match.group():
            continue
        message = sentence("The brief says “{brief}”.", brief=result)
        yield Finding("name_changed", match.group(), message, *match.span())
