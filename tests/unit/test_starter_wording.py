"""What the tokenizer of the starter image model removes from a prompt, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers

from starter_recipe import captions, icons, tokens

ICONS = Path(__file__).resolve().parents[2] / "resources" / "models" / "starter-icons"
SHIPPED = ICONS / "tokenizer" / "tokenizer.json"


@pytest.fixture(scope="module")
def shipped() -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(SHIPPED))


@pytest.mark.parametrize(
    ("prompt", "stripped"),
    [
        ("红色的自行车", "自行车"),
        ("一辆红色自行车", "自行车"),
        ("请帮我画一辆蓝色的汽车，高清", "汽车"),
        ("桌子上有一只可爱的猫，扁平款式", "猫，扁平风格"),
        ("戴着帽子的狗，３Ｄ画风", "狗，3d风格"),
        ("咖啡杯，3D风格", "☕，3d风格"),
        ("Please draw me a cute red bicycle on a table, 3D style", "a bicycle, 3d style"),
        ("a coffee mug", "a ☕"),
    ],
)
def test_words_without_meaning_for_the_model_are_removed(
    prompt: str, stripped: str, shipped: tokenizers.Tokenizer
) -> None:
    assert shipped.encode(prompt).ids == shipped.encode(stripped).ids


@pytest.mark.parametrize(
    ("prompt", "kept"),
    [
        ("红苹果", "红苹果"),
        ("一个红色的心形", "红色的心形"),
        ("一百分", "一百分"),
        ("两个女人", "两个女人"),
        ("微笑的猫", "微笑的猫"),
        ("扁平风格的猫", "扁平风格的猫"),
        ("红色", "红色"),
        ("一个", "一个"),
        ("a red apple in flat style", "a red apple in flat style"),
        ("a black cat", "a black cat"),
    ],
)
def test_names_styles_and_single_words_are_kept(
    prompt: str, kept: str, shipped: tokenizers.Tokenizer
) -> None:
    normal = shipped.normalizer.normalize_str(prompt)

    assert "".join(normal.split()) == "".join(kept.split())


def test_the_rules_do_not_change_the_vocabulary() -> None:
    things = [
        icons.Thing("1f34e", "🍎", 4, "red apple", "红苹果", ["apple"], ["苹果"]),
        icons.Thing("1f6b2", "🚲", 5, "bicycle", "自行车", ["bike"], ["单车"]),
        icons.Thing("2728", "✨", 6, "sparkles", "闪亮", ["star"], ["星星"]),
        icons.Thing("2753", "❓", 8, "red question mark", "红色问号", ["mark"], ["问号"]),
    ]
    made = tokens.new_tokenizer(captions.Phrases(things))

    assert {"please", "draw", "red", "画", "只", "的"} <= set(made.get_vocab())
    assert made("一辆红色的自行车").input_ids == made("自行车").input_ids
    assert made("红苹果").input_ids != made("苹果").input_ids


def test_the_shipped_tokenizer_has_only_plain_rules() -> None:
    rules = json.loads(SHIPPED.read_text("utf-8"))["normalizer"]["normalizers"]

    assert {rule["type"] for rule in rules} == {"Replace", "NFKC", "Lowercase", "BertNormalizer"}
