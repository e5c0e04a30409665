"""What a prompt for an icon says to a model: in both languages, misspelled, in part unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.formats.icons import chinese
from studio.formats.icons.words import Reading, read_prompt

KNOWN = frozenset(
    "house heart cat calendar file lock cup line chart hourglass car a 24 battery tier".split()
)


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("house with a heart", "house heart"),
        ("带爱心的房子", "heart house"),
        ("房子house", "house"),
        ("File-Lock, cats!", "file lock cat"),
        ("the cat's house", "cat house"),
        ("line chart", "line chart"),
        ("sharp heart", "heart"),
        ("a", "a"),
        ("batteries", "battery"),
        ("24", "24"),
    ],
)
def test_words_are_found_in_english_and_chinese(prompt: str, known: str) -> None:
    assert read_prompt(prompt, KNOWN) == Reading(tuple(known.split()))


@pytest.mark.parametrize(
    ("prompt", "replaced"),
    [
        ("kitty", ("kitty", "cat")),
        ("automobiles", ("automobiles", "car")),
        ("hourgalss", ("hourgalss", "hourglass")),
    ],
)
def test_other_words_for_a_thing_and_misspelled_ones_are_said(
    prompt: str, replaced: tuple[str, str]
) -> None:
    assert read_prompt(prompt, KNOWN) == Reading((replaced[1],), (replaced,))


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("кот", ("кот",)),
        ("🐱", ("🐱",)),
        ("xylophone qqqq", ("xylophone", "qqqq")),
        ("量子", ("量子",)),
        ("x" * 5000, None),
        ("ネコ cat", ("ネコ",)),
        ("tiger", ("tiger",)),
        ("老虎", ("tiger",)),
    ],
)
def test_what_is_not_known_is_told_apart(prompt: str, unknown: tuple[str, ...] | None) -> None:
    found = read_prompt(prompt, KNOWN)
    assert found.unknown == (unknown or found.unknown) and found.unknown


@pytest.mark.parametrize("prompt", ["thin outline", "bold", "Line"])
def test_a_prompt_of_style_alone_is_no_thing(prompt: str) -> None:
    assert read_prompt(prompt, KNOWN) == Reading(is_style=True)


@pytest.mark.parametrize("prompt", ["", " \n\t", "…!?", "\x00\u0301"])
def test_a_prompt_without_words_is_empty(prompt: str) -> None:
    assert read_prompt(prompt, KNOWN) == Reading()


def test_the_table_has_a_chinese_name_for_most_words_and_each_name_once() -> None:
    lines = Path(chinese.__file__).with_name("words_zh.txt").read_text("utf-8").splitlines()
    words = [line.split()[0] for line in lines]
    names = [name for line in lines for name in line.split()[1:]]
    assert len(words) >= 2000
    assert words == sorted(set(words)) and len(names) == len(set(names))
