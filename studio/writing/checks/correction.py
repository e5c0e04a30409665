"""What a model is told when a text must be written again."""

from __future__ import annotations

from collections.abc import Sequence

from studio.writing.facts.findings import Finding, FindingKind

MAX_FINDINGS = 20

_CHINESE: dict[FindingKind, str] = {
    "figure_changed": "“{text}”与素材不一致",
    "figure_new": "“{text}”素材里没有",
    "direction_changed": "“{text}”增减方向与素材相反",
    "unit_changed": "“{text}”单位与素材不一致",
    "date_changed": "“{text}”日期与素材不一致",
    "date_new": "“{text}”这个日期素材里没有",
    "name_changed": "“{text}”名称与素材不一致",
    "name_new": "“{text}”这个名称素材里没有",
    "word_banned": "不要用“{text}”",
    "too_long": "太长了，请写短一些（{most}）",
    "too_short": "太短了，请写长一些（{most}）",
    "point_missing": "没有写到：{text}",
    "term_missing": "“{term}”要译成“{wanted}”",
    "sum_wrong": "{sum} 应等于 {value}，不是 {given}",
}


def correction(findings: Sequence[Finding], *, in_chinese: bool) -> str:
    """Return the request for another attempt, which names what is wrong with the last one."""
    lines = []
    for finding in findings[:MAX_FINDINGS]:
        values = {name: str(value) for name, value in finding.message.values.items()}
        if in_chinese:
            limit = values.get("most") or values.get("least") or values.get("given", "")
            known = {"term": "", "wanted": "", "sum": "", "value": "", "given": ""} | values
            filled = dict(known, text=finding.text[:200], most=limit)
            lines.append(f"- {_CHINESE[finding.kind].format_map(filled)}")
        elif finding.kind in ("too_long", "too_short", "point_missing", "sum_wrong"):
            lines.append(f"- {finding.message}")
        else:
            lines.append(f"- “{finding.text[:200]}”: {finding.message}")
    listed = "\n".join(dict.fromkeys(lines))
    if in_chinese:
        return f"上面的文字有这些问题：\n{listed}\n\n请改正后重写全文，只给出改好的文字。"
    return (
        f"This is wrong with your text:\n{listed}\n\nMend it, and write the whole text again."
        " Write only the text."
    )
