"""Calculations in a text: every "3 × 4 + 2 = 14" is worked out.

Only what consists of numbers on both sides is judged; equations with unknowns are not.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

from studio.protocol import sentence
from studio.writing.facts.findings import Finding
from studio.writing.facts.numerals import plain_digits

_MAX_SIDE = 200
_MAX_POWER = 12
_BEFORE = 40
"""Characters before a calculation that are looked at."""
_MAX_DEPTH = 30
_RUN = re.compile(r"[\d.,+\-*/()%^²³ \t=]+")
_ENUMERATION = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?(?:[(（]?\d{1,3}(?:[.、)）]|\.\))(?=\s))?[ \t]*", re.MULTILINE
)
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|[-+*/()%^²³])")
_NUMBER = re.compile(r"\s*-?\d+(?:\.(\d+))?\s*%?\s*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_REMAINDER = re.compile(r"\s*(?:\.{2,}|…+|r(?:emainder)?\.?|R|余)\s*(\d+)", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z](?![A-Za-z])|[\\(_^]")


def wrong_sums(text: str) -> Iterator[Finding]:
    """Yield the calculations whose two sides differ."""
    plain = _normalised(text)
    for run in _RUN.finditer(plain):
        if "=" not in run[0]:
            continue
        before = plain[max(0, run.start() - _BEFORE) : run.start()].rstrip()[-1:]
        sides = run[0].split("=")
        start = run.start()
        for place, (left, right) in enumerate(itertools.pairwise(sides)):
            end = start + len(left) + 1 + len(right)
            is_last = place == len(sides) - 2
            is_joined = place == 0 and not left.lstrip()[:1].isdigit() and before.isalnum()
            if not is_joined and not (is_last and _VARIABLE.match(plain, end)):
                remainder = _REMAINDER.match(plain, end - len(right) + len(right.rstrip(" .")))
                found = _compared(left, right, remainder[1] if remainder else "")
                if found is not None:
                    first = start + len(left) - len(left.lstrip())
                    last = end - len(right) + len(right.rstrip(" .,\t"))
                    shown = text[first : start + len(left)].strip()
                    given = text[end - len(right) : last].strip()
                    if _NUMBER.fullmatch(left):
                        shown, given = given, shown
                    message = sentence(
                        "{sum} is {value}, not {given}.", sum=shown, value=found, given=given
                    )
                    yield Finding("sum_wrong", text[first:last], message, first, last)
            start += len(left) + 1


def value_of_sum(expression: str) -> Fraction | None:
    """Return the value of an expression of numbers, None if it is not one."""
    if len(expression) > _MAX_SIDE:
        return None
    tokens, place = [], 0
    stripped = _THOUSANDS.sub("", expression).strip(" \t.,")
    while place < len(stripped):
        found = _TOKEN.match(stripped, place)
        if found is None:
            return None
        tokens.append(found[1])
        place = found.end()
    try:
        value, rest = _sum(tokens, 0)
    except (IndexError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if rest == len(tokens) else None


def _normalised(text: str) -> str:
    """Return the text with one sign for each operation; positions stay the same."""
    plain = plain_digits(text).replace("＝", "=")
    for signs in (r"\times", r"\cdot"):
        plain = plain.replace(signs, "*".rjust(len(signs)))
    plain = plain.replace(r"\div", "   /").replace("**", "  ").replace("`", " ").replace("$", " ")
    plain = plain.translate(str.maketrans("×·÷−–", "**/--"))
    plain = re.sub(r"(?<=[\d)])([ \t]*)[xX](?=[ \t]*[\d(])", r"\1*", plain)
    plain = re.sub(r"%([ \t]+)of(?=[ \t]+\d)", lambda found: f"%{found[1]}* ", plain)
    return _ENUMERATION.sub(lambda found: "\0" * len(found[0]), plain)


def _compared(left: str, right: str, remainder: str) -> str | None:
    """Return the value of the left side if the right side is another, None if they agree."""
    if not re.search(r"[-+*/^%²³]", left.strip().lstrip("-")) and not re.search(
        r"[-+*/^%²³]", right.strip().lstrip("-")
    ):
        return None
    first, second = value_of_sum(left), value_of_sum(right)
    if first is None or second is None or first == second:
        return None
    if remainder:
        divided = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", left)
        if divided and int(divided[2]):
            quotient, rest = divmod(int(divided[1]), int(divided[2]))
            is_right = second == quotient and int(remainder) == rest
            return None if is_right else f"{quotient} r {rest}"
        return None
    for side, given, value in ((right, second, first), (left, first, second)):
        number = _NUMBER.fullmatch(_THOUSANDS.sub("", side).rstrip(" .,"))
        if number and number[1]:
            scale = 10 ** len(number[1]) * (100 if "%" in side else 1)
            if abs(given - value) * scale <= 1:
                return None
    is_number = _NUMBER.fullmatch(left) is not None
    return _shown(second if is_number else first, "/" in left + right)


def _shown(value: Fraction, as_fraction: bool) -> str:
    if value.denominator == 1 or (as_fraction and value.denominator <= 1000):
        return str(value)
    decimal = float(value)
    shown = f"{decimal:.10g}"
    return shown if Fraction(shown) == value else f"{value} ≈ {decimal:.4g}"


def _sum(tokens: list[str], place: int, depth: int = 0) -> tuple[Fraction, int]:
    value, place = _product(tokens, place, depth)
    while place < len(tokens) and tokens[place] in "+-":
        other, after = _product(tokens, place + 1, depth)
        value = value + other if tokens[place] == "+" else value - other
        place = after
    return value, place


def _product(tokens: list[str], place: int, depth: int) -> tuple[Fraction, int]:
    value, place = _power(tokens, place, depth)
    while place < len(tokens) and (tokens[place] in "*/" or tokens[place] == "("):
        sign = tokens[place]
        other, place = _power(tokens, place + (sign != "("), depth)
        value = value / other if sign == "/" else value * other
    return value, place


def _power(tokens: list[str], place: int, depth: int) -> tuple[Fraction, int]:
    if depth > _MAX_DEPTH:
        raise ValueError
    token = tokens[place]
    if token == "-":
        value, place = _power(tokens, place + 1, depth + 1)
        return -value, place
    if token == "(":
        value, place = _sum(tokens, place + 1, depth + 1)
        if tokens[place] != ")":
            raise ValueError
    elif token[0].isdigit() or token[0] == ".":
        if len(token) > 20:
            raise ValueError
        value = Fraction(token)
    else:
        raise ValueError
    place += 1
    while place < len(tokens) and tokens[place] in ("%", "^", "²", "³"):
        sign = tokens[place]
        if sign == "%":
            value /= 100
        elif sign == "^":
            exponent = Fraction(tokens[place + 1])
            if exponent.denominator != 1 or not 0 <= exponent <= _MAX_POWER:
                raise ValueError
            value, place = value ** int(exponent), place + 1
        else:
            value = value ** (2 if sign == "²" else 3)
        place += 1
    return value, place
