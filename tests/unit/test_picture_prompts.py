"""Prompts for pictures, put together from parts in the manner of a model."""

from __future__ import annotations

import msgspec

from studio.formats.chat.answer_form import schema_error
from studio.writing.picture_prompts.ask import question, read_answer
from studio.writing.picture_prompts.compose import compose
from studio.writing.picture_prompts.parts import PartName, manner_of, parts_for

PARTS: dict[PartName, str] = {
    "setting": "in a forest",
    "style": "oil painting",
    "light": "moonlight",
    "mood": "calm",
}


def test_the_manner_is_that_of_the_family() -> None:
    assert manner_of("sdxl", knows_only_things=False) == "tags"
    assert manner_of("z_image", knows_only_things=False) == "sentences"
    assert manner_of("", knows_only_things=True) == "words"
    assert [part.name for part in parts_for("words")] == ["style"]


def test_parts_become_tags_or_sentences_in_both_languages() -> None:
    assert compose("tags", " a fox. ", PARTS) == "a fox, in a forest, oil painting, moonlight, calm"
    assert (
        compose("sentences", "A red fox", PARTS)
        == "An oil painting of a red fox in a forest, moonlight. The mood is calm."
    )
    chinese: dict[PartName, str] = {"style": "水彩", "light": "月光", "mood": "宁静"}
    assert compose("sentences", "一只狐狸", chinese) == "水彩：一只狐狸，月光。氛围宁静。"
    assert compose("tags", "一只狐狸", chinese) == "一只狐狸，水彩，月光，宁静"
    assert compose("sentences", "", {}) == ""
    assert compose("words", "a fox", {"style": "3d style"}) == "a fox, 3d style"


def test_a_model_is_asked_by_a_schema_and_odd_answers_are_none() -> None:
    _, prompt, schema = question("狐狸 {x}")
    assert prompt == "想法：狐狸 {x}" and schema_error(schema) is None
    answer = msgspec.json.encode({"subject": "a fox", "style": "ink", "mood": 3}).decode()
    assert read_answer(f"<think>x</think>{answer}") == ("a fox", {"style": "ink"})
    for odd in ("", "[]", "no", '{"subject":', "[" * 100_000):
        assert read_answer(odd) is None
