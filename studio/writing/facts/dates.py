"""The dates and times of a text, in English and Chinese, as far as they are said."""

from __future__ import annotations

import re

from msgspec import Struct

from studio.writing.facts.numerals import chinese_value

_MONTHS = "january february march april may june july august september october november december"
_MONTH_NUMBERS = {name: at for at, name in enumerate(_MONTHS.split(), 1)}
_MONTH_NUMBERS |= {name[:3]: at for name, at in _MONTH_NUMBERS.items()} | {"sept": 9}
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_SHORT = "|".join(
    name for name in _MONTH_NUMBERS if len(name) <= 4 and name not in ("may", "june", "july")
)
_MONTH = rf"(?:(?:{'|'.join(_MONTHS.split())})\b|(?:{_SHORT})\b\.?)"
_SHORT_DAYS = {
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
    "sat": 5,
    "sun": 6,
}
CHINESE_DAYS = {day: at for at, day in enumerate("一二三四五六日")} | {"天": 6}
_CHINESE = "零〇一二三四五六七八九十"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_YEAR = r"(?:1[5-9]\d{2}|20\d{2}|21\d{2})"


class Moment(Struct, frozen=True):
    """A date or time as far as the text says it; None is what it leaves open.

    `hour` is 0 to 23. `is_half_day_open` where "8:30" may be in the morning or in the evening.
    """

    start: int
    end: int
    year: int | None = None
    quarter: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None
    is_half_day_open: bool = False
    is_end: bool = False
    """Whether it is the end of a term that a brief does not say itself."""
    alternative: tuple[int, int] | None = None
    """Month and day the other way round: 05/03 may be May or March."""


_CLOCK_HOURS = "one two three four five six seven eight nine ten eleven twelve midnight".split()
_CLOCK_MINUTES = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25}
FIELDS = ("year", "quarter", "month", "day", "weekday", "hour", "minute")


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_PATTERNS = (
    _pattern(rf"(?<!\d)(?P<year>{_YEAR})[-/.](?P<month>1[0-2]|0?[1-9])[-/.](?P<day>{_DAY})(?!\d)"),
    _pattern(
        rf"(?:(?P<year>\d{{4}}|[{_CHINESE}]{{4}})\s?年\s?)?"
        rf"(?P<month>1[0-2]|0?[1-9]|[{_CHINESE}]{{1,2}})\s?月份?(?!球|饼|亮|光|台)"
        rf"(?:\s?(?P<day>{_DAY}|[{_CHINESE}]{{1,3}})(?:\s?[日号]|(?=\s?[-~至到]\s?{_DAY}\s?[日号])))?"
    ),
    _pattern(
        rf"(?:(?P<year>\d{{4}}|[{_CHINESE}]{{4}})\s?年\s?)?第?(?P<quarter>[1-4一二三四])\s?季度?"
    ),
    _pattern(rf"(?<![\d{_CHINESE}])(?P<year>\d{{4}}|[{_CHINESE}]{{4}})\s?年(?!级|代)"),
    _pattern(
        rf"(?<![\d{_CHINESE}第])(?P<day>{_DAY})\s?(?:日(?!内|游|间|线|之内|元|本)"
        rf"|号(?![至到]\d+号?[楼线店库桌座区])(?=[前后至到起晚早上下中开截止之那这\s，。、；,;.:!?()及和与或当]|周[一二三四五六日]|$))"
    ),
    _pattern(
        rf"\b(?P<day>{_DAY})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})(?:,?\s+(?P<year>{_YEAR})\b)?"
    ),
    _pattern(
        rf"\b(?P<month>{_MONTH})\s+(?P<day>{_DAY})(?:st|nd|rd|th)?\b(?!\.\d)(?:,?\s+(?P<year>{_YEAR})\b)?"
    ),
    _pattern(
        rf"(?:\b(?:the|on|to|until|by)\s|(?<=(?:st|nd|rd|th)\sand\s))"
        rf"(?:the\s)?(?P<day>{_DAY})(?:st|nd|rd|th)\b"
        r"(?=[.,;:!?)]|\s(?:and|or|to|until|at|is|are|was|were|will|for|with|from)\b|\s*$)"
    ),
    _pattern(rf"(?<!\d)(?P<first>{_DAY})/(?P<second>{_DAY})/(?P<year>{_YEAR})(?!\d)"),
    _pattern(rf"(?<=[至到])(?P<day>[{_CHINESE}]{{1,3}})[日号]"),
    _pattern(r"(?<![\d/])(?P<month>0?[1-9]|1[0-2])/(?P<year>20\d\d)(?![\d/])"),
    _pattern(rf"\b(?P<month>{_MONTH}),?\s+(?P<year>{_YEAR})\b"),
    _pattern(
        rf"\b(?:Q(?P<quarter>[1-4])|(?P<quarter_word>first|second|third|fourth)[\s-]quarter)\b"
        rf"(?:\s+(?:of\s+)?(?P<year>{_YEAR})\b)?"
    ),
    _pattern(rf"\b(?P<month>{_MONTH})(?<!may)(?<!march)(?<!mar)(?<!sec)\b"),
    _pattern(
        r"(?P<half>凌晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚|夜里)?\s?"
        rf"(?<![\d.])(?P<hour>[01]?\d|2[0-4]|[{_CHINESE}两]{{1,3}})\s?[点时](?!候|间|尚|装|代|钟的|评|赞|击|子|心)"
        rf"(?:(?P<half_hour>半)|(?P<minute>[0-5]?\d|[{_CHINESE}]{{1,3}})\s?分|(?P<quarters>[一三])刻|钟|整)?"
    ),
    _pattern(
        r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?![\d%:]|\.\d)"
        r"\s?(?P<half>[ap]\.?m\b\.?)?"
    ),
    _pattern(
        r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)(?![\d%])\s?"
        r"(?P<half>[ap]\.?m\b\.?)"
    ),
    _pattern(r"\b(?P<hour>1[0-2]|[1-9])\s?(?P<half>[ap]\.?m\b\.?)"),
    _pattern(r"\b(?P<hour>1[0-2]|[1-9])\s?o['’]clock\b"),
    _pattern(
        r"(?<=\bat\s)(?P<hour>1\d|2[0-3]|[1-9])\.(?P<minute>[0-5][05])(?![\d%]|\s?(?:per|percent|points|[a-z]+s)\b)"
    ),
    _pattern(
        r"(?<!from\s)(?<!between\s)\b(?P<clock>half|quarter|five|ten|twenty|twenty-five)(?:\sminutes)?\s(?P<side>past|to)\s"
        rf"(?P<clock_hour>{'|'.join(_CLOCK_HOURS)})\b(?:\s(?P<half>[ap]\.?m\b\.?))?"
    ),
    _pattern(
        r"\b(?P<noon>noon|midday|midnight)\b|(?P<chinese_noon>正午|午夜|零点(?![一二三四五六七八九\d]))"
    ),
    _pattern(rf"\b(?P<weekday_word>{'|'.join(_WEEKDAYS)})s?\b"),
    _pattern(
        r"(?:星期|(?<!每)周|礼拜|每周)(?P<weekday>[一二三四五六日天])(?!年|期|报|刊|次|天|节|场|回|遍|篇|课)"
    ),
    re.compile(r"\b(?P<short_weekday>Mon|Tues?|Wed|Thurs?|Thur?|Fri|Sat|Sun)\b(?!['’])"),
    _pattern(
        rf"(?<![A-Za-z_\d.,$¥€£#])(?P<year>{_YEAR})(?![A-Za-z_\d]|[.,]\d|%|\s?(?![到至])[\u4e00-\u9fff\d])"
    ),
)
_LISTED_DAYS = re.compile(
    "(?:星期|周|礼拜)([一二三四五六日天](?:[、,和及与][一二三四五六日天])+)(?![个次天号层楼月年小\\d])"
)
_COUNTED_AFTER_YEAR = re.compile(
    r"\s(?:people|persons|items?|units?|employees|students|pieces|copies|words|characters|visitors"
    r"|tickets|square|metres?|meters?|km|kg|tonnes?|tons?|dollars|euros|yuan|jobs|shops?|stores?)\b"
)
_QUARTERS = ("first", "second", "third", "fourth")


def moments(text: str) -> tuple[Moment, ...]:
    """Return the dates and times of a text that went through `plain_digits`, in order."""
    found: list[Moment] = []
    covered = bytearray(len(text))
    for at, pattern in enumerate(_PATTERNS):
        for match in pattern.finditer(text):
            start, end = match.span()
            end -= match.group().endswith(".")
            if any(covered[start:end]):
                continue
            if at == len(_PATTERNS) - 1 and _COUNTED_AFTER_YEAR.match(text, end):
                continue
            if (moment := _moment(match)) is not None:
                found.append(moment)
                covered[start:end] = b"\1" * (end - start)
    for match in _LISTED_DAYS.finditer(text):
        found += [
            Moment(at, at + 1, weekday=CHINESE_DAYS[text[at]])
            for at in range(match.start(1) + 1, match.end(1))
            if text[at] in CHINESE_DAYS and not covered[at]
        ]
    return tuple(sorted(found, key=lambda moment: moment.start))


def _moment(match: re.Match[str]) -> Moment | None:
    said = {name: value for name, value in match.groupdict().items() if value}
    start, end = match.start() + len(match.group()) - len(match.group().lstrip()), match.end()
    end -= match.group().endswith(".")
    if "first" in said:
        first, second = int(said["first"]), int(said["second"])
        if first > 12:
            first, second = second, first
        if first > 12:
            return None
        other = (second, first) if second <= 12 else None
        return Moment(
            start, end, year=int(said["year"]), month=first, day=second, alternative=other
        )
    numbers: dict[str, int | None] = {
        name: _number(said[name])
        for name in ("year", "quarter", "month", "day", "hour", "minute")
        if name in said
    }
    if "quarter_word" in said:
        numbers["quarter"] = _QUARTERS.index(said["quarter_word"].casefold()) + 1
    if "weekday_word" in said:
        numbers["weekday"] = _WEEKDAYS.index(said["weekday_word"].casefold())
    if "short_weekday" in said:
        numbers["weekday"] = _SHORT_DAYS[said["short_weekday"].casefold()]
    if "weekday" in said:
        numbers["weekday"] = CHINESE_DAYS[said["weekday"]]
    if (
        "hour" in said
        and not said["hour"].isascii()
        and len(said) == 1
        and not _is_exact(match.group())
    ):
        return None  # 一点: a little
    if "clock" in said:
        numbers |= _spoken_time(said)
    if "noon" in said or "chinese_noon" in said:
        is_midnight = match.group().casefold() in ("midnight", "午夜", "零点")
        return Moment(start, end, hour=0 if is_midnight else 12, minute=0)
    if "half_hour" in said:
        numbers["minute"] = 30
    if "quarters" in said:
        numbers["minute"] = 15 if said["quarters"] == "一" else 45
    if any(value is None for value in numbers.values()):
        return None
    limits = {"month": 12, "day": 31, "hour": 24, "minute": 59}
    if any((numbers.get(name) or 0) > most for name, most in limits.items()):
        return None
    if numbers.get("month") == 0 or numbers.get("day") == 0:
        return None
    is_open = False
    if "hour" in numbers and numbers["hour"] is not None:
        numbers.setdefault("minute", 0)
        is_open = _on_the_clock(numbers, said.get("half", ""))
    return Moment(start, end, is_half_day_open=is_open, **numbers)  # type: ignore[arg-type]


def _spoken_time(said: dict[str, str]) -> dict[str, int]:
    """Return hour and minute of "ten to nine" and "half past midnight"."""
    hour = (_CLOCK_HOURS.index(said["clock_hour"].casefold()) + 1) % 13
    minute = _CLOCK_MINUTES[said["clock"].casefold()]
    if said["side"].casefold() == "past":
        return {"hour": hour, "minute": minute}
    return {"hour": (hour - 1) % 12 or 12, "minute": 60 - minute}


def _on_the_clock(numbers: dict[str, int | None], half: str) -> bool:
    """Bring the hour to 0 to 23; return whether it is open which half of the day is meant."""
    hour = numbers["hour"] or 0
    half = half.casefold()
    if half.startswith("p") or half in ("下午", "傍晚", "晚上", "晚", "夜里"):
        hour += 12 if hour < 12 else 0
    elif half.startswith("a") or half in ("凌晨", "早上", "早晨", "上午"):
        hour = 0 if hour == 12 else hour
    numbers["hour"] = hour % 24
    return not half and 1 <= hour <= 12


def _number(written: str) -> int | None:
    if written.isascii() and written.isdigit():
        return int(written)
    month = _MONTH_NUMBERS.get(written.casefold().rstrip("."))
    if month is not None:
        return month
    if any(character not in _CHINESE + "两" for character in written):
        return None
    value = chinese_value(written)
    return None if value is None else int(value)


def _is_exact(written: str) -> bool:
    return written.rstrip().endswith(("钟", "整", "半", "分", "刻"))


def agree(first: Moment, second: Moment) -> bool:
    """Return whether two moments say nothing different, and at least one thing in common."""
    common = False
    for name in FIELDS:
        one, other = getattr(first, name), getattr(second, name)
        if one is None or other is None:
            continue
        if one != other and not _may_be(name, first, second):
            return False
        common = True
    return common


def _may_be(name: str, first: Moment, second: Moment) -> bool:
    if name == "hour" and (first.is_half_day_open or second.is_half_day_open):
        return ((first.hour or 0) - (second.hour or 0)) % 12 == 0
    if name in ("month", "day"):
        ways = {(moment.month, moment.day) for moment in (first, second)}
        turned = {first.alternative, second.alternative} - {None}
        return bool(ways & turned)
    return False
