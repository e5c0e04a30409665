"""Chat templates: a conversation rendered in the format that its model was trained on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from studio.formats.chat.chat_template import (
    TemplateRefusedError,
    plain_text,
    read_template,
    render,
)
from studio.protocol import Message
from tests.fuzz.bounds import bounded

CHATML = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('no system') }}{% endif %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}"
)
STRICT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}[{{ m.content }}]{% endfor %}"
)
TALK = (Message("user", "a"), Message("assistant", "b"))


def test_turns_are_rendered_in_order() -> None:
    text = render(CHATML, {}, "s", TALK, "c")
    assert text == "<system>s\n<user>a\n<assistant>b\n<user>c\n<assistant>"


def test_a_template_without_system_turns_gets_it_with_the_first_user_turn() -> None:
    text = render(NO_SYSTEM, {"bos_token": "<s>"}, "Be kind.", TALK, "c")
    assert text == "<s><user>Be kind.\n\na<assistant>b<user>c"


def test_a_system_prompt_is_never_lost() -> None:
    silent = "{% for m in messages if m.role != 'system' %}[{{ m.content }}]{% endfor %}"
    assert render(silent, {}, "S", (), "c") == "[S\n\nc]"


def test_turns_that_do_not_alternate_are_joined() -> None:
    turns = (Message("assistant", "x"), *TALK, Message("assistant", "b2"), Message("user", "c"))
    assert render(STRICT, {}, "", turns, "d") == "[a][b\n\nb2][c\n\nd]"


def test_an_error_raised_by_a_template_is_reported_with_its_reason() -> None:
    with pytest.raises(TemplateRefusedError, match="never"):
        render("{{ raise_exception('never') }}", {}, "", (), "c")
    with pytest.raises(TemplateRefusedError):
        render("{% if %}", {}, "", (), "c")


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__.os.getcwd() }}",
        "{% for i in range(999999999) %}x{% endfor %}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(attack: str) -> None:
    with pytest.raises(TemplateRefusedError):
        render(attack, {}, "", (), "c")


@pytest.mark.parametrize(
    "attack",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in [1, 1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
        "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}"
        "{{ a(60) }}",
        "{% set ns = namespace(x='xx') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}"
        "{% endfor %}",
        "{% set ns = namespace(x=['a']) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}"
        "{% endfor %}{{ ns.x }}",
        "{% set x %}{% for i in range(99999) %}" + "y" * 50_000 + "{% endfor %}{% endset %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ ([0] * 10 ** 9) | length }}",
        "{{ 2 ** 99999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 10 ** 9) }}",
        "{{ ('{0}' * 99999).format('x' * 99999) }}",
        "{{ 'a'.ljust(10 ** 9) }}",
        "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
        "{{ ('a' * 99999) | replace('', 'b' * 99999) }}",
        "{{ ('b' * 99999) | join('a' * 99999) }}",
        "{{ range(99999) | map(attribute='a', default='x' * 99999) | join }}",
        "{{ range(99999) | map(attribute='a', default=[1] * 999) | sum(start=[]) }}",
        "{{ ('\\n' * 99999) | indent(99999) }}",
        "{{ [1] | batch(10 ** 9, 0) | list }}",
        "{% set s = range(99999) | list %}{% for i in range(999) %}"
        "{% set t = s | sort %}{% endfor %}",
        "{% set s = 'x' * 999999 %}{% for i in range(99999) %}"
        "{% if 'y' in s %}{% endif %}{% endfor %}",
        "{% set s = 'x' * 999999 %}{% for i in range(99999) %}{% set t = s[1:] %}{% endfor %}",
        "{{ x }}" * 14_000,
        "{% if x %}" + "{% elif x %}" * 8_000 + "{% endif %}",
        "{{ " + "(" * 40_000,
        "{{ " + "lipsum(n=99999)" + " }}",
    ],
)
def test_a_template_without_end_is_refused_within_bounds(tmp_path: Path, attack: str) -> None:
    def call() -> str:
        return render(attack, {}, "Be brief.", TALK, "c")

    assert bounded("template", tmp_path, call, TemplateRefusedError) is None


def test_long_conversations_are_rendered() -> None:
    template = (
        "{% for m in messages %}{% if loop.index < messages | length or m.role == 'user' %}"
        "{% set text = m['content'].split('</think>')[-1].strip() %}{{ '<' ~ m.role ~ '>' }}"
        "{% if loop.first or messages[loop.index0 - 1] != m %}{{ text + '\n' }}{% endif %}"
        "{% endif %}{% endfor %}"
    )
    turns = (Message("user", "狐" * 50_000), Message("assistant", "b")) * 300
    text = render(template, {}, "", turns, "c")
    assert text.count("<user>" + "狐" * 50_000) == 300


def test_extensions_used_by_templates_of_the_hub_are_supported() -> None:
    template = (
        "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{% generation %}"
        "{{ {'c': m.content} | tojson }}{% endgeneration %}{% endfor %}{{ strftime_now('%%') }}"
    )
    assert render(template, {}, "", TALK, "狐<") == '{"c": "b"}{"c": "狐<"}%'


def test_without_a_template_turns_are_concatenated() -> None:
    turns = (Message("user", "Once"), Message("assistant", " upon a time."))
    assert plain_text("A tale", turns, "Then") == "A tale\n\nOnce upon a time.\n\nThen"
    assert plain_text("", (), "Once") == "Once"


@pytest.mark.parametrize(
    "held",
    [CHATML, [{"name": "tool_use", "template": "no"}, {"name": "default", "template": CHATML}]],
)
def test_a_template_is_found_in_tokenizer_config(tmp_path: Path, held: object) -> None:
    config = {"chat_template": held, "bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert read_template(tmp_path) == (CHATML, {"bos_token": "<s>", "eos_token": "</s>"})


def test_a_separate_template_file_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "old"}')
    (tmp_path / "chat_template.jinja").write_text(CHATML)
    assert read_template(tmp_path)[0] == CHATML


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_model_may_have_no_template(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer_config.json").write_text(content)
    assert read_template(tmp_path) == (None, {})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_files_without_end_in_a_model_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "chat_template.jinja")
    os.mkfifo(tmp_path / "special_tokens_map.json")
    (tmp_path / "tokenizer_config.json").symlink_to("/dev/zero")
    assert read_template(tmp_path) == (None, {})
