"""What the included icon model understands of a prompt, by the words that it was taught."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.models.known_words import FILE, KnownWords, known_words
from studio.settings import RESOURCES


@pytest.fixture(scope="module")
def icons() -> KnownWords:
    found = known_words(RESOURCES / "models" / "starter-icons")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple",
        "draw me a rocket, please",
        "pizza icon, flat style",
        "two hearts",
        "a {red|blue} apple",
        "umbrellas",
        "grinning face with big eyes",
        "🍎",
        "👍🏽",
        "一只可爱的熊猫",
        "请帮我画一辆自行车",
        "红色的气球，扁平风格",
        "一百分",
        "咖啡杯，３Ｄ风格",
    ],
)
def test_one_thing_is_understood_with_what_is_said_around_it(
    prompt: str, icons: KnownWords
) -> None:
    assert icons.read(prompt).is_whole, icons.read(prompt)


@pytest.mark.parametrize(
    ("prompt", "names", "unknown"),
    [
        ("一只橘猫", ("猫",), ("橘",)),
        ("上海外滩夜景", None, ("外滩夜景",)),
        ("古风美女", None, None),
        ("写实肖像照片", None, None),
        ("咖啡店标志", None, ("店",)),
        ("脑部核磁共振影像", None, None),
        ("three umbrellas on a beach", ("three", "umbrella", "beach"), ()),
        ("a cat and a dog", ("cat", "dog"), ()),
        ("Mona Lisa", (), ("mona", "lisa")),
        ("a photograph of Paris", None, None),
        ("赛博朋克城市", None, None),
    ],
)
def test_what_else_is_asked_for_is_not(
    prompt: str,
    names: tuple[str, ...] | None,
    unknown: tuple[str, ...] | None,
    icons: KnownWords,
) -> None:
    found = icons.read(prompt)
    assert not found.is_whole
    assert names is None or found.names == names
    assert unknown is None or found.unknown == unknown


def test_words_around_a_name_are_no_prompt_without_one() -> None:
    words = KnownWords(frozenset({"cat"}), frozenset({"cute"}))
    assert words.read("a cute").unknown == ("a",)
    assert not words.read("cute").is_whole
    assert words.read("cute cats").is_whole


def test_a_long_prompt_is_read_in_bounded_time(icons: KnownWords) -> None:
    assert not icons.read("a story about a cat " * 5000).is_whole


@pytest.mark.parametrize("content", ["", "[]", '{"names": 5}', '{"besides": []}', "\x00"])
def test_a_file_that_is_no_list_says_nothing(content: str, tmp_path: Path) -> None:
    assert known_words(tmp_path) is None
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    assert known_words(tmp_path) is None
