"""Captions in English and Chinese, and which thing a phrase names.

A phrase names exactly one thing, so that nothing averages two pictures: `Phrases` gives
each label, alias and tag to the thing it fits best. Captions are phrases in templates,
with the style as a word (or without: then it is 3d), made at random from a seed.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from .icons import STYLES, Thing

STYLE_WORDS_EN: dict[str, tuple[str, ...]] = {
    "3d": ("3d", "3d", "3d", "3-d", "three-dimensional"),
    "flat": ("flat", "flat", "flat", "flat design", "2d"),
    "gradient": ("gradient", "gradient", "gradient", "shaded"),
    "noto": ("noto", "noto", "noto", "noto emoji"),
    "classic": ("classic", "classic", "classic", "retro", "old-school"),
}
STYLE_WORDS_ZH: dict[str, tuple[str, ...]] = {
    "3d": ("3d", "3d", "立体", "三维"),
    "flat": ("扁平", "扁平", "扁平化", "平面", "flat"),
    "gradient": ("渐变", "渐变", "渐变色", "gradient"),
    "noto": ("noto", "noto", "诺托"),
    "classic": ("经典", "经典", "复古", "怀旧", "classic"),
}
WITH_STYLE_EN = (
    "{s}, {y} style", "{s}, {y} style", "{s}, {y}", "{s} {y}", "{y} {s}", "{y} icon of {s}",
    "{s} in {y} style", "{s} in a {y} style", "{s} icon, {y} style", "{s}, {y} icon", "{s} ({y})",
    "{y} style {s}", "{y}-style {s}", "{y} style icon of {s}", "an icon of {s}, {y} style",
    "a {y} icon: {s}", "{s}. {y} style.", "{y} emoji of {s}",
)  # fmt: skip
PLAIN_EN = (
    "{s}", "{s}", "{s}", "{s} icon", "icon of {s}", "an icon of {s}", "draw {s}", "{s} emoji",
    "a picture of {s}", "{s} sticker", "please draw {s}", "an image of {s}", "{s}, icon",
)  # fmt: skip
WITH_STYLE_ZH = (
    "{s}，{y}风格", "{s}，{y}风格", "{s}，{y}", "{s} {y}", "{y}{s}", "{y}风格的{s}", "{s}{y}风格",
    "{y}风格{s}图标", "{s}图标，{y}风格", "{s}，{y}图标", "{s}（{y}）", "{s}, {y}风格", "{y}的{s}",
    "画{s}，{y}风格", "{y}风格的{s}图标",
)  # fmt: skip
PLAIN_ZH = (
    "{s}", "{s}", "{s}", "{s}图标", "{s}的图标", "画{s}", "请画{s}", "{s}表情", "{s}贴纸",
    "{s}的图片",
)  # fmt: skip
ADJECTIVES_EN = ("cute", "small", "big", "beautiful", "simple", "nice", "cool", "little", "lovely")
ADJECTIVES_ZH = ("可爱的", "小", "大", "漂亮的", "简单的", "好看的", "一只", "一个", "一颗", "一朵")
COLOURS = (
    ("red", "红色的"), ("blue", "蓝色的"), ("green", "绿色的"), ("yellow", "黄色的"),
    ("purple", "紫色的"), ("orange", "橙色的"), ("pink", "粉色的"), ("black", "黑色的"),
    ("white", "白色的"), ("brown", "棕色的"),
)  # fmt: skip

# Everyday words that are no labels and whose thing does not follow from the tags: phrase → label.
_EVERYDAY: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("everyday.json").read_text("utf-8")
)

UNKNOWN = "red question mark"  # drawn for a prompt that names nothing
NOTHING = "sparkles"  # drawn for an empty prompt
# Words around a name that do not change what it names.
BESIDES_EN = (
    *("with", "in", "on", "near", "and", "for", "at", "under", "by", "from", "of"),
    *("wearing", "holding", "riding", "eating", "sitting on", "next to", "made of"),
)
BESIDES_ZH = ("和", "里的", "上的", "旁边的", "与", "拿着", "戴着", "骑着", "吃着", "下面的")
PREFACES_EN = (
    *("i want", "please make me", "generate", "create", "show me", "make", "can you draw"),
    *("a drawing of", "an illustration of", "a photo of", "a very nice", "my", "your", "some"),
)
PREFACES_ZH = (
    "我想要",
    "请生成",
    "生成",
    "帮我画",
    "给我看",
    "很漂亮的",
    "非常可爱的",
    "一张",
    "我的",
    "有",
)
DETAILS_EN = (
    *("high quality", "white background", "isolated", "simple and clean", "vector illustration"),
    *("detailed", "render", "logo", "modern design", "for my website", "that is very nice", "hd"),
)
DETAILS_ZH = (
    "高清",
    "白色背景",
    "简洁",
    "插画",
    "渲染",
    "高质量",
    "现代设计",
    "很好看",
    "用于网站",
)


@dataclass(frozen=True)
class Caption:
    """A prompt and what it asks for."""

    text: str
    thing: int
    style: int


def _clean(phrase: str) -> str:
    return re.sub(r"\s+", " ", phrase.replace("’", "'").replace("“", "").replace("”", "")).strip()


class Phrases:
    """For each thing, the phrases that name it: `en`, `zh` and the emoji itself."""

    def __init__(self, things: list[Thing]) -> None:
        self.things = things
        self.en = self._assign(
            [t.label_en for t in things],
            [t.aliases_en for t in things],
            [t.tags_en for t in things],
            _EVERYDAY["en"],
        )
        self.zh = self._assign(
            [t.label_zh for t in things],
            [t.aliases_zh for t in things],
            [t.tags_zh for t in things],
            _EVERYDAY["zh"],
        )

    def _assign(
        self,
        labels: list[str],
        aliases: list[list[str]],
        tags: list[list[str]],
        everyday: dict[str, str],
    ) -> list[list[str]]:
        """Phrases of each thing, its label first; every phrase belongs to one thing only."""
        owner: dict[str, int] = {}
        cleaned = [_clean(label).lower() for label in labels]
        for index, label in enumerate(cleaned):
            owner.setdefault(label, index)
        english = {thing.label_en: index for index, thing in enumerate(self.things)}
        for phrase, label in everyday.items():
            if label in english:
                owner.setdefault(phrase, english[label])
        for index, names in enumerate(aliases):
            for name in names:
                owner.setdefault(_clean(name).lower(), index)
        wanting: dict[str, list[int]] = defaultdict(list)
        for index, names in enumerate(tags):
            for name in names:
                wanting[_clean(name).lower()].append(index)
        for name, candidates in wanting.items():
            pattern = rf"\b{re.escape(name)}\b" if name.isascii() else re.escape(name)
            best = min(
                candidates,
                key=lambda i: (not re.search(pattern, cleaned[i]), len(cleaned[i]), i),
            )
            owner.setdefault(name, best)
        found: list[list[str]] = [[label] for label in cleaned]
        for phrase, index in owner.items():
            if phrase and phrase != cleaned[index]:
                found[index].append(phrase)
        return found


class Captions:
    """An endless, seeded stream of captions."""

    def __init__(self, phrases: Phrases, seed: int) -> None:
        self.phrases = phrases
        self.random = random.Random(seed)
        labels = [thing.label_en for thing in phrases.things]
        self._nothing, self._unknown = labels.index(NOTHING), labels.index(UNKNOWN)
        self._words_en = sorted({tag for thing in phrases.things for tag in thing.tags_en})
        self._words_zh = sorted({tag for thing in phrases.things for tag in thing.tags_zh})
        self._coloured = {
            index
            for index, thing in enumerate(phrases.things)
            if any(en in thing.label_en.lower() for en, _ in COLOURS)
            or any(word in thing.label_en for word in ("heart", "circle", "square", "book"))
        }

    def _english(self, thing: int, plain: bool) -> str:
        pick = self.random
        names = self.phrases.en[thing]
        name = names[0] if pick.random() < 0.4 else pick.choice(names)
        if pick.random() < 0.07:
            tags = self.phrases.things[thing].tags_en
            if tags:
                name = f"{name}, {', '.join(pick.sample(tags, min(len(tags), pick.randint(1, 3))))}"
        if pick.random() < 0.05 and thing not in self._coloured:
            name = f"{pick.choice(COLOURS)[0]} {name}"
        elif pick.random() < 0.08:
            name = f"{pick.choice(ADJECTIVES_EN)} {name}"
        if pick.random() < 0.3:
            name = f"{pick.choice(('a', 'a', 'an', 'the', 'one'))} {name}"
        for _ in range(2):
            if pick.random() < 0.1:
                besides, article = pick.choice(BESIDES_EN), pick.choice(("", "a ", "the "))
                name = f"{name} {besides} {article}{pick.choice(self._words_en)}"
        if pick.random() < 0.08:
            name = f"{pick.choice(PREFACES_EN)} {name}"
        text = pick.choice(PLAIN_EN if plain else WITH_STYLE_EN).replace("{s}", name)
        return f"{text}, {pick.choice(DETAILS_EN)}" if pick.random() < 0.12 else text

    def _chinese(self, thing: int, plain: bool) -> str:
        pick = self.random
        names = self.phrases.zh[thing]
        name = names[0] if pick.random() < 0.4 else pick.choice(names)
        if pick.random() < 0.05 and thing not in self._coloured:
            name = pick.choice(COLOURS)[1] + name
        elif pick.random() < 0.12:
            name = pick.choice(ADJECTIVES_ZH) + name
        for _ in range(2):
            if pick.random() < 0.08:
                name = pick.choice(self._words_zh) + pick.choice(BESIDES_ZH) + name
        if pick.random() < 0.1:
            name = pick.choice(PREFACES_ZH) + name
        text = pick.choice(PLAIN_ZH if plain else WITH_STYLE_ZH).replace("{s}", name)
        return f"{text}，{pick.choice(DETAILS_ZH)}" if pick.random() < 0.12 else text

    def _nonsense(self) -> str:
        """Return text that names nothing: invented words, or rare characters."""
        pick = self.random
        if pick.random() < 0.3:
            return "".join(chr(pick.randrange(0x4E00, 0x9FA5)) for _ in range(pick.randint(1, 5)))
        letters = "abcdefghijklmnopqrstuvwxyz"
        lengths = [pick.randint(2, 9) for _ in range(pick.randint(1, 4))]
        return " ".join("".join(pick.choices(letters, k=length)) for length in lengths)

    def draw(self) -> Caption:
        """One caption of a random thing in a random style."""
        pick = self.random
        if pick.random() < 0.004:
            return Caption("", self._nothing, 0)
        if pick.random() < 0.015:
            return Caption(self._nonsense(), self._unknown, 0)
        thing = pick.randrange(len(self.phrases.things))
        plain = pick.random() < 0.15
        style = 0 if plain else pick.randrange(len(STYLES))
        kind = pick.random()
        if kind < 0.06:
            templates = PLAIN_EN if plain else pick.choice((WITH_STYLE_EN, WITH_STYLE_ZH))
            text = pick.choice(templates).replace("{s}", self.phrases.things[thing].emoji)
        elif kind < 0.53:
            text = self._english(thing, plain)
        else:
            text = self._chinese(thing, plain)
        words = STYLE_WORDS_EN if not re.search(r"[一-鿿]", text) else STYLE_WORDS_ZH
        text = text.replace("{y}", pick.choice(words[STYLES[style]]))
        if pick.random() < 0.15:
            text = text.upper() if pick.random() < 0.2 else text.capitalize()
        return Caption(text, thing, style)
