"""Find where a text says the opposite of its brief: 不含 for 含, highest for lowest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from studio.protocol import sentence
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure_context import stems
from studio.writing.facts.findings import Finding

_OPPOSITES = (
    (r"(?<!不)(?:包含|含|包)(?![量有义])", r"不(?:包含|含|包)(?!括?但)"),
    (r"(?<![无不])需(?!求)", r"无需|不需|不用|免(?=预约)"),
    (r"禁用|忌用|禁服", r"慎用|可用|可服|适用"),
    (
        r"(?<!不)允许",
        r"禁止|不允许|严禁|谢绝",
    ),
    (
        r"(?<!不)可(?:以)?(?=续|转|退|带|叠)",
        r"不可(?:以)?(?=续|转|退|带|叠)|不能(?=续|转|退|带|叠)",
    ),
    (r"每天|每日|天天", r"工作日|仅周末"),
    (r"\bdaily\b|\bevery day\b", r"\bon weekdays\b|\bat weekends\b|\bweekdays only\b"),
    (r"免费", r"收费"),
    (r"最高", r"最低"),
    (r"室内", r"室外|户外|露天"),
    (r"大火|旺火|高火", r"小火|文火|微火|低火"),
    (r"年初|月初", r"年底|年末|月底|月末"),
    (r"饭前|餐前|空腹", r"饭后|餐后"),
    (r"顺差|盈余|净流入", r"逆差|赤字|净流出"),
    (r"买入|买进|购入|增持", r"卖出|抛售|售出|减持"),
    (r"甲方(?=承担|负责|支付)", r"乙方(?=承担|负责|支付)"),
    (r"(?:房东|出租方)(?=承担|负责|支付|自付)", r"(?:租客|租户|承租方)(?=承担|负责|支付|自付)"),
    (r"主场", r"客场"),
    (r"支持率|赞成率", r"反对率"),
    (r"通过(?=了?[审议表投验])|获批|获准", r"未通过|未获|被否决|否决"),
    (r"\bhighest\b|\bmaximum\b", r"\blowest\b|\bminimum\b"),
    (r"\bindoors?\b", r"\boutdoors?\b|\bopen[\s-]air\b"),
    (r"\bbefore\s(?:food|meals?|eating)\b", r"\b(?:after|with)\s(?:food|meals?|eating)\b"),
    (r"(?<!not )\bincluded\b|\bincl\.|\bincludes\b", r"\bexcluded\b|\bnot included\b|\bexcludes\b"),
    (
        r"(?<!not )\b(?:allowed|permitted|welcome)\b",
        r"\bnot (?:allowed|permitted)\b|\bno (?:pets|dogs|smoking)\b"
        r"|\b(?:forbidden|banned|prohibited)\b",
    ),
    (
        r"(?<!not )\b(?:required|needed|compulsory|mandatory)\b",
        r"\bnot (?:required|needed)\b|\bno need\b|\boptional\b",
    ),
    (r"\b(?:approved|accepted)\b", r"\b(?:rejected|refused|turned down)\b"),
    (r"\bsurplus\b", r"\bdeficit\b"),
    (r"\bearliest\b|\bno earlier\b", r"\blatest\b|\bno later\b"),
)
_PAIRS = tuple(
    (re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE))
    for pair in _OPPOSITES
    for one, other in (pair, pair[::-1])
)
_NEAR = 48
_MOST = 100
"""So many places of each word are looked at."""
_CUTS = "。；;，,、！？!?\n"
_STOP = re.compile(r"\.(?=\s|$)")


def check_opposites(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield words whose opposite the brief says of the same, and which it does not say itself."""
    for said, opposite in _PAIRS:
        meant = opposite.search(given.text)
        if meant is None or said.search(given.text):
            continue
        if opposite.search(written.text):
            continue  # Both are in the text: of what each is said cannot be judged.
        of_brief = {
            word
            for match in islice(opposite.finditer(given.text), _MOST)
            for word in _about(given, match)
        }
        for match in islice(said.finditer(written.text), _MOST):
            if not of_brief & _about(written, match):
                continue
            message = sentence("The brief says “{brief}”.", brief=_part(given.text, meant).strip())
            yield Finding("name_changed", match.group(), message, *match.span())


def _about(facts: Facts, match: re.Match[str]) -> set[str]:
    """Return the words and figures around a word in its part of the sentence."""
    start, end = _bounds(facts.text, match)
    around = facts.text[start : match.start()] + " | " + facts.text[match.end() : end]
    figures = {f"={one.number.normalize()}" for one in facts.figures if start <= one.start < end}
    before = facts.text[match.start() - 1 : match.start()]
    after = facts.text[match.end() : match.end() + 1]
    near = {f"<{before}", f">{after}"} if "\u4e00" <= (before or " ") <= "\u9fff" else {f">{after}"}
    return set(stems(around)) | figures | {one for one in near if "\u4e00" <= one[-1] <= "\u9fff"}


def _bounds(text: str, match: re.Match[str]) -> tuple[int, int]:
    first, last = max(0, match.start() - _NEAR), min(len(text), match.end() + _NEAR)
    cuts = [text.rfind(sign, first, match.start()) + 1 for sign in _CUTS + "."]
    ends = [at for sign in _CUTS if (at := text.find(sign, match.end(), last)) >= 0]
    end = min(ends, default=last)
    stop = _STOP.search(text, match.end(), end)
    return max(first, *cuts), stop.start() if stop else end


def _part(text: str, match: re.Match[str]) -> str:
    start, end = _bounds(text, match)
    return text[start:end]
