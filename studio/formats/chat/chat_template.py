"""Render a conversation as the input text of a language model, with its chat template if any.

Shared by the engine and the token counter, which must agree. Templates are jinja2 as specified by
Hugging Face (https://huggingface.co/docs/transformers/chat_templating_writing). They come with
downloaded models and are not trusted, so they run in a sandbox (`template_sandbox`).
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

from studio.formats.chat.template_sandbox import BoundedEnvironment, TemplateTooCostlyError, bounded
from studio.formats.untrusted_files import read_start
from studio.protocol import Message

_Turns: TypeAlias = list[tuple[str, str]]

_STEPS = 200_000
_STEPS_PER_TURN = 500
_STEPS_PER_PAIR = 40
"""Steps for a rendering (`template_sandbox`); more for each turn, and for each pair of turns, since
templates look through all turns at each turn."""
_MAX_REFUSAL = 1_000
_MAX_FILE = 4 * 2**20
"""Bytes. Configurations of tokenizers list thousands of special tokens."""

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


class TemplateRefusedError(Exception):
    """The template rejects the conversation. The text is the template's own error message."""


def render(
    template: str,
    special: Mapping[str, str],
    system: str,
    turns: Sequence[Message],
    prompt: str,
) -> str:
    """Return the conversation as the model was trained on it, up to the start of the answer.

    Some templates do not support a system turn, or require user and assistant to alternate. For
    these, the system prompt is prepended to the first user turn, and consecutive turns of one
    role are joined.

    Args:
        template: jinja2 text.
        special: names of `SPECIAL_TOKENS` → tokens.
        system: system prompt, empty for none.
        turns: earlier turns, oldest first.
        prompt: the user's last turn.

    Raises:
        TemplateRefusedError: the template rejects all of these forms.
    """
    plain: _Turns = [(turn.role, turn.content) for turn in turns]
    plain.append(("user", prompt))
    strict = _alternating(plain)
    attempts = [plain, strict]
    if system:
        attempts = [[("system", system), *kept] for kept in attempts]
        attempts += [_with_first_user(kept, system) for kept in (plain, strict)]
    refusal: Exception | None = None
    said = len(system) + sum(len(content) for _, content in plain)
    steps = _STEPS + _STEPS_PER_TURN * len(plain) + _STEPS_PER_PAIR * len(plain) ** 2 + said
    with bounded(steps):
        try:
            compiled = _compiled(template)
        except Exception as error:  # the compiler can raise anything, too
            raise TemplateRefusedError(_short(error)) from error
        for attempt in attempts:
            try:
                text = compiled.render(
                    messages=[{"role": role, "content": content} for role, content in attempt],
                    tools=None,
                    documents=None,
                    add_generation_prompt=True,
                    **special,
                )
            except TemplateTooCostlyError as error:
                refusal = error
                break
            except Exception as error:  # expressions in a template can raise anything
                refusal = refusal or error
                continue
            if system and system.strip() not in text:
                continue
            return text
    raise TemplateRefusedError(_short(refusal or "the system prompt is left out"))


def render_turns(
    template: str,
    special: Mapping[str, str],
    turns: Sequence[Mapping[str, object]],
    length: int,
) -> str:
    """Return a conversation whose turns have parts, such as a picture and a text.

    `length` is the number of characters in it. Raises `TemplateRefusedError`.
    """
    with bounded(_STEPS + _STEPS_PER_TURN * len(turns) + length):
        try:
            return _compiled(template).render(
                messages=list(turns),
                tools=None,
                documents=None,
                add_generation_prompt=True,
                **special,
            )
        except Exception as error:  # expressions in a template can raise anything
            raise TemplateRefusedError(_short(error)) from error


def _short(refusal: object) -> str:
    return str(refusal)[:_MAX_REFUSAL]


def plain_text(system: str, turns: Sequence[Message], prompt: str) -> str:
    """Return the text to be continued by a model without a chat template.

    Answers follow the preceding turn without a separator, since they continue it.
    """
    parts: list[str] = [system] if system else []
    for turn in turns:
        if turn.role == "assistant" and parts:
            parts[-1] += turn.content
        else:
            parts.append(turn.content)
    return "\n\n".join([*parts, prompt])


def default_template(value: object) -> str | None:
    """Return the default template of a tokenizer configuration's `chat_template`.

    `value` is a template, several named templates (a mapping or a list), or absent.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, list):
        value = {
            part.get("name"): part.get("template") for part in value if isinstance(part, Mapping)
        }
    if isinstance(value, Mapping):
        template = value.get("default") or next(iter(value.values()), None)
        return template if isinstance(template, str) else None
    return None


def read_template(folder: Path) -> tuple[str | None, dict[str, str]]:
    """Return the chat template in a model folder (None if there is none) and its special tokens."""
    config = _read_object(folder / "tokenizer_config.json")
    special = _read_object(folder / "special_tokens_map.json") | config
    tokens = {name: _token_text(special.get(name)) for name in SPECIAL_TOKENS}
    named = {name: token for name, token in tokens.items() if token is not None}
    try:
        return _read_file(folder / "chat_template.jinja") or None, named
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


def _token_text(value: object) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _read_file(path: Path) -> str:
    data = read_start(path, _MAX_FILE + 1)
    if len(data) > _MAX_FILE:
        raise OSError("the file is too large")
    return data.decode("utf-8")


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


class _Generation(Extension):
    """Accepts `{% generation %}`, which marks training targets, and renders its body unchanged."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache(maxsize=4)
def _compiled(template: str) -> jinja2.Template:
    environment = BoundedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.add_filter("tojson", _to_json)
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
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


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form[:100])


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)
