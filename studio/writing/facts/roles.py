"""The roles of people, in English and Chinese, and who has which in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_ENGLISH = """
chief executive: chief executive officer, chief executive, CEO
finance chief: chief financial officer, CFO, finance director, finance chief, chief finance officer
operations chief: chief operating officer, COO
technology chief: chief technology officer, CTO, chief technical officer
managing director: managing director
director: director, dir.
president: president
chair: chairman, chairwoman, chairperson, chair
treasurer: treasurer
secretary: secretary
captain: captain
coach: coach, trainer
manager: manager
headteacher: headteacher, head teacher, headmaster, headmistress, principal
editor: editor
producer: producer
conductor: conductor
author: author, writer
founder: founder, founders, co-founder
mayor: mayor
minister: minister
councillor: councillor, Cllr
judge: judge
spokesperson: spokesperson, spokesman, spokeswoman
nurse: nurse
doctor: doctor, GP
vet: vet
engineer: engineer
architect: architect
designer: designer
inspector: inspector
assessor: assessor
curator: curator
auditor: auditor
lawyer: lawyer, solicitor, barrister
professor: professor, Prof, Prof.
goalkeeper: goalkeeper, keeper
caretaker: caretaker
librarian: librarian
photographer: photographer
model: model
pianist: pianist
violinist: violinist
cellist: cellist
organist: organist
soprano: soprano
alto: alto
tenor: tenor
baritone: baritone
landlord: landlord, landlady
tenant: tenant
winner: winner
officer: officer
leader: leader
warden: warden
chef: chef
organiser: organiser, organizer
clerk: clerk
owner: owner
"""
_CHINESE = (
    "首席执行官 首席财务官 财务总监 首席运营官 首席技术官 董事长 总裁 总经理 经理 主任 院长 校长"
    " 局长 处长 科长 书记 支书 村长 市长 县长 镇长 区长 教练 队长 导演 编剧 裁判 记者 编辑 工程师"
    " 总工程师 教授 讲师 研究员 研究生 博士生 医生 医师 护士长 护士 药师 律师 法官 会计 出纳 店长"
    " 厂长 馆长 所长 站长 园长 班长 班主任 司机 主持人 发言人 秘书长 理事长 会长 主席 总监 安全员"
    " 检验员 门将 前锋 后卫 中场 一辩 二辩 三辩 四辩 甲方 乙方 房东 租客 冠军 亚军 季军 摄影师 模特"
    " 化妆师 钢琴家 指挥 运动员 指导员 裁判长 列车长 乘务长 船长 机长 团长 社长 主编 董秘 部长 总编"
).split()
_CANONICAL = {"财务总监": "首席财务官", "总编": "主编", "支书": "书记", "医师": "医生"}
_LESSER = ("deputy", "vice", "assistant", "acting", "associate", "junior", "former")


class Role(Struct, frozen=True):
    """A role and where it stands. `rank` is what sets it below: deputy, 副."""

    name: str
    rank: str
    start: int
    end: int


def _table() -> dict[str, str]:
    out: dict[str, str] = {}
    for line in _ENGLISH.strip().splitlines():
        name, _, forms = line.partition(": ")
        out |= {form.casefold(): name for form in forms.split(", ")}
    return out


_FORMS = _table()
_PATTERN = re.compile(
    rf"\b(?:(?P<lesser>{'|'.join(_LESSER)})[\s-])?(?P<english>"
    + "|".join(re.escape(form) for form in sorted(_FORMS, key=len, reverse=True))
    + r")(?![a-z])"
    + "|(?P<rank>副|代理?|助理|前|原|名誉|荣誉)?(?P<chinese>"
    + "|".join(sorted(_CHINESE, key=len, reverse=True))
    + ")",
    re.IGNORECASE,
)


def roles_in(text: str) -> Iterator[Role]:
    for match in _PATTERN.finditer(text):
        if match["english"]:
            name = _FORMS[match["english"].casefold()]
            yield Role(name, (match["lesser"] or "").casefold(), *match.span())
        else:
            name = _CANONICAL.get(match["chinese"], match["chinese"])
            yield Role(name, match["rank"] or "", *match.span())


_LATIN_BEFORE = re.compile(r"^(?:[:,]?\s|\s(?:of|at)\s[A-Z][\w'’ ]{1,24},?\s)$")
_LATIN_AFTER = re.compile(
    r"^(?:,\s(?:(?:the|our|a|an|its|their|his|her|who is|now)\s)?(?:[\w'’&-]+\s){0,2}"
    r"|\s\((?:[\w&-]+\s){0,2}|\s(?:is|was|as|becomes|became)\s(?:(?:the|our|a|an|its|new)\s)?(?:[\w&-]+\s){0,1})$"
)
_CHINESE_BEFORE = re.compile("^(?:[:：、]|为|是|由|——)?$")
_CHINESE_AFTER = re.compile(
    r"^(?:[（(]?|，?(?:为|任|担任|出任|接任|接替|升任|当选为?|受聘为|被任命为|是|则?接任|兼任))"
    r"[\u4e00-\u9fffA-Z]{0,6}$"
)


def role_of(text: str, start: int, end: int, roles: list[Role]) -> Role | None:
    """Return the role that a text gives to the name at `text[start:end]`, None if it gives none."""
    is_chinese = "\u4e00" <= text[start] <= "\u9fff"
    before, after = (
        (_CHINESE_BEFORE, _CHINESE_AFTER) if is_chinese else (_LATIN_BEFORE, _LATIN_AFTER)
    )
    for role in reversed(roles):
        if role.end <= start and start - role.end <= 32:
            if before.match(text[role.end : start]):
                return role
            break
    for role in roles:
        if end <= role.start <= end + 32:
            between = text[end : role.start]
            if after.match(between) and (between or is_chinese):
                return role
            break
    return None
