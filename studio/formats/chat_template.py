"""A conversation as the text that a model wants to see: its own chat template, or none.

Shared by the engine, which answers, and by the counter of tokens, which must count the same.
The template language is jinja2 as Hugging Face defines it for models
(https://huggingface.co/docs/transformers/chat_templating_writing), in a sandbox: templates
come with downloaded models and are not trusted.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from studio.protocol import Message

_Turns: TypeAlias = list[tuple[str, str]]

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


class Conversation(Struct, frozen=True):
    """What is said to a model: the system prompt, the earlier turns, and the user's last turn."""

    prompt: str
    system_prompt: str = ""
    messages: tuple[Message, ...] = ()


class TemplateRefusedError(Exception):
    """The template does not take this conversation. The text is the template's own reason."""


def render(
    template: str,
    special: Mapping[str, str],
    system: str,
    turns: Sequence[Message],
    prompt: str,
) -> str:
    """Return the conversation with the beginning of the answer, as the model was taught it.

    Some templates know no system turn, or take user and assistant in strict turns only. For
    them the system prompt goes before the first user turn, and turns of one role are joined.

    Args:
        template: jinja2 text.
        special: names of `SPECIAL_TOKENS` → tokens.
        system: system prompt, empty for none.
        turns: earlier turns, oldest first.
        prompt: the user's last turn.

    Raises:
        TemplateRefusedError: none of that helps.
    """
    plain: _Turns = [(turn.role, turn.content) for turn in turns]
    plain.append(("user", prompt))
    strict = _alternating(plain)
    attempts = [plain, strict]
    if system:
        attempts = [[("system", system), *kept] for kept in attempts]
        attempts += [_with_first_user(kept, system) for kept in (plain, strict)]
    refusal: Exception | None = None
    for attempt in attempts:
        try:
            text = _compiled(template).render(
                messages=[{"role": role, "content": content} for role, content in attempt],
                tools=None,
                documents=None,
                add_generation_prompt=True,
                **special,
            )
        except Exception as error:  # a template can raise whatever an expression can
            refusal = refusal or error
            continue
        if system and system.strip() not in text:
            continue
        return text
    raise TemplateRefusedError(str(refusal or "the system prompt is left out"))


def plain_text(system: str, turns: Sequence[Message], prompt: str) -> str:
    """Return the text that a model without a template is to continue.

    An answer continued the turn before it, so nothing stands between the two.
    """
    parts: list[str] = [system] if system else []
    for turn in turns:
        if turn.role == "assistant" and parts:
            parts[-1] += turn.content
        else:
            parts.append(turn.content)
    return "\n\n".join([*parts, prompt])


def default_template(value: object) -> str | None:
    """Return the template for plain chat from what a tokenizer's configuration holds.

    That is the text itself, several by name, or nothing.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, list):
        value = {
            part.get("name"): part.get("template") for part in value if isinstance(part, Mapping)
        }
    if isinstance(value, Mapping):
        chosen = value.get("default") or next(iter(value.values()), None)
        return chosen if isinstance(chosen, str) else None
    return None


def read_template(folder: Path) -> tuple[str | None, dict[str, str]]:
    """Return a model folder's chat template (None where it has none) and special tokens."""
    config = _json(folder / "tokenizer_config.json")
    special = _json(folder / "special_tokens_map.json") | config
    tokens = {name: _token(special.get(name)) for name in SPECIAL_TOKENS}
    named = {name: token for name, token in tokens.items() if token is not None}
    try:
        return (folder / "chat_template.jinja").read_text("utf-8") or None, named
    except (OSError, UnicodeDecodeError):
        return default_template(config.get("chat_template")), named


def _with_first_user(plain: _Turns, system: str) -> _Turns:
    place = next(i for i, (role, _) in enumerate(plain) if role == "user")
    return [
        (role, f"{system}\n\n{content}" if i == place else content)
        for i, (role, content) in enumerate(plain)
    ]


def _alternating(plain: _Turns) -> _Turns:
    joined: _Turns = []
    for role, content in plain:
        if joined and joined[-1][0] == role:
            joined[-1] = role, f"{joined[-1][1]}\n\n{content}"
        elif joined or role != "assistant":
            joined.append((role, content))
    return joined


def _token(value: object) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class _Generation(Extension):
    """`{% generation %}` marks what a model is trained on; here it only has to be allowed."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache(maxsize=4)
def _compiled(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return environment.from_string(template)


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)
