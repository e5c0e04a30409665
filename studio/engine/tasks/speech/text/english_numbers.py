"""Numbers, dates, times, money and units in English, as words."""

from __future__ import annotations

import re
from collections.abc import Callable

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH = "|".join((*_MONTHS, *(f"{month[:3]}\\.?" for month in _MONTHS), "Sept\\.?"))
_MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "￥": ("yuan", "yuan", "fen", "fen"),
}
_UNITS = {
    "km/h": "kilometres per hour",
    "km": "kilometres",
    "mph": "miles per hour",
    "m/s": "metres per second",
    "cm": "centimetres",
    "mm": "millimetres",
    "m": "metres",
    "ft": "feet",
    "kg": "kilograms",
    "mg": "milligrams",
    "g": "grams",
    "lb": "pounds",
    "lbs": "pounds",
    "oz": "ounces",
    "ml": "millilitres",
    "l": "litres",
    "L": "litres",
    "TB": "terabytes",
    "GB": "gigabytes",
    "MB": "megabytes",
    "kB": "kilobytes",
    "KB": "kilobytes",
    "GHz": "gigahertz",
    "MHz": "megahertz",
    "kHz": "kilohertz",
    "Hz": "hertz",
    "ms": "milliseconds",
    "kWh": "kilowatt hours",
    "kW": "kilowatts",
    "W": "watts",
    "V": "volts",
    "px": "pixels",
    "fps": "frames per second",
    "dB": "decibels",
    "°C": "degrees Celsius",
    "°F": "degrees Fahrenheit",
    "°": "degrees",
    "%": "percent",
}
_SINGULAR = {"feet": "foot", "inches": "inch", "hertz": "hertz", "percent": "percent"}
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_WORDS_OF = {
    "&": " and ",
    "+": " plus ",
    "=": " equals ",
    "@": " at ",
    "%": " percent ",
    "×": " times ",
    "÷": " divided by ",
    "→": " to ",
    "≈": " about ",
    "~": " about ",
    "<": " less than ",
    ">": " greater than ",
    "±": " plus or minus ",
    "°": " degrees ",
    "§": " section ",
    "©": " copyright ",
    "_": " ",
    "*": " ",
    "|": ", ",
    "\\": " ",
    "^": " ",
    "#": " ",
}
_TITLES = {
    "mr": "Mister",
    "mrs": "Missus",
    "ms": "Miz",
    "dr": "Doctor",
    "prof": "Professor",
    "vs": "versus",
    "etc": "et cetera",
    "approx": "approximately",
    "dept": "department",
    "fig": "figure",
    "vol": "volume",
}


def cardinal(number: int) -> str:
    """Return a number as words: `1,204` is "one thousand two hundred four"."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    if number < 20:
        return _ONES[number]
    if number < 100:
        rest = f"-{_ONES[number % 10]}" if number % 10 else ""
        return _TENS[number // 10] + rest
    if number < 1000:
        rest = f" {cardinal(number % 100)}" if number % 100 else ""
        return f"{_ONES[number // 100]} hundred{rest}"
    groups: list[str] = []
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.insert(0, cardinal(group) + scale)
        if not number:
            return " ".join(groups)
    return " ".join([digits(str(number)), *groups])


def ordinal(number: int) -> str:
    """Return the ordinal of a number as words."""
    words = cardinal(number)
    head, dash, last = words.rpartition("-" if "-" in words.split(" ")[-1] else " ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = f"{last[:-1]}ieth"
    else:
        last += "th"
    return f"{head}{dash}{last}"


def year(number: int) -> str:
    """Return a year as words: "nineteen ninety-nine", "two thousand five"."""
    high, low = divmod(number, 100)
    if not 1000 <= number < 10_000 or (high % 10 == 0 and low < 10):
        return cardinal(number)
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low < 10 else ''}{cardinal(low)}"


def digits(text: str) -> str:
    """Return the digits of a text as words."""
    return " ".join(_ONES[int(digit)] for digit in text if digit.isdigit())


def spoken(text: str) -> str:
    """Return an English sentence with everything that is not a word as words."""
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    for mark, words in _WORDS_OF.items():
        text = text.replace(mark, words)
    return re.sub(r"\s+", " ", text).strip()


def _plain(text: str) -> str:
    """Return a number without a sign, with separators and a decimal point, as words."""
    whole, _, fraction = text.replace(",", "").partition(".")
    if (len(whole) > 1 and whole[0] == "0") or len(whole) > 21:
        said = digits(whole)
    else:
        said = cardinal(int(whole or 0))
    return f"{said} point {digits(fraction)}" if fraction else said


def _money(found: re.Match[str]) -> str:
    one, many, small, smalls = _MONEY[found["sign"]]
    whole, _, cents = found["number"].replace(",", "").partition(".")
    if found["scale"]:
        return f"{_plain(found['number'])} {found['scale']} {many}"
    said = f"{cardinal(int(whole))} {one if int(whole) == 1 else many}"
    if len(cents) == 2 and int(cents):
        said += f" and {cardinal(int(cents))} {small if int(cents) == 1 else smalls}"
    elif cents and int(cents):
        said = f"{_plain(found['number'])} {many}"
    return said


def _measure(found: re.Match[str]) -> str:
    unit = _UNITS[found["unit"]]
    if found["number"] in ("1", "1.0"):
        first, _, rest = unit.partition(" ")
        first = _SINGULAR.get(first, first.removesuffix("s"))
        unit = f"{first} {rest}".strip()
    return f"{_plain(found['number'])} {unit}"


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found["hour"]), int(found["minute"])
    said = cardinal(hour)
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif not found["half"]:
        said += " hundred" if hour > 12 else " o'clock"
    if found["half"]:
        said += " A M" if found["half"][0] in "aA" else " P M"
    return said


def _iso_date(found: re.Match[str]) -> str:
    month, day = int(found["month"]), int(found["day"])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return found[0]
    return f"{_MONTHS[month - 1]} {ordinal(day)}, {year(int(found['year']))}"


def _month_name(text: str) -> str:
    return next(month for month in _MONTHS if month.startswith(text[:3]))


def _month_day(found: re.Match[str]) -> str:
    said = f"{_month_name(found['name'])} {ordinal(int(found['day']))}"
    return f"{said}, {year(int(found['year']))}" if found["year"] else said


def _day_month(found: re.Match[str]) -> str:
    said = f"{ordinal(int(found['day']))} of {_month_name(found['name'])}"
    return f"{said} {year(int(found['year']))}" if found["year"] else said


def _fraction(found: re.Match[str]) -> str:
    above, below = int(found[1]), int(found[2])
    if below < 2 or below > 100 or above >= below:
        return found[0].replace("/", " slash ")
    name = {2: "half", 4: "quarter"}.get(below, ordinal(below))
    plural = "halves" if below == 2 else f"{name}s"
    return f"{cardinal(above)} {name if above == 1 else plural}"


def _bare(found: re.Match[str]) -> str:
    text = found[0]
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", text) and text != "2000":
        return year(int(text))
    return _plain(text)


def _decade(found: re.Match[str]) -> str:
    said = year(int(found[1])) if len(found[1]) == 4 else cardinal(int(found[1]))
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"[’‘]"), "'"),
    (re.compile(r"\be\.g\.,?", re.I), "for example,"),
    (re.compile(r"\bi\.e\.,?", re.I), "that is,"),
    (
        re.compile(rf"\b({'|'.join(_TITLES)})\.(?=\s|,|$)", re.I),
        lambda found: _TITLES[found[1].lower()],
    ),
    (re.compile(r"\bNo\.\s?(?=\d)"), "number "),
    (re.compile(r"#(?=\d)"), "number "),
    (
        re.compile(
            rf"(?P<sign>[$£€¥￥])\s?(?P<number>{_NUMBER})"
            r"(?:\s?(?P<scale>thousand|million|billion|trillion)\b)?"
        ),
        _money,
    ),
    (
        re.compile(r"\b(?P<year>[12]\d{3})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b"),
        _iso_date,
    ),
    (
        re.compile(
            rf"\b(?P<name>{_MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b"
            r"(?!:)(?:,?\s(?P<year>[12]\d{3})\b)?"
        ),
        _month_day,
    ),
    (
        re.compile(
            rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<name>{_MONTH})(?!\w)"
            r"(?:,?\s(?P<year>[12]\d{3})\b)?"
        ),
        _day_month,
    ),
    (
        re.compile(
            r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::[0-5]\d)?"
            r"(?:\s?(?P<half>[ap]\.?m\b\.?|[AP]\.?M\b\.?))?(?!\d)"
        ),
        _time,
    ),
    (
        re.compile(r"\b(\d{1,2})\s?([ap])\.?m\b\.?", re.I),
        lambda found: f"{cardinal(int(found[1]))} {found[2].upper()} M",
    ),
    (re.compile(r"\b(1\d\d0|20\d0|[2-9]0)'?s\b"), _decade),
    (
        re.compile(r"\b(\d[\d,]*)(?:st|nd|rd|th)\b"),
        lambda found: ordinal(int(found[1].replace(",", ""))),
    ),
    (
        re.compile(r"\+?\b(?:\d{1,3}[ -])?\(?\d{3}\)?[ -]\d{3,4}[ -]\d{4}\b"),
        lambda found: ", ".join(digits(part) for part in re.findall(r"\d+", found[0])),
    ),
    (re.compile(r"\b(\d+)(?:\.\d+){2,}\b"), lambda found: " point ".join(found[0].split("."))),
    (re.compile(r"(?<![\w.)])[-−](?=\d)"), " minus "),
    (re.compile(rf"({_NUMBER})\s?[-–]\s?(?=(?:{_NUMBER}))"), r"\1 to "),
    (re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,3})(?![\d/])"), _fraction),
    (re.compile(rf"(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})(?![A-Za-z])"), _measure),
    (re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])"), " "),
    (re.compile(_NUMBER), _bare),
    (re.compile(r"(?<=\w)/(?=\w)"), " "),
    (re.compile(r"(?<=\w)\.(?=\w)"), " dot "),
    (re.compile(r"\s[-–]\s"), " — "),
    (re.compile(r"(?<=\w)[-–](?=\w)"), " "),
)
