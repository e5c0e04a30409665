"""Ask a language model for the parts of a prompt, from an idea in a few words."""

from __future__ import annotations

from typing import Any

import msgspec

from studio.formats.chat.thoughts import without_thoughts
from studio.writing.forms.fill import is_chinese
from studio.writing.picture_prompts.parts import PARTS, PartName

SUBJECT = "subject"
_MAX_PART = 160

_SYSTEM = (
    "You describe pictures for a painter. From an idea you name the subject with its details, and "
    "the parts setting, style, light, view, mood and colours, each in two to eight words."
)
_SYSTEM_CHINESE = (
    "你把想法写成画面描述。根据一个想法，写出主体及细节，以及环境、风格、光线、视角、氛围、色彩，"
    "每项二到十二个字。"
)


def question(idea: str) -> tuple[str, str, str]:
    """Return the system prompt, the prompt and the schema of the answer."""
    names = [SUBJECT, *(part.name for part in PARTS)]
    schema = {
        "type": "object",
        "properties": {
            name: {
                "type": "string",
                "minLength": 2,
                "maxLength": _MAX_PART if name == SUBJECT else 60,
            }
            for name in names
        },
        "required": names,
        "additionalProperties": False,
    }
    chinese = is_chinese(idea)
    said = f"想法：{idea}" if chinese else f"Idea: {idea}"
    return (_SYSTEM_CHINESE if chinese else _SYSTEM), said, msgspec.json.encode(schema).decode()


def read_answer(answer: str) -> tuple[str, dict[PartName, str]] | None:
    """Return the subject and the parts of an answer, None if it is none."""
    try:
        found: Any = msgspec.json.decode(without_thoughts(answer).strip())
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    texts = {
        name: " ".join(value.split())[:_MAX_PART]
        for name, value in found.items()
        if isinstance(value, str)
    }
    parts = {part.name: texts[part.name] for part in PARTS if texts.get(part.name)}
    return texts.get(SUBJECT, ""), parts
