"""Every text that a person can see has a Chinese translation with the same placeholders."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from studio.kinds.text import TextRequest
from studio.library.records import Asset
from studio.protocol import Recipe, sentence
from studio.settings import RESOURCES
from studio.ui.gallery.detail_text import detail_rows
from studio.ui.style.translations import JsonTranslator, joined, translated

CHINESE = RESOURCES / "translations" / "zh_CN.json"
STUDIO = Path(__file__).parent.parent.parent / "studio"
CALLS: dict[str, tuple[int | str, ...]] = {
    "tr": (0,),
    "_tr": (0,),
    "sentence": (0,),
    "Sentence": (0,),
    "problem": (1,),
    "label": (0, 1, "unit"),
    "Kind": ("title", "action", "text_action", "no_model", "wrong_model", "summary"),
}
"""Functions whose arguments at these places are texts for a person."""


def calls() -> Iterator[tuple[Path, ast.Call, ast.expr]]:
    for file in sorted(STUDIO.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            for place in CALLS.get(name, ()):
                if isinstance(place, int):
                    if len(node.args) > place:
                        yield file, node, node.args[place]
                    continue
                for keyword in node.keywords:
                    if keyword.arg == place:
                        yield file, node, keyword.value


def texts() -> dict[str, str]:
    return {
        text.value: f"{file.relative_to(STUDIO)}:{node.lineno}"
        for file, node, text in calls()
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    }


def test_every_text_has_a_chinese_translation() -> None:
    chinese = json.loads(CHINESE.read_text("utf-8"))
    missing = [f"{where} {text!r}" for text, where in texts().items() if text not in chinese]
    assert not missing, "\n".join(missing)


def test_there_is_no_translation_of_a_text_that_is_not_used() -> None:
    left = set(json.loads(CHINESE.read_text("utf-8"))) - set(texts())
    assert not left


def test_translations_keep_the_placeholders() -> None:
    def values(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    wrong = [
        english
        for english, chinese in json.loads(CHINESE.read_text("utf-8")).items()
        if values(english) != values(chinese)
    ]
    assert not wrong


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    translator = JsonTranslator(CHINESE)
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


@pytest.mark.usefixtures("chinese")
def test_a_sentence_of_the_engine_is_translated() -> None:
    message = sentence("The settings could not be saved in {path}.", path="/tmp/狐狸 {x}")
    assert translated(message) == "设置无法保存到 /tmp/狐狸 {x}。"


@pytest.mark.usefixtures("chinese")
def test_a_text_without_a_translation_stays_english() -> None:
    assert translated(sentence("Nobody {did} this.", did="translated")) == "Nobody translated this."


@pytest.mark.usefixtures("chinese")
def test_units_and_names_of_choices_are_translated_in_the_details_of_a_result() -> None:
    recipe = Recipe(request=TextRequest(prompt="a", seed=1), row=0, seed=1, job="j", created="")
    asset = Asset(
        id="a",
        job="j",
        row=0,
        task="text",
        path=Path("a.md"),
        created="",
        recipe=recipe,
        prompt="a",
    )
    rows = dict(detail_rows(asset))
    assert rows["预设"] == "均衡"
    assert rows["回答长度上限"] == "512 词元"


@pytest.mark.usefixtures("chinese")
def test_sentences_follow_each_other_without_a_blank_in_chinese() -> None:
    assert joined(["一。", "二 {x}。", "三。"]) == "一。二 {x}。三。"
