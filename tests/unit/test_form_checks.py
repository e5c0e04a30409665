"""What a form demands of a result is checked by rules; what is wrong has a place and a reason."""

from __future__ import annotations

import pytest

from studio.settings import RESOURCES
from studio.writing.checks.check_result import check_result
from studio.writing.checks.length import length_of
from studio.writing.checks.sums import wrong_sums
from studio.writing.checks.words import banned_words, glossary_of, missing_points, missing_terms
from studio.writing.forms.brand import Brand
from studio.writing.forms.form_folders import find_form, list_forms

FORMS = list_forms(RESOURCES, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 × 4 + 2 = 15", "3 × 4 + 2 is 14, not 15."),
        ("1. 3 + 4 = 8", "3 + 4 is 7, not 8."),
        ("- 3 + 4 = 8", "3 + 4 is 7, not 8."),
        ("所以 5－2＝4，对吗", "5－2 is 3, not 4."),
        ("15% of 80 = 13", "15% of 80 is 12, not 13."),
        ("17 ÷ 5 = 3……1", "17 ÷ 5 is 3 r 2, not 3."),
        ("12 = 2 × 7", "2 × 7 is 14, not 12."),
        ("3/4 + 1/8 = 6/8 + 1/8 = 8/8", "6/8 + 1/8 is 7/8, not 8/8."),
        ("x = 8 ÷ 2 = 5", "8 ÷ 2 is 4, not 5."),
        ("$3 \\times 4 = 11$", "3 \\times 4 is 12, not 11."),
        ("0.3 × 0.2 = 0.6", "0.3 × 0.2 is 0.06, not 0.6."),
        ("**8 x 7 = 54**", "8 x 7 is 56, not 54."),
    ],
)
def test_a_wrong_calculation_is_found(text: str, said: str) -> None:
    found = list(wrong_sums(text))
    assert [str(each.message) for each in found] == [said]
    assert text[found[0].start : found[0].end] == found[0].text


@pytest.mark.parametrize(
    "text",
    [
        "2) 3/4 + 1/8 = 7/8",
        "2x + 3 × 4 = 20",
        "f(2+1) = 9",
        "10 ÷ 3 = 3.33",
        "17 ÷ 5 = 3 r 2",
        "1,200 + 300 = 1,500.",
        "3 + 4 = 7x",
        "3 m × 4 m = 12 m²",
        "2(3+4) = 14, 5² = 25, 9 - 10 = -1",
        "a = 5, page 12-14 = introduction",
        "= = = 3 + = 4 ((((1 = 2",
        "9^99 = 1, 1 / 0 = 2",
    ],
)
def test_what_is_right_or_cannot_be_judged_is_no_finding(text: str) -> None:
    assert not list(wrong_sums(text))


def test_hostile_calculations_are_left_in_time() -> None:
    assert not list(wrong_sums("(" * 50_000 + "=" + ")" * 50_000))
    assert not list(wrong_sums("1+" * 50_000 + "1 = 1"))
    assert len(list(wrong_sums("1 + 1 = 3\n" * 2000))) == 2000
    for text in ("1 " * 100_000, "1" * 200_000, "1=" * 100_000, "% " * 100_000, "x " * 100_000):
        assert not list(wrong_sums(text))


def test_words_and_characters_are_counted_as_word_processors_do() -> None:
    assert length_of("It's 3.5 kg, well-made.") == 4
    assert length_of("你好，world 3.5公斤") == 6


def test_banned_words_are_whole_words_in_english_and_any_place_in_chinese() -> None:
    found = banned_words("The Best of bestsellers", ["best", "best of"])
    assert [each.text for each in found] == ["Best of"]
    assert [each.start for each in banned_words("我们最好的茶", ["最好", ""])] == [2]
    assert not list(banned_words("anything", []))
    many = [f"word{n}" for n in range(10_000)]
    assert [each.text for each in banned_words("a word7 " * 3, many)] == ["word7"] * 3


def test_a_point_counts_as_said_if_half_of_it_occurs() -> None:
    points = ["delivered by noon", "3 years of warranty", "10秒折好"]
    text = "We deliver at noon. 只要10秒就折好了。"
    assert [each.text for each in missing_points(text, points)] == ["3 years of warranty"]


def test_terms_of_the_brief_must_be_translated_as_the_glossary_says() -> None:
    glossary = glossary_of(["soft opening = 试营业", "house blend → 招牌拼配", "no sign"])
    assert glossary == {"soft opening": "试营业", "house blend": "招牌拼配"}
    found = list(missing_terms("The soft opening is in May.", "五月开业。", glossary))
    assert [each.kind for each in found] == ["term_missing"]


def test_a_result_is_checked_for_everything_that_its_form_and_brand_demand() -> None:
    form = find_form(FORMS, "en/ad-copy", ()).form
    values = {
        "product": "Tern, a folding bicycle of 10 kg",
        "points": "folds in 10 seconds\n3 years of warranty",
        "length": "20",
        "avoid": "amazing",
    }
    text = (
        "Amazing! Tern folds in 8 seconds, weighs 10 kg, cheap, and guaranteed to please"
        " everybody in town, every single day of the week."
    )
    found = check_result(form, values, text, Brand("Tern", avoid=("cheap",))).findings
    assert [(each.kind, each.text[:10]) for each in found] == [
        ("point_missing", "3 years of"),
        ("word_banned", "Amazing"),
        ("figure_changed", "8 seconds"),
        ("word_banned", "cheap"),
        ("word_banned", "guaranteed"),
        ("too_long", "of the wee"),
    ]
    good = "Tern folds in 10 seconds and weighs 10 kg. With 3 years of warranty."
    assert not check_result(form, values, good).findings


def test_bare_numbers_in_tables_are_no_facts() -> None:
    form = find_form(FORMS, "en/short-video", ()).form
    table = "| Shot | Picture | Voice | Seconds |\n| --- | --- | --- | --- |\n"
    table += "| 1 | A tyre | Pump it up | 7 |\n| 2 | A pump | To 5 bar | 9 |"
    values = {"topic": "tyres", "points": "pump it up to 4 bar"}
    found = check_result(form, values, table).findings
    assert [each.text for each in found] == ["5"]
