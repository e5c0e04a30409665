"""What a model is asked to do with a passage, in the language of the passage."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

from studio.formats.chat.thoughts import without_thoughts
from studio.writing.forms.fill import is_chinese

AskName: TypeAlias = Literal[
    "rewrite", "shorten", "expand", "correct", "tone", "translate", "continue", "own"
]
ASKS: tuple[AskName, ...] = get_args(AskName)

MAX_CONTEXT = 2000
"""Characters before the passage that "continue" goes on from."""

TONES = ("formal", "friendly", "lively", "plain", "persuasive")
LANGUAGES = ("English", "Chinese", "French", "German", "Japanese", "Korean", "Russian", "Spanish")

_CHINESE_WORDS = {
    "formal": "正式",
    "friendly": "亲切",
    "lively": "活泼",
    "plain": "平实",
    "persuasive": "有说服力",
    "English": "英文",
    "Chinese": "中文",
    "French": "法文",
    "German": "德文",
    "Japanese": "日文",
    "Korean": "韩文",
    "Russian": "俄文",
    "Spanish": "西班牙文",
}

_SYSTEM = (
    "You edit texts. Keep figures, dates and names as they are, and the Markdown. "
    "Answer with the edited text and nothing else."
)
_SYSTEM_CHINESE = (
    "你负责修改文稿。数字、日期、名称和 Markdown 格式保持不变。只给出改好的文字，不要解释。"
)

_ENGLISH: dict[AskName, str] = {
    "rewrite": "Rewrite this text in other words.",
    "shorten": "Shorten this text to about half. Keep what matters.",
    "expand": "Write this text in more detail. Do not invent facts.",
    "correct": "Correct the spelling, grammar and punctuation of this text. Change nothing else.",
    "tone": "Rewrite this text in a {value} tone.",
    "translate": "Translate this text into {value}.",
    "continue": "Write a text.",
    "own": "{value}",
}
_CHINESE: dict[AskName, str] = {
    "rewrite": "换一种说法改写下面的文字。",
    "shorten": "把下面的文字缩短到一半左右，保留要点。",
    "expand": "把下面的文字写得更详细，不要编造事实。",
    "correct": "改正下面文字里的错别字、语病和标点，其他不动。",
    "tone": "用{value}的语气改写下面的文字。",
    "translate": "把下面的文字译成{value}。",
    "continue": "写一篇文章。",
    "own": "{value}",
}

_FENCE = re.compile(r"\A```[a-z]*\n(.*)\n```\Z", re.DOTALL)
_QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』"}


def instruction(ask: AskName, passage: str, value: str = "") -> tuple[str, str]:
    """Return the system prompt and the prompt of an ask. `value` is a tone, a language, or words.

    For "continue" the answer has to begin with the passage, which is not in the prompt.
    """
    chinese = is_chinese(passage)
    template = (_CHINESE if chinese else _ENGLISH)[ask]
    said = template.replace("{value}", _CHINESE_WORDS.get(value, value) if chinese else value)
    if ask == "continue":
        return "", said
    return (_SYSTEM_CHINESE if chinese else _SYSTEM), f"{said}\n\n{passage.strip()}"


def proposed_text(ask: AskName, passage: str, answer: str) -> str:
    """Return the passage as the answer has it, without what models put around a text."""
    if ask == "continue":
        start = passage[-MAX_CONTEXT:].rstrip(" ")
        added = answer[len(start) :] if answer.startswith(start) else answer
        return passage + added.rstrip()
    text = without_thoughts(answer).strip()
    fenced = _FENCE.match(text)
    if fenced and "```" not in passage:
        text = fenced[1].strip()
    core = passage.strip()
    closing = _QUOTES.get(text[:1])
    if closing and len(text) > 1 and text.endswith(closing) and core[:1] != text[:1]:
        text = text[1:-1].strip()
    if not text:
        return passage
    head = passage[: len(passage) - len(passage.lstrip())]
    tail = passage[len(passage.rstrip()) :] if core else ""
    return f"{head}{text}{tail}"
