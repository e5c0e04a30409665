"""Prompts with alternatives and wildcards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from studio.jobs.prompt_alternatives import expand_all
from studio.protocol import ProblemError
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, damaged, fuzz

_PARTS = st.one_of(
    st.sampled_from(
        (
            "{",
            "}",
            "|",
            "{a|b}",
            "{2$$a|b|c}",
            "{1-3$$ and $$a|b|c}",
            "{0.5::a|2::b}",
            "{9999999$$a|b}",
            "{~2$$__animal__|b}",
            "{@a|__animal__} ",
            "{1-2$$__animal__}",
            "{0-3$$, $$__animal__|__*__}",
            "%{a ... b$$",
            "%{__animal__$$c}",
            "${x=!__animal__}",
            "${x:${x}}",
            "${x=${x}}",
            "__animal(x={a|b})__",
            "__${x:animal}__",
            "/*",
            "//",
            "__animal__",
            "__*__",
            "__../outside__",
            "__/etc/passwd__",
            "__missing__",
            "${x={a|b}}",
            "${x}",
            "$$",
            "::",
            "#",
            "\n",
            "\\{",
        )
    ),
    ODD_TEXT,
)


def read(folder: Path, prompt: str, values: bytes) -> None:
    (folder / "animal.txt").write_bytes(values)
    # For whoever looks at a finding.
    (folder / "prompt").write_text(prompt, "utf-8", "surrogatepass")

    def call() -> None:
        made = expand_all(prompt, folder, most=100)
        assert len(made) <= 100
        assert len(set(made)) == len(made)

    bounded("alternatives", folder, call, ProblemError)


@fuzz(150, parts=st.lists(_PARTS, max_size=7))
def test_odd_alternatives_are_prompts_or_a_sentence(tmp_path: Path, parts: list[str]) -> None:
    read(tmp_path, "".join(parts), b"fox\nowl\n# none\n{red|blue} cat\n")


def _options(number: int) -> str:
    return "|".join(map(str, range(number)))


_LARGE = {
    "two times 10,000": f"{{{_options(10_000)}}} {{{_options(10_000)}}}",
    "too many in one": f"{{{_options(1_400)}}}",
    "many in one": f"{{{_options(500)}}}",
    "choices of many": f"{{1-500$${_options(500)}}}",
    "many twos": "{a|b}" * 200,
    "many ones": "{a} " * 300,
    "drawn": f"{{~500$${_options(500)}}} __many__",
    "deep": "{" * 5_000,
    "deep and closed": "{a|" * 60 + "}" * 60,
    "deep wraps": "%{a ... b$$" * 60 + "c" + "}" * 60,
    "deep variables": "${x:" * 60 + "c" + "}" * 60,
    "wildcards left open": "__a" * 5_000,
    "wildcards in braces": "{__" * 400,
    "wildcards": "__many__ " * 5 + "__animal__" * 400,
    "long": "a" * 300_000,
    "long and open": "{" + "a" * 190_000,
    "blanks": "{a|b}" + " " * 150_000 + "{a",
    "comments": "# {\n" * 700,
    "grows": "${a=xxxxxxxxxx}"
    + "".join(f"${{{chr(98 + n)}={10 * f'${{{chr(97 + n)}}}'}}}" for n in range(9))
    + "${j}",
    "doubled variables": "${v0={|}}"
    + "".join(f"${{v{n}=${{v{n - 1}}}${{v{n - 1}}}}}" for n in range(1, 40))
    + "${v39}",
    "drawn variables": "${v0=a}"
    + "".join(f"${{v{n}={{~${{v{n - 1}}}${{v{n - 1}}}}}}}" for n in range(1, 40))
    + "${v39}",
    "drawn often": "{~" + "|".join(f"{n}::a" for n in range(300)) + "} {1|2|3}",
    "numbers": "{" + "9" * 5_000 + "$$a|b}",
    "a pattern": "__" + "*a" * 5_000 + "__",
    "chained": "__w0__",
    "doubled": "__d0__",
}


@pytest.mark.parametrize("prompt", _LARGE.values(), ids=_LARGE)
def test_large_odd_alternatives_are_prompts_or_a_sentence(tmp_path: Path, prompt: str) -> None:
    (tmp_path / "many.txt").write_text("".join(f"{number}\n" for number in range(50_000)))
    for number in range(200):
        (tmp_path / f"w{number}.txt").write_text(f"__w{number + 1}__\n")
        (tmp_path / f"d{number}.txt").write_text(f"__d{number + 1}__ __d{number + 1}__\n")
    read(tmp_path, prompt, b"fox\nowl\n")


_FILES = (
    b'{"a": ["x", {"text": "y", "weight": 2}], "b": {"c": "z"}}',
    b'["x", 1, null, {"text": ["y"]}, {"content": "z"}]',
    b"a:\n  - x\n  - text: y\n    weight: 2\nb: {c: z}\n",
    b"a: &a [x, y]\nb: [*a, *a]\nc:\n  <<: {d: e}\n",
    b"a: 2026-01-01\nb: !!python/object/apply:os.system [ls]\n1: 2\n",
)


@fuzz(100, values=damaged(_FILES), suffix=st.sampled_from((".json", ".yaml")))
def test_odd_lists_of_wildcards_are_prompts_or_a_sentence(
    tmp_path: Path, values: bytes, suffix: str
) -> None:
    for left in tmp_path.iterdir():
        left.unlink()
    (tmp_path / f"animals{suffix}").write_bytes(values)
    read(tmp_path, "__*__ __a__ __b/*__", b"fox\n")


@fuzz(60, values=damaged((b"fox\nowl\n{a|b}\n", "狐狸\n猫\n".encode("gb18030"))))
def test_odd_wildcards_are_prompts_or_a_sentence(tmp_path: Path, values: bytes) -> None:
    read(tmp_path, "an __animal__ and {a|b}", values)


@fuzz(20, values=damaged((b"", b"fox\n__animal__\n")))
def test_wildcards_without_values_or_with_themselves_come_to_an_end(
    tmp_path: Path, values: bytes
) -> None:
    read(tmp_path, "an __animal__ and {1-2$$__animal__|x}", values)
