"""Words that a prompt may have around a thing and its style, and the rules that remove them.

The model draws single things in five styles. Counting words, polite frames, colours that a
thing does not come in, places and praise only blur what the reader gathers, and more so the more
of them there are. The rules are plain regular expressions of the tokenizer's normalizer, so that
every program that loads the tokenizer has them. They see lower-case text after NFKC.

A rule removes no part of a *name*: the "red" of "red apple", the 一 of 一百分, and never all
of a prompt: something must follow, or stand before. The last rules put an emoji for a word that
the reader names badly.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Regex, normalizers

from .captions import STYLE_WORDS_EN, STYLE_WORDS_ZH, Phrases

_HAN = "[一-鿿]"
_MORE = r"(?=[^\s,.;:!?。、()\[\]])"  # a word follows right here
_END = r"(?=\s*(?:$|[,.;:!?。、(]))"
_LOOKS = sorted({w for s in (STYLE_WORDS_EN, STYLE_WORDS_ZH) for ws in s.values() for w in ws})
_LOOK = "|".join(sorted(map(re.escape, _LOOKS), key=lambda word: -len(word)))
_LOOK_BEFORE = "|".join(f"{re.escape(word)} " for word in _LOOKS if word.isascii())
_COLOURS_EN = (
    "red|blue|green|yellow|purple|orange|pink|black|white|brown|grey|gray|golden|gold|silver|cyan"
    "|turquoise|violet|colorful|colourful"
)
_COLOURS_ZH = "红橙橘黄绿青蓝紫黑白棕褐灰粉金银米"
# Chinese names that begin with a colour but are not a thing in that colour.
_NOT_COLOURED = frozenset("包桃中领行属钱发牌")
_OTHER_LOOKS_EN = (
    "realistic|photorealistic|watercolou?r|pixel art|anime|cartoon|minimalist|oil painting"
    "|hand[- ]drawn|modern|line art"
)
_OTHER_LOOKS_ZH = (
    "写实|真实|水彩|像素|动漫|卡通|手绘|油画|素描|水墨|国风|中国风|日系|可爱|简约|现代"
)


@dataclass(frozen=True)
class Rule:
    """Words that are taken out where `ahead` holds, several in a row at once.

    `start`: only where the prompt begins. `names`: never out of a name; `<name>` in `words`
    is a place where no name may begin or go on, and without it that is where the words begin.
    `content`: what is put instead.
    """

    words: str
    ahead: str = _MORE
    start: bool = False
    names: bool = True
    content: str = ""


RULES: tuple[Rule, ...] = (
    # "…, high quality, 4k", "…，白色背景": what follows a comma and is neither thing nor style.
    Rule(
        r"\s*,\s*(?:(?:very |highly )?detailed|(?:high|best) (?:quality|resolution)|hd|4k|8k"
        r"|(?:on )?(?:an? )?(?:plain )?white background|isolated(?: on white)?|simple and clean"
        r"|masterpiece|vector(?: illustration| art)?|for my website|高清|超清|高质量|精细|细节丰富"
        r"|白色?背景|纯白背景|白底|透明背景|简洁|很?好看|插画|渲染|现代设计|用于网站)",
        ahead=_END,
    ),
    Rule(
        rf"\s*,?\s*\b(?:in )?(?:an? )?(?:{_OTHER_LOOKS_EN})[- ]style\b"
        rf"|\s*,\s*(?:{_OTHER_LOOKS_ZH})(?:画?风格?|版|风)",
        ahead=_END,
    ),
    Rule(rf"(?:{_OTHER_LOOKS_ZH})(?:画?风格?|版|风)的?"),
    # "please draw me", "我想要", "帮我画".
    Rule(
        r"(?:hi|hello|hey|please|kindly|(?:can|could|would) you|i(?:'d)? (?:want|need|would like"
        r"|like)(?: you)?|to see|to have|to|just|draw|paint|sketch|make|create|generate|design|show"
        r"|give|me|us)\b[\s,]*",
        start=True,
    ),
    Rule(
        r"(?:你好,?|请|麻烦|帮我|帮忙|[给为]我(?:来|看|做|画)?|我?(?:想要?|需要|要)(?:看到?)?"
        r"|你?(?:能不能|能否|可不可以|可以|能)|绘制|生成|创作|设计|制作|创建|做"
        r"|画出?(?=[一两几个只张幅])|一下|[个只张幅]|有)",
        start=True,
    ),
    Rule(
        r"\b(?:icon|picture|image|photo|photograph|drawing|illustration|painting|sketch|cartoon"
        r"|clipart|emoji|sticker|logo)s? (?:of|showing)\s+",
    ),
    # At the end of a Chinese prompt or before a comma: 的图片, 的图标.
    Rule(
        rf"(?<={_HAN})的?小?(?:图标|图片|图案|图像|照片|插画|插图|贴纸|表情包|简笔画|的图|的画)",
        ahead=_END,
    ),
    Rule(
        rf"(?<={_LOOK})(?:款式?|样式|画风|效果|质感|版本?|风)(?!格)",
        ahead="",
        names=False,
        content="风格",
    ),
    # Counting words, and where the thing is: 一辆, 桌子上有.
    Rule(
        r"(?:[一二两三四五六七八九十几数这那1-9]"
        r"[个只辆杯朵颗张条座艘架台部把件双对棵株头匹位名本枚块碗盘瓶支枝根间栋幢幅盏扇顶束串群粒"
        r"盒袋罐壶份款种片]|一些|很多|许多|好多)",
    ),
    Rule(rf"{_HAN}{{1,6}}[上里下中旁边内外前后]面?(?:有|放着|摆着|坐着|站着|停着)"),
    # Praise.
    Rule(
        r"\b(?:cute|little|tiny|small|big|large|huge|beautiful|pretty|nice|lovely|cool|simple"
        r"|adorable|funny|very|really|super|cartoon|realistic|minimalist)\s+",
    ),
    Rule(
        r"(?:很|非常|特别|超级|十分)?(?:可爱|漂亮|美丽|好看|简单|简约|精美|精致|卡通|q版|帅气|萌萌)"
        r"(?:的|(?!的))",
    ),
    # Colours.
    Rule(rf"\b(?:(?:light|dark|bright|deep|pale) )?(?:{_COLOURS_EN})\s+"),
    Rule(
        rf"(?:[深浅淡亮暗鲜天海宝墨草]?[{_COLOURS_ZH}]|粉红|橘红|橘黄|玫红|咖啡|彩|七彩)色(?:的|(?!的))"
        rf"|五颜六色的|五彩的",
    ),
    # Whose, which and where: "… on a table", 桌子上的, 戴着帽子的.
    Rule(
        r"(?<=\w)\s+(?:on|in|under|near|beside|behind|next to|in front of) (?:an?|the|my|his|her)"
        rf"(?:\s+(?!(?:{_LOOK}|style|icon)\b)\w+)+",
        ahead=_END,
    ),
    Rule(
        rf"(?:(?<!{_HAN})|(?<=的))(?:<name>(?!{_LOOK}|风格){_HAN})+?的", ahead=rf"(?={_HAN}|[a-z])"
    ),
)

# Words that the reader recognises poorly, for things whose emoji it recognises well: label →
# words. Only where a word is all that is left between marks, an article, a style and "icon".
WORDS_FOR_EMOJI: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("wording.json").read_text("utf-8")
)


def _not_in(names: Iterable[str], rule: Rule) -> str:
    """A lookahead that fails where the rule's words would begin inside one of the names."""
    found = re.compile(f"(?:{rule.words.replace('<name>', '')}){rule.ahead}")
    tails: dict[str, set[str]] = defaultdict(set)
    for name in names:
        for place in range(len(name)):
            if found.match(name, place):
                tails[name[:place]].add(name[place:])
    parts = []
    for head, rest in sorted(tails.items()):
        before = rf"\b{re.escape(head)}" if head[:1].isascii() else re.escape(head)
        ends = (re.escape(tail) + (r"\b" if tail.isascii() else "") for tail in sorted(rest))
        parts.append((f"(?<={before})" if head else "") + f"(?:{'|'.join(ends)})")
    return f"(?!{'|'.join(parts)})" if parts else ""


def _pattern(rule: Rule, names: Iterable[str]) -> str:
    kept = _not_in(names, rule) if rule.names else ""
    words = rule.words if "<name>" in rule.words else f"<name>(?:{rule.words})"
    return ("^" if rule.start else "") + f"(?:{words.replace('<name>', kept)})+{rule.ahead}"


def _coloured(names: Iterable[str]) -> list[str]:
    """Names with a colour, as people also say them: 红心 → 红色的心, 红色心."""
    found = []
    for name in names:
        match = re.match(rf"([{_COLOURS_ZH}])(色的|色)?(.+)", name)
        if match and match[3] not in _NOT_COLOURED:
            found += [f"{match[1]}{joint}{match[3]}" for joint in ("色的", "色")]
    return found


def _alone(words: list[str], names: Iterable[str]) -> str:
    """Words where they are all that is left, and not the end of a name."""
    choices = []
    for word in sorted(words, key=lambda word: -len(word)):
        ends = [
            re.escape(name[: -len(word)]) for name in names if re.search(f".(?:的| ){word}$", name)
        ]
        choices.append("".join(f"(?<!{end})" for end in sorted(ends)) + re.escape(word))
    if words[0].isascii():
        articles = "|".join(rf"\b{word} " for word in ("a", "an", "the", "my", "of", "style"))
        before = rf"(?<=^|[,.:;(] |[,.:;(]|{articles}|{_LOOK_BEFORE})"
        after = r"(?=\s*(?:$|[,.:;!()])| in | icon\b| emoji\b| sticker\b| logo\b)"
    else:
        before, after = f"(?:(?<!{_HAN})|(?<=[的格]|{_LOOK}))", f"(?!{_HAN})"
    return f"{before}(?:{'|'.join(choices)}){after}"


def rules(phrases: Phrases) -> list[normalizers.Normalizer]:
    """The normalizers, in order, for a model that knows things by these phrases."""
    known = sorted({name for names in (*phrases.en, *phrases.zh) for name in names})
    known += _coloured(known)
    made: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex(_pattern(rule, known)), rule.content) for rule in RULES
    ]
    made.append(normalizers.Replace(Regex(r"^[\s,.。、]+|[\s,.。、]+$"), ""))
    for thing in phrases.things:
        names = WORDS_FOR_EMOJI.get(thing.label_en, [])
        parts = ([w for w in names if w.isascii()], [w for w in names if not w.isascii()])
        made += [
            normalizers.Replace(Regex(_alone(words, known)), thing.emoji)
            for words in parts
            if words
        ]
    return made
