"""Answers of a form with a schema, which are JSON, as Markdown for people."""

from __future__ import annotations

from typing import Any

import msgspec

_MAX_LENGTH = 200_000


def readable(answer: str) -> str:
    """Return an answer that is a JSON object as Markdown: names, lists, tables. Others stay."""
    text = answer.strip()
    if not text.startswith("{") or len(text) > _MAX_LENGTH:
        return answer
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return answer
    if not isinstance(fields, dict) or not fields:
        return answer
    parts = []
    for name, value in fields.items():
        shown = _value(value)
        parts.append(shown if len(fields) == 1 else f"**{_one_line(name)}**\n\n{shown}")
    return "\n\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return _table(value)
    if isinstance(value, list):
        return "\n".join(f"- {_one_line(each)}" for each in value)
    return value if isinstance(value, str) else _one_line(value)


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)]
    lines += [[_cell(row.get(name, "")) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return _one_line(value).replace("|", "\\|")


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join(text.split())
