"""The languages that Whisper models know, by their codes."""

from __future__ import annotations

CODES = tuple(
    (
        "en zh yue ja ko de es fr it pt ru ar hi nl pl sv tr uk vi th id "
        "af am as az ba be bg bn bo br bs ca cs cy da el et eu fa fi fo gl gu ha haw he hr ht hu hy"
        " is jw ka kk km kn la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nn no oc pa ps ro sa sd"
        " si sk sl sn so sq sr su sw ta te tg tk tl tt ur uz yi yo"
    ).split()
)
"""The most spoken first."""

_NAMES = {
    "english": "en",
    "chinese": "zh",
    "mandarin": "zh",
    "cantonese": "yue",
    "japanese": "ja",
    "korean": "ko",
    "german": "de",
    "spanish": "es",
    "french": "fr",
    "italian": "it",
    "portuguese": "pt",
    "russian": "ru",
    "arabic": "ar",
    "hindi": "hi",
    "中文": "zh",
    "汉语": "zh",
    "普通话": "zh",
    "粤语": "yue",
    "英文": "en",
    "英语": "en",
    "日语": "ja",
    "韩语": "ko",
    "德语": "de",
    "法语": "fr",
    "西班牙语": "es",
    "俄语": "ru",
}


def code_of(text: str) -> str:
    """Return the code of a language given by code, locale or name; "" if it is unknown."""
    wanted = text.strip().lower()
    for name in (wanted, wanted.replace("_", "-").split("-")[0]):
        if name in CODES:
            return name
    return _NAMES.get(wanted, "")
