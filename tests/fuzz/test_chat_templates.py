"""Chat templates: programs that come with downloaded models."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

from studio.formats.chat.chat_template import TemplateRefusedError, read_template, render
from studio.protocol import Message
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, ODD_VALUE, damaged, fuzz

_CHATML = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message['content'] | trim }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_STRICT = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns') }}"
    "{% endif %}[{{ m.content | tojson }}]{% endfor %}{{ strftime_now('%Y') }}"
)
_PARTS = st.sampled_from(
    (
        "{% for m in messages %}",
        "{% endfor %}",
        "{% if true %}",
        "{% endif %}",
        "{{ m.content }}",
        "{{ messages }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ self.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{{ 'x' * 1000 }}",
        "{{ range(100001) | list }}",
        "{% for i in range(1000) %}",
        "{{ '%999999999d' % 1 }}",
        "{% set ns = namespace(x='xx') %}",
        "{% set ns.x = ns.x ~ ns.x %}",
        "{% set ns.x = [ns.x, ns.x] %}",
        "{% set ns.x = ns.x * 999 %}",
        "{{ ns.x }}",
        "{{ ns.x | replace('x', ns.x) }}",
        "{{ ns.x | list | join(ns.x) }}",
        "{{ ns.x.split('x') | map('upper') | unique | list }}",
        "{{ ns.x == [ns.x] }}",
        "{{ loop(range(1000)) }}",
        "{% for m in messages recursive %}",
        "{{ 10 ** 1000 }}",
        "{{ cycler.__init__ }}",
        "{{ raise_exception('x') }}",
        "{{ strftime_now(messages) }}",
        "{{ tools | tojson(indent=99) }}",
        "{% set x = messages %}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% generation %}",
        "{% endgeneration %}",
        "{% break %}",
        "{{ x",
        "%}",
        "text",
    )
)


def read(folder: Path, template: str, *said: str) -> None:
    turns = tuple(Message("user" if n % 2 else "assistant", text) for n, text in enumerate(said))

    def call() -> str:
        return render(template, {"bos_token": "<s>"}, "Be brief.", turns, "Hello")

    bounded("template", folder, call, TemplateRefusedError)


@fuzz(
    150,
    data=damaged((_CHATML.encode(), _STRICT.encode())),
    said=st.lists(ODD_TEXT, max_size=3),
)
def test_a_damaged_template_renders_or_is_refused(
    tmp_path: Path, data: bytes, said: list[str]
) -> None:
    read(tmp_path, data.decode("utf-8", "replace"), *said)


@fuzz(150, parts=st.lists(_PARTS, max_size=8))
def test_an_odd_template_renders_or_is_refused(tmp_path: Path, parts: list[str]) -> None:
    read(tmp_path, "".join(parts), "Hi", "Ho")


@fuzz(
    80,
    name=st.sampled_from(
        ("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
    ),
    content=st.one_of(
        st.dictionaries(
            st.sampled_from(("chat_template", "bos_token", "eos_token")), ODD_VALUE, max_size=3
        ).map(lambda value: json.dumps(value).encode()),
        damaged((json.dumps({"chat_template": _CHATML, "bos_token": "<s>"}).encode(),)),
    ),
)
def test_a_folder_with_an_odd_template_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    for file in tmp_path.glob("*"):
        file.unlink()
    (tmp_path / name).write_bytes(content)
    bounded("template", tmp_path, lambda: read_template(tmp_path))


def test_a_configuration_of_any_depth_has_no_template(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_bytes(b'{"x":' * 100_000)
    assert read_template(tmp_path) == (None, {})
