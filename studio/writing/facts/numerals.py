"""Numbers as people write them, in digits and in words, in English and Chinese.

Written by hand: what reads numbers in both languages and says where they stand
(Microsoft's recognizers-text) is no longer maintained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

_FULL_WIDTH = str.maketrans(
    "0123456789％．，：＋－−–—～〜（）＄￥：／", "0123456789%.,:+----~~()$¥:/"
)
_FULL_WIDTH |= {0xFF10 + digit: ord("0") + digit for digit in range(10)}
# Only characters that stand in numbers, dates, units, and words of rising and falling.
_TRADITIONAL = str.maketrans(
    "萬億兩鐘時個間點號幣門場節週條種臺輛雙幾約達過開長減漲虧損淨營歲鎊圓歐釐頓斤層樓頁張隻對屆"
    "總計餘倍後報課冊顆塊盧盤頭項筆價額於從變擴縮復來較環業類員學題賽內華氏攝馬億餐圍縣區",
    "万亿两钟时个间点号币门场节周条种台辆双几约达过开长减涨亏损净营岁镑元欧厘顿斤层楼页张只对届"
    "总计余倍后报课册颗块卢盘头项笔价额于从变扩缩复来较环业类员学题赛内华氏摄马亿餐围县区",
)


def plain_digits(text: str) -> str:
    """Return the text with digits and signs of full width made plain, and with traditional
    characters around figures made simplified; positions stay the same."""
    return text.translate(_FULL_WIDTH).translate(_TRADITIONAL)


class Numeral(Struct, frozen=True):
    """A number and where it stands: `text[start:end]`. `decimals` were written after the point."""

    value: Decimal
    start: int
    end: int
    decimals: int = 0
    in_words: bool = False


_MAGNITUDES = {
    "thousand": 10**3,
    "k": 10**3,
    "million": 10**6,
    "millions": 10**6,
    "mn": 10**6,
    "mln": 10**6,
    "m": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
    "trillion": 10**12,
    "tn": 10**12,
}
_CHINESE_MAGNITUDES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4}
_CHINESE_MAGNITUDES |= {"亿": 10**8, "億": 10**8, "兆": 10**12}

_DIGITS = re.compile(
    r"(?<![\d.])(?:\d{1,3}(?:,\d{3}){1,5}(?!\d|,\d)|\d{1,18}(?!\d))(?:\.\d{1,9}(?!\d))?"
    r"(?:\s?(?P<chinese>[百千]?[万萬亿億兆]{1,2}|[百千](?![米克瓦卡兆帕赫字伏焦分]))"
    r"|\s?-?(?P<english>thousand|millions?|mln|mn|billion|bn|trillion|tn)\b"
    r"|(?P<short>[kKmMbB])(?![A-Za-z\d/²³]))?"
)

_MONEY = re.compile(
    r"\s?(?:US\s)?(?:dollars?|euros?|pounds?|yuan|yen|kronor|kroner|francs?|rupees?|rou?bles?|USD|EUR|GBP|CNY|RMB)\b"
)
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    " fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: value for value, word in enumerate(_ONES)}
_WORDS |= {word: 20 + 10 * at for at, word in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_SCALES |= {"trillion": 10**12}
_WORD = "|".join(sorted((*_WORDS, *_SCALES, "dozen"), key=len, reverse=True))
_IN_WORDS = re.compile(
    rf"\b(?:(?:a|half\sa)\s(?=(?:hundred|thousand|million|billion|trillion|dozen)\b))?"
    rf"(?:{_WORD})(?:(?:-|\sand\s|\spoint\s)(?:{_WORD})|\s(?:{_WORD})(?!-(?:bed|storey|day|week|year)))*\b",
    re.IGNORECASE,
)

_CHINESE_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")}
_CHINESE_DIGITS |= {"〇": 0, "两": 2, "兩": 2}
_IN_CHINESE = re.compile(
    r"半(?=[勺杯瓶斤片粒袋碗盒升匙块公])|[零〇一二三四五六七八九十百千万萬亿億两兩]+(?:点[零〇一二三四五六七八九]+[万亿]?)?"
)


_SOME = re.compile("一两|两三|三四|三五|四五|五六|六七|七八|八九")
"""Two or three: no number."""


def numerals(text: str) -> Iterator[Numeral]:
    """Return all numbers of a text, in order. The text must have gone through `plain_digits`."""
    found = [*_in_digits(text), *_in_english(text), *_in_chinese(text)]
    end = -1
    for numeral in sorted(found, key=lambda numeral: (numeral.start, -numeral.end)):
        if numeral.start >= end:
            yield numeral
            end = numeral.end


def _in_digits(text: str) -> Iterator[Numeral]:
    for match in _DIGITS.finditer(text):
        written = re.match(r"[\d,]+(?:\.\d+)?", match.group())
        assert written is not None
        digits = written.group().replace(",", "")
        factor = 1
        for character in match["chinese"] or "":
            factor *= _CHINESE_MAGNITUDES[character]
        end = match.end()
        word = match["english"] or match["short"] or ""
        is_money = text[match.start() - 1 : match.start()] in tuple("$¥€£") or _MONEY.match(
            text, end
        )
        if word == "K" and len(digits) == 1 and not is_money:
            continue  # 4K: a size of pictures
        if word in ("m", "b") and not is_money:
            word, end = "", end - 1  # metres and bytes, other than in "$5m"
        factor *= _MAGNITUDES.get(word.casefold(), 1)
        decimals = len(digits.partition(".")[2])
        yield Numeral(Decimal(digits) * factor, match.start(), end, decimals)


def _in_english(text: str) -> Iterator[Numeral]:
    for match in _IN_WORDS.finditer(text):
        value = _english_value(match.group().casefold())
        if value is not None:
            yield Numeral(value, match.start(), match.end(), in_words=True)


_MOST_BEFORE_SCALE = 99_999
"""The largest number before a word like "million"."""


def _english_value(written: str) -> Decimal | None:
    """Return the value of number words, None where they are no number ("hundred hundred")."""
    whole, _, fraction = written.partition(" point ")
    total = current = Decimal(0)
    half = whole.startswith("half a ")
    seen = False
    for word in re.split(r"[\s-]+", whole.removeprefix("half ")):
        if word in ("and", "a"):
            continue
        if current > _MOST_BEFORE_SCALE:
            return None  # "hundred hundred hundred"
        if word in _WORDS:
            if seen and current % 10 and _WORDS[word] < 20:
                return None  # "two three"
            current += _WORDS[word]
        elif word == "dozen":
            current = (current or Decimal(1)) * 12
        elif word == "hundred":
            current = (current or Decimal(1)) * 100
        else:
            total += (current or Decimal(1)) * _SCALES[word]
            current = Decimal(0)
        seen = True
    value = total + current
    if fraction:
        words = re.split(r"[\s-]+", fraction)
        digits = [_WORDS[word] for word in words if _WORDS.get(word, 10) < 10]
        scale = [_SCALES[word] for word in words if word in _SCALES]
        value += Decimal("0." + "".join(map(str, digits)) if digits else "0")
        for factor in scale:
            value *= factor
    return value / 2 if half else value


def _in_chinese(text: str) -> Iterator[Numeral]:
    for match in _IN_CHINESE.finditer(text):
        value = chinese_value(match.group())
        if value is not None:
            yield Numeral(value, match.start(), match.end(), in_words=True)


def chinese_value(written: str) -> Decimal | None:
    """Return the value of a number in Chinese characters (二〇二四, 三百二十, 一点五万)."""
    if written == "半":
        return Decimal("0.5")
    whole, _, fraction = written.partition("点")
    if not set(whole) & set(_CHINESE_MAGNITUDES):
        if _SOME.fullmatch(whole):
            return None
        digits = "".join(str(_CHINESE_DIGITS[digit]) for digit in whole)
        value = Decimal(digits)
    else:
        total = section = digit = 0
        for character in whole:
            if character in _CHINESE_DIGITS:
                digit = _CHINESE_DIGITS[character]
                continue
            factor = _CHINESE_MAGNITUDES[character]
            if factor < 10**4:
                section += (digit or (1 if factor == 10 else 0)) * factor
            elif section + digit:
                total = (
                    (total + section + digit) * factor
                    if factor > total > 0
                    else (total + (section + digit) * factor)
                )
                section = 0
            else:
                return None  # 万一, 亿万
            digit = 0
        value = Decimal(total + section + digit)
        if not value:
            return None
    if fraction:
        scale = 1
        if fraction[-1] in "万亿":
            scale, fraction = _CHINESE_MAGNITUDES[fraction[-1]], fraction[:-1]
        digits = "".join(str(_CHINESE_DIGITS[digit]) for digit in fraction)
        value = (value + Decimal("0." + digits)) * scale
    return value
