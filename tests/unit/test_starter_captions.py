"""The recipe of the starter image model: names, captions and joins, without torch."""

from __future__ import annotations

import pytest

from starter_recipe import captions, icons


def _things() -> list[icons.Thing]:
    return [
        icons.Thing("1f34e", "🍎", 4, "red apple", "红苹果", ["apple", "fruit"], ["苹果", "水果"]),
        icons.Thing(
            "1f34f", "🍏", 4, "green apple", "青苹果", ["apple", "fruit"], ["苹果", "水果"]
        ),
        icons.Thing("2728", "✨", 6, "sparkles", "闪亮", ["star"], ["星星"]),
        icons.Thing("2753", "❓", 8, "red question mark", "红色问号", ["mark"], ["问号"]),
        icons.Thing("1f63a", "😺", 0, "grinning cat", "大笑的猫", ["cat", "smile"], ["猫"]),
    ]


def test_code_points_are_joined_without_the_variation_selector() -> None:
    assert icons.canonical("2764-FE0F-200D-1F525") == "2764-200d-1f525"


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ({"label": "red apple", "group": 4, "subgroup": 42, "hexcode": "1F34E"}, True),
        ({"label": "flag: Wales", "group": 9, "subgroup": 99, "hexcode": "1F3F4"}, False),
        ({"label": "keycap: 1", "group": 8, "subgroup": 94, "hexcode": "31-20E3"}, False),
        ({"label": "one o’clock", "group": 5, "subgroup": 58, "hexcode": "1F550"}, False),
        ({"label": "astronaut", "group": 1, "subgroup": 25, "hexcode": "1F9D1-200D-1F680"}, True),
        (
            {"label": "man astronaut", "group": 1, "subgroup": 25, "hexcode": "1F468-200D-1F680"},
            False,
        ),
        (
            {"label": "polar bear", "group": 3, "subgroup": 34, "hexcode": "1F43B-200D-2744-FE0F"},
            True,
        ),
    ],
)
def test_flags_keycaps_clock_faces_and_gendered_roles_are_left_out(
    entry: dict[str, object], kept: bool
) -> None:
    assert icons.wanted(entry) is kept


def test_a_phrase_names_exactly_one_thing() -> None:
    phrases = captions.Phrases(_things())
    for names in (phrases.en, phrases.zh):
        flat = [name for mine in names for name in mine]
        assert len(flat) == len(set(flat))
    assert "apple" in phrases.en[0]
    assert "smiling cat" in phrases.en[4]
    assert "微笑的猫" in phrases.zh[4]


def test_captions_depend_on_their_seed_and_name_their_style() -> None:
    phrases = captions.Phrases(_things())
    first, again = captions.Captions(phrases, 5), captions.Captions(phrases, 5)
    drawn = [first.draw() for _ in range(300)]
    assert drawn == [again.draw() for _ in range(300)]
    assert any(caption.text == "" for caption in [first.draw() for _ in range(3000)])
    for caption in drawn:
        assert "{" not in caption.text
        if caption.style == 1 and caption.text:
            words = (*captions.STYLE_WORDS_EN["flat"], *captions.STYLE_WORDS_ZH["flat"])
            assert any(word in caption.text.lower() for word in words)


def test_transparent_pixels_do_not_bleed_their_colour_onto_white() -> None:
    from PIL import Image

    picture = Image.new("RGBA", (64, 32), (255, 0, 0, 0))
    made = icons.on_white(picture)
    assert made.shape == (icons.SIZE, icons.SIZE, 3)
    assert int(made.min()) == 255
