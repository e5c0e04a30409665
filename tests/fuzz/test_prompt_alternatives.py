"""Prompts with alternatives and wildcards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from studio.jobs.prompt_alternatives import expand_all
from studio.protocol import ProblemError
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, damaged, fuzz, is_on_demand

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

    def call() -> None:
        made = expand_all(prompt, folder, most=100)
        assert len(made) <= 100
        assert len(set(made)) == len(made)

    bounded("alternatives", folder, call, ProblemError)


@fuzz(150, parts=st.lists(_PARTS, max_size=7))
def test_odd_alternatives_are_prompts_or_a_sentence(tmp_path: Path, parts: list[str]) -> None:
    read(tmp_path, "".join(parts), b"fox\nowl\n# none\n{red|blue} cat\n")


@fuzz(60, values=damaged((b"fox\nowl\n{a|b}\n", "狐狸\n猫\n".encode("gb18030"))))
def test_odd_wildcards_are_prompts_or_a_sentence(tmp_path: Path, values: bytes) -> None:
    read(tmp_path, "an __animal__ and {a|b}", values)


@pytest.mark.skipif(not is_on_demand(), reason="known to go on for ever")
@fuzz(20, values=damaged((b"", b"fox\n__animal__\n")))
def test_wildcards_without_values_or_with_themselves_come_to_an_end(
    tmp_path: Path, values: bytes
) -> None:
    read(tmp_path, "an __animal__ and {1-2$$__animal__|x}", values)
