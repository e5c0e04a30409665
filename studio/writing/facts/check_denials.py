"""Find what a brief plainly denies and a text affirms: 血压也能测 for 不能测血压."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure_context import stems
from studio.writing.facts.findings import Finding

_DENIES = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|without|cannot|[a-z]+n['’]t|nor|neither|except|excluding"
    r"|excluded|free|unable|un[a-z]{4,}|in[a-z]{6,}ble|non|ban\w*|forbid\w*|prohibit\w*|stop\w*"
    r"|avoid\w*|off|out|keep\w*|kept|stay\w*|only|refus\w+|reject\w+|deni\w+|fail\w*|lack\w*|lost"
    r"|miss\w*|steer|clear|close[ds]?|shut|own|home|few|little|hardly|other|instead|rather|away"
    r"|exempt|spared|waived|safe|separate\w*|extra|leave|left|end\w*|bar\w*|prevent\w*|yourself"
    r"|untouched|still|yet|resist|sorry|[a-z]+-free|[a-z]+less)\b"
    r"|[不无未没非勿禁别免忌停缺拒莫休少断空]|除|以外|自备|自理|谢绝|取消|避|另|只|仅|才|远离|防|待|难|误",
    re.IGNORECASE,
)
_PLAINLY = re.compile(
    r"\b(?:no|not|never|cannot|can['’]t|don['’]t|doesn['’]t|isn['’]t|aren['’]t|wasn['’]t)\s"
    r"(?!more\b|less\b|only\b|later\b|earlier\b|longer\b|\d)"
    r"|不(?:能|可|得|宜|要|含|包括|包含|参加|允许|适合|支持|提供|受|带|用|接受|延长|退|换|会)"
    r"|(?:请勿|切勿|严禁|禁止|没有|无需|未(?!来|成年|满))",
    re.IGNORECASE,
)
_CUT = re.compile(r"[。；;，,：:！？!?\n()（）]|\.(?=\s|$)|\bbut\b|但")
_END = re.compile(r"[。！？!?\n；;]|\.(?=\s|$)")
_SCOPE = 40
_MOST = 60


class _Denial(Struct, frozen=True):
    """What a brief denies: its clause, and the words that stand nowhere else in the brief."""

    said: str
    words: frozenset[str]


def check_denials(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield clauses of the draft that speak of what the brief denies, in sentences without any
    word that could deny it."""
    if len(given.text) > _LONG or len(written.text) > _LONG:
        return
    for denial in list(_denials(given.text))[:_MOST]:
        said_of_it = []
        for start, end in _clauses(written.text):
            words = stems(written.text[start:end])
            common = len(words & denial.words)
            if common and common >= _SHARE * len(denial.words):
                said_of_it.append((start, end))
        if not said_of_it or any(_may_deny(written.text, *place) for place in said_of_it):
            continue
        for start, end in said_of_it:
            text = written.text[start:end]
            start, end = start + len(text) - len(text.lstrip()), start + len(text.rstrip())
            message = sentence("The brief says “{brief}”.", brief=denial.said)
            yield Finding("name_changed", written.text[start:end], message, start, end)


_LONG = 20_000
_SHARE = 0.5


def _denials(text: str) -> Iterator[_Denial]:
    for match in _PLAINLY.finditer(text):
        cut = _CUT.search(text, match.end())
        end = min(cut.start() if cut else len(text), match.end() + _SCOPE)
        scope = stems(text[match.end() : end])
        start = max((one.end() for one in _CUT.finditer(text, 0, match.start())), default=0)
        rest = text[: match.start()] + " | " + text[end:]
        own = frozenset(word for word in scope if not _stands(word, rest))
        if not own:
            own = stems(text[start : match.start()])
            own = frozenset(word for word in own if not _stands(word, text[:start] + text[end:]))
        if own:
            yield _Denial(text[start:end].strip(), own)


def _stands(word: str, text: str) -> bool:
    return word in text.casefold()


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in _CUT.finditer(text):
        yield start, cut.start()
        start = cut.end()
    yield start, len(text)


def _may_deny(text: str, start: int, end: int) -> bool:
    """Return whether the sentence of a clause has a word that denies something."""
    first = max((one.end() for one in _END.finditer(text, 0, start)), default=0)
    last = _END.search(text, end)
    return bool(_DENIES.search(text, first, last.start() if last else len(text)))
