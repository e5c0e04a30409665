"""Find statements that a text turns into their opposite: closed for open, 提前 for 晚."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure_context import stem
from studio.writing.facts.findings import Finding


def _axis(one: str, other: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE)


_AXES = (
    _axis(
        r"\b(?:ros?e|risen|rising|grew|grown|increas\w+|climb\w*|up by|went up|gain(?:ed|s)"
        r"|widen\w*)\b"
        r"|上涨|上升|增长|增加|提高|走高|攀升|回升|扩大|[小大]涨|看涨|变多",
        r"\b(?:fell|fallen|falling|drop(?:ped|s)?|declin\w+|decreas\w+|went down"
        r"|slipped|shr[aiu]nk|lower(?:ed)?"
        r"|narrow\w*)\b|下跌|下降|减少|降低|走低|下滑|回落|缩小|[小大]跌|看跌|变少",
    ),
    _axis(
        r"提前|提早|早于|领先",
        r"推迟|延后|延期|晚于|落后|滞后|(?<!早)晚(?=了?\s?[\d一二两三四五六七八九十半])",
    ),
    _axis(
        r"\b(?:earlier|early|ahead of schedule)\b", r"\b(?:later|late|behind schedule|delayed)\b"
    ),
    _axis(r"\bmore\b(?!\sthan)", r"\b(?:less|fewer)\b(?!\sthan)"),
    _axis(r"\bopens?\b|\bopened\b", r"\b(?:clos(?:es|ed|e)|shut)\b"),
    _axis(r"开放|营业|开门", r"关闭|停业|闭馆|歇业|关门|不开放"),
    _axis(
        r"\b(?:approv\w+|accept\w*|granted|passed|backed)\b",
        r"\b(?:refus\w+|reject\w*|declin\w+|turned down|opposed)\b",
    ),
    _axis(r"通过(?=了|[，。；]|审|验)|批准|同意|获批", r"未通过|否决|驳回|不同意|不予"),
    _axis(
        r"\bfree(?: of charge)?\b|\bno charge\b|\bat no cost\b",
        r"\b(?:charged|fees?|paid|pay)\b(?!\s(?:nothing|no\b))",
    ),
    _axis(r"免费|不收费|免收", r"收费|付费|须付|需付"),
    _axis(
        r"\bincluded?\b|\bincluding\b|\bincludes\b", r"\bexclud\w+\b|\bexcept\b|\bnot included\b"
    ),
    _axis(r"\b(?:north|northern)\b", r"\b(?:south|southern)\b"),
    _axis(r"\b(?:upper)\b", r"\b(?:lower)\b"),
    _axis(r"\bleft\b(?!\s(?:for|the|over|in))", r"\bright\b(?!\s(?:to|now|away))"),
    _axis(r"只进不出", r"只出不进"),
    _axis(r"\bindoors?\b|\binside\b", r"\boutdoors?\b|\boutside\b"),
    _axis(r"受影响(?<!不受影响)", r"不受影响|不影响"),
    _axis(r"\bolder|\belder|\boldest|\beldest", r"\byounger|\byoungest"),
    _axis(r"\bfastest\b|\bquickest\b", r"\bslowest\b"),
    _axis(r"\b(?:cheapest|lowest)\b", r"\b(?:dearest|most expensive|highest)\b"),
    _axis(r"\b(?:largest|biggest|longest|tallest)\b", r"\b(?:smallest|shortest)\b"),
    _axis(r"最[快高大多长贵好]", r"最[慢低小少短差]|最便宜"),
    _axis(
        r"\b(?:admitted|pleaded guilty|confessed)\b",
        r"\b(?:denied|pleaded not guilty|after a trial)\b",
    ),
    _axis(r"\b(?:won|winner|victory|wins)\b", r"\b(?:lost|loser|defeat|loses)\b"),
    _axis(r"判[^，。]{0,8}胜|获胜|取胜|战胜", r"判[^，。]{0,8}负|落败|告负|失利"),
    _axis(
        r"\b(?:stable|unhurt|unharmed|uninjured)\b|\bno one (?:was )?hurt\b",
        r"\bcritical\b|\bkilled\b|\bdied\b",
    ),
    _axis(r"\b(?:mostly|most of|many of|some of)\b", r"\ball of them\b|\bevery one\b|\bnone of\b"),
    _axis(
        r"\bunchanged\b|\bsame as\b|\bstays? at\b|不变|持平",
        r"\b(?:raised|increased|cut) (?:to|by)\b|上调|下调",
    ),
    _axis(r"\bpublic\b", r"\bprivate\b"),
    _axis(r"自愿", r"强制|必须"),
    _axis(r"首次|第一次", r"再次|又一次|第二次"),
    _axis(r"盈利|净赚", r"亏损|净亏"),
)
_CUT = re.compile(r"[。；;，,！？!?\n()（）]|\.(?=\s|$)|\b(?:but|and|while|whereas|though)\b|但|而")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’]{3,}")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_FIGURE = re.compile(r"\d|[一二三四五六七八九]成|百分")
_PLAIN = frozenset(
    "that this with from were been have will would their there they them than then when what which"
    " into over after before about more most some each last first next year years month months day"
    " days week weeks time said says also only very".split()
)
_MOST = 120
_LONG = 20_000


class _Clause(Struct, frozen=True):
    start: int
    end: int
    words: frozenset[str]


def check_poles(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield words whose opposite the brief says in the clause that is most like this one."""
    if len(given.text) > _LONG or len(written.text) > _LONG:
        return
    theirs, mine = _clauses(given.text)[:_MOST], _clauses(written.text)[:_MOST]
    often: dict[str, int] = {}
    for clause in theirs:
        for word in clause.words:
            often[word] = often.get(word, 0) + 1
    for at, pair in enumerate(_AXES):
        for said, opposite in (pair, pair[::-1]):
            if not opposite.search(given.text):
                continue
            of_brief = [
                clause
                for clause in theirs
                if opposite.search(given.text, clause.start, clause.end)
                and not said.search(given.text, clause.start, clause.end)
            ]
            same = [
                clause for clause in theirs if said.search(given.text, clause.start, clause.end)
            ]
            for clause in mine:
                match = said.search(written.text, clause.start, clause.end)
                if match is None or opposite.search(written.text, clause.start, clause.end):
                    continue
                if at == 0 and _FIGURE.search(written.text, clause.start, clause.end):
                    continue  # What a figure says of rising and falling is compared with it.
                meant = max(of_brief, key=lambda one: _likeness(clause, one, often), default=None)
                if meant is None or _likeness(clause, meant, often) < 1:
                    continue
                if any(clause.words & one.words for one in same):
                    continue
                brief = given.text[meant.start : meant.end].strip()
                message = sentence("The brief says “{brief}”.", brief=brief)
                yield Finding("name_changed", match.group(), message, *match.span())


def _likeness(one: _Clause, other: _Clause, often: dict[str, int]) -> float:
    """Return how many words the clauses share that the brief has nowhere else, and a part for
    each of the others."""
    common = one.words & other.words
    own = sum(often[word] == 1 for word in common)
    return own + 0.4 * (len(common) - own)


def _clauses(text: str) -> list[_Clause]:
    found = []
    start = 0
    for cut in _CUT.finditer(text):
        found.append(_clause(text, start, cut.start()))
        start = cut.end()
    found.append(_clause(text, start, len(text)))
    return [clause for clause in found if clause.words]


def _clause(text: str, start: int, end: int) -> _Clause:
    part = text[start:end]
    for one, other in _AXES:
        part = other.sub(" ", one.sub(" ", part))
    words = {stem(word) for word in map(str.casefold, _WORD.findall(part)) if word not in _PLAIN}
    for run in _HAN.findall(part):
        words |= {run[at : at + 2] for at in range(len(run) - 1)}
    return _Clause(start, end, frozenset(words))
