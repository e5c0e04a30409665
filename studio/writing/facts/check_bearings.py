"""Compare points of the compass, left and right, and parts of the day with the brief."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.protocol import sentence
from studio.writing.facts.dates import Moment
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.findings import Finding

_POINT = "东北|东南|西北|西南|正东|正西|正南|正北|东|南|西|北"
_BEARING = re.compile(
    rf"(?:(?<=[朝向坐偏面])({_POINT})(?![京海宁安山宋朝方])|({_POINT})(?=风|方向|朝向|侧|向[^往]))"
    r"|\b(?:(north|south)[\s-]?)?(?:(north|south|east|west)(?:ern|erly|ward|wards)?)\b",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"(左|右)(?=[耳眼手脚腿膝肩臂侧边腕踝肘髋])"
    r"|\b(left|right)(?=[\s-](?:ear|eye|arm|leg|knee|hand|foot|side|shoulder|ankle|wrist|elbow|hip|wing|bank"
    r"|lane|lung|kidney)s?\b)",
    re.IGNORECASE,
)
_SHORT = {"N": "north", "S": "south", "E": "east", "W": "west"}
_SHORT |= {one + other: _SHORT[one] + _SHORT[other] for one in "NS" for other in "EW"}
_PARTS = {
    "morning": "凌晨 清晨 早晨 早上 上午 morning".split(),
    "noon": "中午 正午 noon midday".split(),
    "afternoon": "下午 afternoon".split(),
    "evening": "傍晚 晚上 夜间 夜里 晚 夜 evening night".split(),
}
_GROUPS = {word: group for group, words in _PARTS.items() for word in words}
_CHINESE_PART = "凌晨|清晨|早晨|早上|上午|中午|正午|下午|傍晚|晚上|夜间|夜里|[晚夜](?!会|宴|报)"
_PART = re.compile(
    rf"(?<=[日号天])({_CHINESE_PART})(?!\s?[\d零一二三四五六七八九十两])"
    rf"|(?:(?:周|星期)[一二三四五六日天])({_CHINESE_PART})(?!\s?[\d零一二三四五六七八九十两])"
    r"|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|every|each)\s(morning|afternoon|evening|night)\b",
    re.IGNORECASE,
)
_ANY_PART = re.compile(
    rf"{_CHINESE_PART}|\b(?:morning|noon|midday|afternoon|evening|night)\b", re.IGNORECASE
)


def check_bearings(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield where the draft has another point of the compass than the brief."""
    known = {_point(match): match.group() for match in _BEARING.finditer(given.text)}
    anywhere = set(re.findall(_POINT, given.text)) | set(known)
    anywhere |= {_SHORT[short] for short in re.findall(r"\b(?:[NS]?[EW]|[NS])\b", given.text)}
    names = [(name.start, name.end) for name in (*written.names, *given.names)]
    for match in _BEARING.finditer(written.text):
        if not known or _point(match) in anywhere:
            continue
        if any(start <= match.start() < end for start, end in names):
            continue  # South Bank
        said = "、".join(known.values()) if _is_chinese(match) else ", ".join(known.values())
        message = sentence("The brief says “{brief}”.", brief=said)
        yield Finding("name_changed", match.group(), message, *match.span())


def check_sides(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield where the draft says left and the brief right, or the other way round."""
    known = {match.group().casefold(): match for match in _SIDE.finditer(given.text)}
    for match in _SIDE.finditer(written.text):
        if len(known) != 1 or match.group().casefold() in known:
            continue
        (said,) = known.values()
        brief = given.text[said.start() : said.end() + 8].split(",")[0].strip()
        message = sentence("The brief says “{brief}”.", brief=brief)
        yield Finding("name_changed", match.group(), message, *match.span())


def check_parts_of_day(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield where the draft has another part of the day than the brief, which has one."""
    known = {
        _GROUPS[match.group().casefold()]: match.group() for match in _ANY_PART.finditer(given.text)
    }
    hours = {group for moment in given.moments for group in _groups_of_hour(moment)}
    for match in _PART.finditer(written.text):
        part = next(group for group in match.groups() if group)
        group = _GROUPS[part.casefold()]
        if not known or group in known or group in hours:
            continue
        message = sentence("The brief says “{brief}”.", brief=next(iter(known.values())))
        yield Finding("date_changed", match.group(), message, *match.span())


def _groups_of_hour(moment: Moment) -> set[str]:
    if moment.hour is None:
        return set()
    groups = set()
    for one in (moment.hour, (moment.hour + 12 * moment.is_half_day_open) % 24):
        if one < 12:
            groups.add("morning")
        if 11 <= one <= 13:
            groups.add("noon")
        if 12 <= one <= 18:
            groups.add("afternoon")
        if one >= 17:
            groups.add("evening")
    return groups


def _point(match: re.Match[str]) -> str:
    chinese = match[1] or match[2]
    if chinese:
        return chinese.removeprefix("正")
    return (match[3] or "").casefold() + match[4].casefold()


def _is_chinese(match: re.Match[str]) -> bool:
    return bool(match[1] or match[2])
