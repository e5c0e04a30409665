"""The words that the model understands, for programs that look at a prompt before it is drawn.

`names` are the phrases that name a thing; `besides` are words around a name that change nothing, or
that name one of the five styles. Words for another number, another look or a place are in neither:
the tokenizer takes them out, so that the picture does not show them.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from .captions import (
    ADJECTIVES_EN,
    ADJECTIVES_ZH,
    COLOURS,
    DETAILS_EN,
    DETAILS_ZH,
    STYLE_WORDS_EN,
    STYLE_WORDS_ZH,
    Phrases,
)
from .wording import WORDS_FOR_EMOJI

FILE = "known_words.json"

_BESIDES_EN = """
a an the my your our his her one single this that some kind hi hello hey please kindly can
could would you i i'd i'm we want need like to see have get just let draw paint sketch
make create generate design show give me us for be is it icon icons of picture image
drawing illustration emoji sticker clipart clip art symbol logo cartoon style styled
design in with on at and by very really so quite super tiny huge large adorable funny
pretty sweet kawaii minimal clean plain light dark bright deep pale golden gold silver
gray grey violet turquoise cyan colorful colourful
"""
_BESIDES_ZH = """
请 麻烦 你好 帮我 帮忙 给我 为我 来 看 看到 做 画 画出 绘制 生成 创作 设计 制作
创建 一下 我 我想 我想要 我要 我需要 想要 需要 要 你 能不能 能否 可不可以 可以 能 有
是 的 个 只 张 图标 图片 图案 图像 插画 插图 贴纸 表情包 表情 简笔画 卡通 图 画
风格 风 款 款式 样式 效果 质感 版 一个 一只 一辆 一杯 一朵 一颗 一张 一条 一座 一艘
一架 一台 一部 一把 一件 一双 一对 一棵 一株 一头 一匹 一位 一名 一本 一枚 一块 一碗
一盘 一瓶 一支 一枝 一根 一间 一栋 一幅 一盏 一扇 一顶 一串 一束 一粒 一盒 一袋 一罐
一壶 一份 一种 一片 这个 那个 这只 那只 很 非常 特别 超级 十分 可爱 漂亮 美丽 好看
简单 简约 精美 精致 帅气 萌萌 小 小小 大 大大 和 与 跟
"""
_COLOURS_ZH = "红橙橘黄绿青蓝紫黑白棕褐灰粉金银米"


def known_words(phrases: Phrases) -> dict[str, list[str]]:
    """Return the lists by name, each sorted and in lower case after NFKC."""
    names = {name for names in (*phrases.en, *phrases.zh) for name in names}
    for thing in phrases.things:
        names |= {thing.emoji, *WORDS_FOR_EMOJI.get(thing.label_en, [])}
    besides = {
        *_BESIDES_EN.split(),
        *_BESIDES_ZH.split(),
        *ADJECTIVES_EN,
        *ADJECTIVES_ZH,
        *DETAILS_EN,
        *DETAILS_ZH,
    }
    besides |= {colour for pair in COLOURS for colour in pair}
    besides |= {f"{shade}{c}色" for c in _COLOURS_ZH for shade in ("", "深", "浅", "淡", "亮")}
    besides |= {w for s in (STYLE_WORDS_EN, STYLE_WORDS_ZH) for words in s.values() for w in words}
    return {"names": _plain(names), "besides": _plain(besides)}


def write_known_words(folder: Path, phrases: Phrases) -> None:
    """Write the lists beside the model."""
    text = json.dumps(known_words(phrases), ensure_ascii=False, indent=0)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def _plain(words: set[str]) -> list[str]:
    plain = {unicodedata.normalize("NFKC", word).lower().replace("\ufe0f", "") for word in words}
    return sorted(word for word in plain if word.strip())
