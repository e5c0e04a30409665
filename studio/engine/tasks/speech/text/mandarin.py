"""Mandarin as phonemes: numbers, segmentation, polyphones, tone sandhi, and the sounds of Kokoro.

Segmentation is jieba's, readings are pypinyin's, numbers and sandhi are misaki's (from
PaddleSpeech, Apache-2.0), and so are the sounds of initials and finals.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.engine.tasks.speech.text.english_numbers import ordinal
from studio.formats.atomic_write import make_private_folder

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TONES = {"˧˩˧": "↓", "˧˥": "↗", "˥˩": "↘", "˥": "→", "ɻ̩": "ɨ", "ɹ̩": "ɨ", "̯": ""}
_PINYIN = re.compile(r"([a-zü:]+?)(r?)([1-5])")
_READINGS = {
    "开户行": "kāi hù háng",
    "发卡行": "fā kǎ háng",
    "行号": "háng hào",
    "各地": "gè dì",
    "借还款": "jiè huán kuǎn",
    "为准": "wéi zhǔn",
    "色差": "sè chā",
    "重新": "chóng xīn",
    "行长": "háng zhǎng",
    "长大": "zhǎng dà",
    "还款": "huán kuǎn",
    "得了": "dé le",
    "睡着": "shuì zháo",
    "着火": "zháo huǒ",
    "着急": "zháo jí",
    "重播": "chóng bō",
    "重做": "chóng zuò",
    "重组": "chóng zǔ",
    "重启": "chóng qǐ",
    "调音": "tiáo yīn",
    "朝阳区": "cháo yáng qū",
    "很长": "hěn cháng",
    "太长": "tài cháng",
    "多长": "duō cháng",
    "更长": "gèng cháng",
    "最长": "zuì cháng",
    "不长": "bù cháng",
    "长时间": "cháng shí jiān",
    "种地": "zhòng dì",
    "都市": "dū shì",
    "都市里": "dū shì lǐ",
}
"""Of words that the dictionaries read otherwise, or take apart."""
_UNITS = {
    "km/h": "公里每小时",
    "km": "公里",
    "cm": "厘米",
    "mm": "毫米",
    "kg": "公斤",
    "mg": "毫克",
    "ml": "毫升",
    "GB": "G B",
    "MB": "M B",
    "TB": "T B",
    "GHz": "吉赫兹",
    "MHz": "兆赫兹",
    "kHz": "千赫兹",
    "Hz": "赫兹",
    "m": "米",
    "g": "克",
    "L": "升",
    "W": "瓦",
    "V": "伏",
    "ms": "毫秒",
    "°C": "摄氏度",
    "℃": "摄氏度",
    "°": "度",
}
_UNIT = re.compile(
    r"(?<=\d)\s?("
    + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    + ")(?![A-Za-z])"
)
_MONEY = re.compile(r"([¥￥$€£])\s?(\d[\d,]*(?:\.\d+)?)([万亿]?)")
_CURRENCIES = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
_COUNTED = (
    "个|小时|天|年(?!级)|只|条|张|本|位|人|次|种|件|块|分钟|秒|周|倍|家|部|台|杯|套|把|名|岁|点|米|公里"
    "|公斤|吨|元|万|亿|千|遍|场|支|首|幅|层|间|座|辆|口|篇|句|段|页|对|双|项|组|款|档|批|排|行|列"
)
_TWO = re.compile(rf"(?<![\d.第/:\-年月])2(?={_COUNTED})")
_GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])")
_ROUND = re.compile(r"(?<![\d.])[1-9]\d{2,9}00(?![\d.年])")
_RATIO = re.compile(r"(?<![\d:])(\d+)\s?[:：]\s?(\d)(?![\d:])")
_ORDINAL = re.compile(r"(?<![\d.])(\d{1,4})(?:st|nd|rd|th)(?![A-Za-z])")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’ ][A-Za-zÀ-ɏ]+)*")
_HIDDEN = 0xF000
"""The first of the characters that stand for Latin words while numbers are replaced."""
_DIGITS = "零〇一二三四五六七八九"
_SIGNS = {"&": "和", "+": "加", "=": "等于", "×": "乘以", "÷": "除以", "@": " at "}


class Syllables(Struct, frozen=True):
    """A word with the pinyin and the phonemes of its syllables; tones after sandhi."""

    text: str
    pinyin: tuple[str, ...]
    phonemes: str


def has_han(text: str) -> bool:
    """Return whether a text has Chinese characters."""
    return _HAN.search(text) is not None


def spoken(text: str) -> str:
    """Return a sentence with its numbers, dates, times, money and units in Chinese characters."""
    text = re.sub(r"(?<=[A-Za-z])[-–](?=\d)", " ", text)
    text = _ROUND.sub(_cardinal, _GROUPED.sub(_cardinal, text))
    text = _RATIO.sub(r"\1比\2", _TWO.sub("两", text))
    text = _MONEY.sub(lambda found: found[2] + found[3] + _CURRENCIES[found[1]], text)
    text = _UNIT.sub(lambda found: _UNITS[found[1]], text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    text = _ORDINAL.sub(lambda found: ordinal(int(found[1])), text)
    # The normaliser drops quotation marks, and takes the ends of English words for units.
    text = text.replace("“", "『").replace("”", "』")
    latin: list[str] = []

    def hide(found: re.Match[str]) -> str:
        latin.append(found[0])
        return chr(_HIDDEN + len(latin) - 1)

    hidden = _LATIN.sub(hide, text)
    try:
        said = str(_normaliser().normalize_sentence(hidden))
    except (ArithmeticError, AttributeError, LookupError, ValueError):
        said = hidden  # something that looks like a number and is none
    return re.sub(
        "[\uf000-\uf8ff]",
        lambda found: latin[at] if (at := ord(found[0]) - _HIDDEN) < len(latin) else "",
        said,
    )


def _cardinal(found: re.Match[str]) -> str:
    from misaki.zh_normalization.num import verbalize_cardinal

    return str(verbalize_cardinal(found[0].replace(",", "")))


def words(text: str) -> Iterator[Syllables]:
    """Yield the words of a run of Chinese characters."""
    tools = _tools()
    cut = [(word, part) for word, part in tools.cut(text)]
    for word, part in tools.sandhi.pre_merge_for_modify(cut):
        initials = tools.read(word, style=tools.initials, neutral_tone_with_five=True)
        finals = tools.read(word, style=tools.finals, neutral_tone_with_five=True)
        finals = [
            "n2" if character == "嗯" else final
            for character, final in zip(word, finals, strict=False)
        ]
        if len(initials) != len(word) or not all(final[-1:].isdigit() for final in finals):
            continue  # characters without a reading
        finals = _with_sandhi(word, part, finals)
        pairs = list(zip(initials, finals, strict=True))
        syllables = tuple(initial + final for initial, final in pairs)
        yield Syllables(word, syllables, "".join(_sound(*pair) for pair in _rhotic(word, pairs)))


def _with_sandhi(word: str, part: str, finals: list[str]) -> list[str]:
    """Return the finals of a word with the tones that they have in it."""
    changed: list[str] = _tools().sandhi.modified_tone(word, part, list(finals))
    if len(word) > 1 and word[-1] in "的地得":
        changed[-1] = finals[-1]  # 土地, 目的 and 获得 keep their tones
    for at, character in enumerate(word):
        before, after = word[at - 1 : at], word[at + 1 : at + 2]
        if character == "一" and _is_numeral(before, after):
            changed[at] = "i1"
        elif at and len(word) == 4 and at == 2 and character == before and word[0] != before:
            changed[at] = finals[at]  # 银行行长 repeats nothing
    return changed


def _is_numeral(before: str, after: str) -> bool:
    """Return whether a 一 between two characters is a digit, or an ordinal."""
    if (before and before in f"{_DIGITS}十点第") or (after and after in _DIGITS):
        return True
    return not before and bool(after) and after in "月号"


def pinyin_sound(text: str) -> str:
    """Return the phonemes of pinyin with numbers, such as `chong2 qing4`; "" if it is none."""
    tools = _tools()
    parts = text.lower().replace("u:", "ü").replace("v", "ü").split()
    sounds: list[str] = []
    for part in parts:
        found = _PINYIN.fullmatch(part)
        if found is None:
            return ""
        initial = tools.initial_of(found[1], strict=True)
        final = tools.final_of(found[1], strict=True)
        if not final:
            return ""
        sounds.append(_sound(initial, f"{final}{found[3]}"))
        if found[2]:
            sounds.append("ɚ")
    return "".join(sounds)


def _rhotic(word: str, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join a 儿 that is no syllable of its own to the syllable before it."""
    is_rhotic = len(word) > 1 and word[-1] == "儿" and word not in _tools().plain_er
    if not is_rhotic:
        return pairs
    initial, final = pairs[-2]
    return [*pairs[:-2], (initial, f"{final[:-1].removesuffix('n')}{final[-1]}"), ("", "er5")]


def _sound(initial: str, final: str) -> str:
    tools = _tools()
    name, tone = final[:-1].replace("v", "ü"), tools.tones[int(final[-1])]
    if not initial and name in tools.interjections:
        sounds = tools.interjections[name][0]
    elif not initial and name in tools.syllabic:
        sounds = tools.syllabic[name][0]
    elif name == "i" and initial in ("zh", "ch", "sh", "r"):
        sounds = tools.after_zh[name][0]
    elif name == "i" and initial in ("z", "c", "s"):
        sounds = tools.after_z[name][0]
    else:
        sounds = tools.final_sounds.get(name, ((),))[0]
    head = tools.initial_sounds[initial][0] if initial in tools.initial_sounds else ()
    whole = "".join((*head, *(sound.replace("0", tone) for sound in sounds)))
    for old, new in _TONES.items():
        whole = whole.replace(old, new)
    return whole


class _Tools:
    """The libraries, which take a second to import and read their dictionaries."""

    def __init__(self) -> None:
        import jieba
        import jieba.posseg
        from misaki import transcription
        from misaki.tone_sandhi import ToneSandhi
        from misaki.zh_frontend import ZHFrontend
        from pypinyin import Style, lazy_pinyin, load_phrases_dict
        from pypinyin.contrib.tone_convert import to_finals, to_initials

        jieba.setLogLevel(logging.WARNING)
        # The default place of its cache can be written by others, and it is read by marshal.
        jieba.dt.tmp_dir = _private_cache()
        known = ZHFrontend()  # also loads the large dictionary of phrases into pypinyin
        load_phrases_dict(
            {word: [[part] for part in read.split()] for word, read in _READINGS.items()}
        )
        for word in _READINGS:
            jieba.add_word(word)
        self.cut: Any = jieba.posseg.lcut
        self.sandhi: Any = ToneSandhi()
        self.plain_er = frozenset(known.not_erhua) | {"儿"}
        self.read: Any = lazy_pinyin
        self.initials, self.finals = Style.INITIALS, Style.FINALS_TONE3
        self.initial_of, self.final_of = to_initials, to_finals
        self.tones = transcription.TONE_MAPPING
        self.interjections = transcription.INTERJECTION_MAPPINGS
        self.syllabic = transcription.SYLLABIC_CONSONANT_MAPPINGS
        self.initial_sounds = transcription.INITIAL_MAPPING
        self.final_sounds = transcription.FINAL_MAPPING
        self.after_zh = transcription.FINAL_MAPPING_AFTER_ZH_CH_SH_R
        self.after_z = transcription.FINAL_MAPPING_AFTER_Z_C_S


def _private_cache() -> str | None:
    """Return a folder for jieba's cache that is this user's alone; None for its own default."""
    user = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"prompt-studio-{user}"
    try:
        make_private_folder(folder)
        status = folder.lstat()
    except OSError:
        return None
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return str(folder) if is_own and stat.S_ISDIR(status.st_mode) else None


@cache
def _tools() -> _Tools:
    return _Tools()


@cache
def _normaliser() -> Any:
    from misaki.zh_normalization.text_normalization import TextNormalizer

    return TextNormalizer()
