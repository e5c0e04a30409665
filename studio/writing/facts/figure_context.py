"""What the words around a figure say: whether it rose or fell, and what it is about."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

from studio.writing.facts.figure import Figure

_UP = (
    r"\b(?:ros?e|rises?|risen|rising|grew|grows?|grown|growth|growing|increas\w+|up|higher|gain\w*"
    r"|climb\w*|jump\w*|surg\w+|soar\w*|expand\w*|expansion|profits?|improv\w+|rebound\w*)\b"
    r"|增长|增加|增幅|上升|上扬|走高|攀升|升高|上涨|涨幅|提高|提升|上调|回升|反弹|扩大|盈利|净赚|同比增|环比增"
    r"|增至|升至|涨了|增了|多了|高了|(?<![最至许更大差])多(?=\s?$)|(?<!最)[涨升增高](?=\s?\d|\s?$)|高出|多出"
)
_DOWN = (
    r"\b(?:fell|falls?|fallen|falling|drop\w*|declin\w+|decreas\w+|down|lower\w*|shr[aiu]nk\w*"
    r"|shrinking|loss(?:es)?|lost|slip\w*|slump\w*|cut(?:s|ting)?|reduc\w+|plung\w+|contract(?:ed"
    r"|ion)|dip\w*|sank|negative|minus)\b"
    r"|下降|下挫|走低|下行|下跌|下滑|跌幅|降幅|降低|减少|减幅|缩减|回落|萎缩|亏损|净亏|下调|同比降|环比降|降至"
    r"|跌至|负增长|跌了|降了|少了|低了|(?<![最至减缺不多])少(?=\s?$)|零下|(?<!最)[跌降减低](?=\s?\d|\s?$)|低于"
)
_DIRECTIONS = re.compile(f"(?P<up>{_UP})|(?P<down>{_DOWN})", re.IGNORECASE)
_SUBJECTS = re.compile(r"profits?|loss(?:es)?|盈利|亏损", re.IGNORECASE)
"""Words that say a direction and are also what a figure is about."""
_NEITHER = re.compile(
    r"\b(?:up\sto|more\sthan|less\sthan|lower\sthan|higher\sthan|net\sprofits?|gross\sprofits?"
    r"|operating\sprofits?|profits?\s(?:margin|of|and|was|is|at|to|before|after)|the\sprofits?"
    r"|make\sup|made\sup|set\sup|sign\w*\sup|up\sfrom\sbelow|growth\s(?:fund|stock|stage))\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[。；;！？!?\n，,、]|(?<=[a-z\d%)])\.(?=\s|$)|\b(?:while|but|whereas|and|after|as|when|since|because|although)\b|但|而|与此同时"
)

_GAP = re.compile(r"(?<=[\u4e00-\u9fff\d%])\s+(?=[\u4e00-\u9fff]{2})")
"""Between the facts of a Chinese list: 旺季1280元 淡季680元."""
_CLAUSE_LENGTH = 160
_SENTENCE = re.compile(r"[。；;！？!?\n]|(?<=[a-z\d%)])\.(?=\s|$)")

STOP_WORDS = frozenset(
    (
        "a an the of in on at to for from by with and or but as is are was were be been has have"
        " had will would this that these those its their his her our your it they we you he she"
        " than into over after before about more most some all per each year years month months"
        " day days last first next new percent per cent million billion thousand"
    ).split()
)
STOP_CHARACTERS = frozenset(
    "的了在是和与及为将有被把从到对于以而也都已其这那该同比环比年月日元亿万个"
)
_COUNTING = frozenset("一二三四五六七八九十百千两半每次")
_CALENDAR = frozenset(
    (
        "january february march april june july august september october november december"
        " monday tuesday wednesday thursday friday saturday sunday"
        " jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun"
    ).split()
)
_WORD = re.compile(r"\b[A-Za-z]{1,2}-[A-Za-z]{2,}|[A-Za-z][A-Za-z'’]{2,}")
_CHINESE_RUN = re.compile(r"[\u4e00-\u9fff]+")
_CHINESE_AFTER = re.compile(r"^(\s*[\u4e00-\u9fff]{0,4})[\u4e00-\u9fff]*")
"""In Chinese, what a figure is about stands before it."""
_LABEL = re.compile(r"([\u4e00-\u9fff]{2,6})[\s:：]*$")
_WHEN = re.compile(r"(?:用于|[在当对])?([\u4e00-\u9fff]{2,4})[时前后者][，,][^，,。；;\d]{0,8}$")
"""What an introduction says a figure is for: 用于止痛时，不得超过3天."""
_FILLER = re.compile(
    '每[天日晚月年周人]|不得|不能|不要|超过|低于|高于|少于|多于|达到|[为是达约共仅只有由从至到加各时得]|用于|[*"“”]'
)


def in_context(text: str, found: list[Figure]) -> Iterator[Figure]:
    """Give each figure its direction and what the words of its clause are about."""
    cuts = [0, *(match.end() for match in _CLAUSE.finditer(text)), len(text)]
    sentences = [0, *(match.end() for match in _SENTENCE.finditer(text))]
    last: tuple[int, frozenset[str]] = (-1, frozenset())
    for at, figure in enumerate(found):
        clause_start = max(
            cuts[bisect_right(cuts, figure.start) - 1], figure.start - _CLAUSE_LENGTH
        )
        clause_end = min(cuts[bisect_left(cuts, figure.end)], figure.end + _CLAUSE_LENGTH)
        previous = found[at - 1].end if at else 0
        following = found[at + 1].start if at + 1 < len(found) else len(text)
        after = text[figure.end : min(clause_end, following)]
        near_start = max(clause_start, previous)
        direction, place = _direction(
            text, (near_start, figure.start), (figure.end, min(clause_end, following))
        )
        if following < clause_end:
            after = _CHINESE_AFTER.sub(r"\1", after)
        about_start = _with_introduction(text, cuts, clause_start, previous)
        if previous > clause_start and (gap := _GAP.search(text, previous, figure.start)):
            about_start = gap.end()
        if name := _NAME_BEFORE.search(text, max(0, figure.start - 40), figure.start):
            about_start = min(about_start, name.start())
        about = stems(text[about_start : figure.start] + " | " + after)
        sentence_start = bisect_right(sentences, figure.start)
        if not about and last[0] == sentence_start:
            about = last[1]
        last = (sentence_start, about)
        if compared := _COMPARED.match(text, figure.end):
            direction = 1 if compared["up"] else -1
            place = (figure.start, compared.end())
        if figure.direction:
            direction, place = figure.direction, None
        yield msgspec.structs.replace(
            figure,
            direction=direction,
            direction_at=place,
            clause=clause_start,
            period=_period(text, figure, following),
            stems=about,
            label=_label(text[max(0, figure.start - 16) : figure.start]),
        )


_COMPARED = re.compile(
    r"\s(?:[a-z]+\s)?(?:(?P<up>more|higher|larger|longer|heavier|dearer|warmer|above"
    r"|over(?=\s(?:budget|target|plan|the\s(?:budget|target|plan|limit|norm))))"
    r"|(?P<down>less|fewer|lower|smaller|shorter|lighter|cheaper|colder|cooler|below"
    r"|under(?=\s(?:budget|target|plan|the\s(?:budget|target|plan|limit|norm)))))\b(?!\sor\sless)"
)
"""What a figure is compared by: 40 % more, £160,000 over budget."""
_PERIODS = {
    "天": "day",
    "日": "day",
    "周": "week",
    "星期": "week",
    "月": "month",
    "季度": "quarter",
}
_PERIODS |= {"年": "year", "小时": "hour", "晚": "night", "夜": "night"}
_PERIODS |= {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_PERIODS |= {"斤": "jin", "公斤": "kilo", "千克": "kilo", "吨": "tonne", "亩": "mu"}
_PERIODS |= {"annually": "year", "hourly": "hour", "nightly": "night"}
_CHINESE_PERIOD = "天|日|周|星期|月|季度|年|小时|晚|夜|公斤|千克|斤|吨|亩"
_PERIOD_BEFORE = re.compile(
    rf"每({_CHINESE_PERIOD})[只仅约需付收]{{0,2}}$|([年月日周])(?:租金|租|薪|费|供|缴)[为是仅约]?$"
)
_PERIOD_AFTER = re.compile(
    rf"(?:\s?/[^\s/,，。；;]{{1,4}}(?=/))?\s?(?:(?:/|每)\s?({_CHINESE_PERIOD})"
    r"|(?:/\s?|(?:[a-z]+\s)?(?:per|an?|each|every)\s)(day|night|week|month|quarter|year|hour)\b"
    r"|(?:[a-z]+\s)?(daily|weekly|monthly|yearly|annually|hourly|nightly)\b)",
    re.IGNORECASE,
)


def _period(text: str, figure: Figure, following: int) -> str:
    after = _PERIOD_AFTER.match(text, figure.end, following)
    said = after or _PERIOD_BEFORE.search(text[max(0, figure.start - 6) : figure.start])
    if said is None:
        return ""
    word = next(part for part in said.groups() if part).casefold()
    return _PERIODS.get(word, word)


def period_span(text: str, figure: Figure) -> tuple[int, int]:
    """Return where a figure stands with the words that say what period it is for."""
    after = _PERIOD_AFTER.match(text, figure.end)
    near = max(0, figure.start - 6)
    before = _PERIOD_BEFORE.search(text[near : figure.start])
    start = near + before.start() if before else figure.start
    return start, after.end() if after else figure.end


_NAME_BEFORE = re.compile(r"(?:[A-Z][\w'’-]+ ){0,2}[A-Z][\w'’-]+(?:,| \() ?$")
_INTRODUCTION = re.compile(r"\s*(?:[A-Za-z'’]+\s){0,2}[A-Za-z'’]+,|[\u4e00-\u9fff]{2,7}[，,]")


def _with_introduction(text: str, cuts: list[int], start: int, previous: int) -> int:
    """Return where a clause begins, with the few words before its comma: "Last time, 104 came"."""
    before = cuts[bisect_left(cuts, start) - 1] if start else 0
    is_short = previous <= before and _INTRODUCTION.fullmatch(text[before:start].rstrip(" "))
    return before if is_short else start


def _direction(text: str, *spans: tuple[int, int]) -> tuple[int, tuple[int, int] | None]:
    """Return whether the words say up (1) or down (-1), 0 for neither or both, and where."""
    found: dict[int, tuple[int, int]] = {}
    for start, end in spans:
        part = _NEITHER.sub(lambda match: " " * len(match.group()), text[start:end])
        for match in _DIRECTIONS.finditer(part):
            place = (start + match.start(), start + match.end())
            found.setdefault(1 if match["up"] else -1, place)
    if len(found) != 1:
        return 0, None
    ((direction, place),) = found.items()
    return direction, place


def _label(before: str) -> frozenset[str]:
    run = _WHEN.search(before) or _LABEL.search(_FILLER.sub("", before))
    if run is None:
        return frozenset()
    return frozenset(run[1][at : at + 2] for at in range(len(run[1]) - 1))


def stems(text: str) -> frozenset[str]:
    """Return what the words of a text are about, without those that say up or down."""
    plain = _DIRECTIONS.sub(
        lambda match: match.group() if _SUBJECTS.fullmatch(match.group()) else " ", text
    )
    english = {
        stem(word)
        for word in map(str.casefold, _WORD.findall(plain))
        if word not in STOP_WORDS | _CALENDAR
    }
    chinese = set()
    for run in _CHINESE_RUN.findall(plain):
        for at in range(len(run) - 1):
            if not (STOP_CHARACTERS | _COUNTING) & set(run[at : at + 2]):
                chinese.add(run[at : at + 2])
    return frozenset(english | chinese)


def stem(word: str) -> str:
    """Return an English word without its commonest endings, so that goal and goals are one."""
    for ending, least in (("ies", 2), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word
